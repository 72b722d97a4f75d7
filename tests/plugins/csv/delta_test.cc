// Mode delta, the whole source.
#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <string>

#include "tests/plugins/csv/folder.h"

using namespace btb::test;
using namespace std::chrono_literals;
using Messages = std::vector<FakeHost::Message>;

namespace {

const TestSettings::Values delta{{"mode", "delta"}, {"op_column", "op"}};

std::string json(const std::string& id, const std::string& v) {
  return R"({"id":")" + id + R"(","v":")" + v + "\"}";
}

}  // namespace

TEST_CASE("orders are carried out in their order, and absent rows stay") {
  const Folder folder;
  folder.replace("1.csv", "op,id,v\nput,1,a\nput,2,b\nput,1,c\n");
  Csv csv(folder, "*.csv", delta);
  REQUIRE(csv.has({{{"t", "1"}, json("1", "c")}, {{"t", "2"}, json("2", "b")}}));
  folder.replace("2.csv", "op,id,v\ntobedeleted,2,\nput,3,x\n");
  REQUIRE(csv.has({{{"t", "1"}, json("1", "c")}, {{"t", "3"}, json("3", "x")}}));
  folder.remove("1.csv");
  folder.replace("3.csv", "op,id,v\nput,4,y\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 3; }));
}

TEST_CASE("an order for a row that moved deletes it where it lies") {
  const Folder folder;
  folder.replace("1.csv", "op,id,v\nput,1,7A\n");
  Csv csv(folder, "*.csv", {{"mode", "delta"}, {"op_column", "op"}, {"topic", "ward/{v}"}});
  REQUIRE(csv.has({{{"ward/7A", "1"}, json("1", "7A")}}));
  folder.replace("2.csv", "op,id,v\nput,1,8B\n");
  REQUIRE(csv.has({{{"ward/8B", "1"}, json("1", "8B")}}));
  folder.replace("3.csv", "op,id,v\ndelete,1,somewhere\n");
  REQUIRE(csv.has({}));
}

TEST_CASE("a list that was carried out is not carried out again after a restart") {
  const Folder folder;
  folder.replace("1.csv", "op,id,v\nput,1,a\n");
  std::string token;
  {
    Csv csv(folder, "*.csv", delta);
    REQUIRE(csv.is_live());
    token = csv.host.token();
  }
  REQUIRE(token.starts_with("d1"));
  folder.replace("2.csv", "op,id,v\ndelete,1,a\n");
  Csv csv(folder, "*.csv", delta, token);
  REQUIRE(csv.is_live());
  CHECK(csv.host.messages() == Messages{{false, "t", "1", ""}});
}

TEST_CASE("a list with too many bad orders is refused before the first is carried out") {
  const Folder folder;
  folder.replace("1.csv", "op,id,v\nput,1,a\nwhat,2,b\nwhy,3,c\n");
  Csv csv(folder, "*.csv",
          {{"mode", "delta"},
           {"op_column", "op"},
           {"op_values", List{"put", "put", "delete", "delete"}}});
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "2 of 3 rows cannot be read"));
  CHECK(csv.host.message_count() == 0);
  REQUIRE(csv.host.letters().size() == 2);
  CHECK(csv.host.letters()[0].reason == "\"what\" is no operation that op_values names");
  CHECK(csv.host.letters()[0].column == 1);
}

TEST_CASE("a word that is no operation is a dead letter, unless the deletions are named") {
  const Folder folder;
  folder.replace("1.csv", "op,id,v\nput,1,a\nI,2,b\n,3,c\nactive,4,d\nfoo,5,e\n");
  {
    Csv csv(folder, "*.csv", delta);
    REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "1 of 5 rows"));
    CHECK(csv.host.table().size() == 4);
    REQUIRE(csv.told_letters(1));
    CHECK(csv.host.letters()[0].reason == "\"foo\" is no operation that op_values names");
    folder.replace("2.csv", "op,id,v\nremoved,1,\nRemove,2,\ntombstone,3,\nerased,4,\n");
    REQUIRE(csv.has({}));
  }
  Csv csv(folder, "1.csv",
          {{"mode", "delta"}, {"op_column", "op"}, {"op_values", List{"delete", "put"}}});
  REQUIRE(csv.is_live());
  CHECK(csv.host.table().size() == 4);
  CHECK(csv.host.table().contains({"t", "5"}));
}

// The topic of a row is known from the lists that lie there, also those of an earlier run.
TEST_CASE("after a restart rows are moved and deleted where the lists that were done put them") {
  const Folder folder;
  const TestSettings::Values wards{{"mode", "delta"}, {"op_column", "op"}, {"topic", "ward/{v}"}};
  folder.replace("1.csv", "op,id,v\nput,1,a\nput,2,a\nput,3,a\nput,4,a\n");
  folder.replace("2.csv", "op,id,v\nput,3,b\ndelete,4,\nput,5,b\n");
  std::string token;
  {
    Csv csv(folder, "*.csv", wards);
    REQUIRE(csv.host.wait_for([&] { return csv.host.table().contains({"ward/b", "5"}); }));
    token = csv.host.token();
  }
  Csv csv(folder, "*.csv", wards, token);
  REQUIRE(csv.is_live());
  CHECK(csv.host.message_count() == 0);
  folder.replace("3.csv", "op,id,v\ndelete,1,\nput,2,c\ndelete,3,\nput,5,b\ndelete,4,\n");
  REQUIRE(csv.told_letters(1));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "1 of 5 rows"));
  CHECK(csv.host.messages() == Messages{{false, "ward/a", "1", ""},
                                        {false, "ward/a", "2", ""},
                                        {true, "ward/c", "2", json("2", "c")},
                                        {false, "ward/b", "3", ""},
                                        {true, "ward/b", "5", json("5", "b")}});
  CHECK(csv.host.letters()[0].reason == "a deletion of an unknown row: its topic cannot be told");
  CHECK(csv.host.letters()[0].line == 6);
  // Once more what it was: it is no news.
  folder.replace("1.csv", "op,id,v\nput,1,a\nput,2,a\nput,3,a\nput,4,a\n");
  folder.replace("4.csv", "op,id,v\nput,6,a\ndelete,6,\ndelete,2,\ndelete,6,\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.message_count() == 8; }));
  CHECK(csv.host.messages()[7] == FakeHost::Message{false, "ward/c", "2", ""});
  folder.replace("1.csv", "op,id,v\nwhat,9,z\nput,9,z\n");
  REQUIRE(csv.told_letters(2));
  CHECK(csv.host.letters()[1].location == folder.path("1.csv"));
}

TEST_CASE("deletions of rows that nobody knows stop a list only with on_error: stop") {
  const Folder folder;
  TestSettings::Values wards{{"mode", "delta"}, {"op_column", "op"}, {"topic", "ward/{v}"}};
  folder.replace("1.csv", "op,id,v\ndelete,1,\ndelete,2,\nput,3,a\n");
  {
    Csv csv(folder, "*.csv", wards);
    REQUIRE(csv.has({{{"ward/a", "3"}, json("3", "a")}}));
    CHECK(csv.host.letters().size() == 2);
    CHECK(csv.host.message_count() == 1);
  }
  wards.push_back({"on_error", "stop"});
  Csv csv(folder, "*.csv", wards);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "its topic cannot be told"));
  CHECK(csv.host.message_count() == 0);
}

TEST_CASE("a list whose last line has no end is carried out before those behind it") {
  const Folder folder;
  const TestSettings::Values slow{
      {"mode", "delta"}, {"op_column", "op"}, {"settle", "1s"}, {"rescan", "1h"}};
  Csv csv(folder, "*.csv", slow);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "no file fits"));
  folder.write("01.csv", "op,id,v\nput,42,occupied");
  folder.write("02.csv", "op,id,v\nput,42,free\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.message_count() == 2; }));
  CHECK(csv.host.messages() ==
        Messages{{true, "t", "42", json("42", "occupied")}, {true, "t", "42", json("42", "free")}});
}

TEST_CASE("a list that somebody still writes to is waited for before those behind it") {
  const Folder folder;
  const TestSettings::Values slow{
      {"mode", "delta"}, {"op_column", "op"}, {"settle", "1h"}, {"rescan", "1h"}};
  Csv csv(folder, "*.csv", slow);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "no file fits"));
  {
    std::ofstream first(folder.path("01.csv"));
    first << "op,id,v\nput,42,reserved\n" << std::flush;
    folder.write("02.csv", "op,id,v\nput,42,free\n");
    CHECK_FALSE(csv.host.wait_for([&] { return csv.host.message_count() > 0; }, 300ms));
    first << "put,42,occupied\n";
  }
  REQUIRE(csv.host.wait_for([&] { return csv.host.message_count() == 3; }));
  CHECK(csv.host.table() == Rows{{{"t", "42"}, json("42", "free")}});
}

TEST_CASE("a list that waits for its marker holds up no other") {
  const Folder folder;
  folder.write("01.csv", "op,id,v\nput,1,a\n");
  folder.write("02.csv", "op,id,v\nput,2,b\n");
  folder.write("02.csv.done", "");
  const TestSettings::Values marked{
      {"mode", "delta"}, {"op_column", "op"}, {"done_marker", "{file}.done"}};
  Csv csv(folder, "*.csv", marked);
  REQUIRE(csv.has({{{"t", "2"}, json("2", "b")}}));
}
