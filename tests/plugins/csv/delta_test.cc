// Mode delta, the whole source.
#include <doctest/doctest.h>

#include <string>

#include "tests/plugins/csv/folder.h"

using namespace btb::test;
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
  CHECK(csv.host.letters()[0].reason == "an operation that op_values does not name");
  CHECK(csv.host.letters()[0].column == 1);
}
