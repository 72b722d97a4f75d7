// Files that would make the same topics, files beside the tables, and files that get another name.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/plugins/csv/folder.h"

using namespace btb::test;

namespace {

const TestSettings::Values by_stem{{"topic", "t/{stem}"}, {"rescan", "1h"}};

std::string json(const std::string& id, const std::string& v) {
  return R"({"id":")" + id + R"(","v":")" + v + "\"}";
}

bool logged(const Csv& csv, const std::string& text) {
  const auto logs = csv.host.logs();
  return std::any_of(logs.begin(), logs.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

}  // namespace

TEST_CASE("a second table of one topic is refused by name, and its going harms no row") {
  const Folder folder;
  folder.write("stock.csv", "id,v\n1,a\n2,b\n");
  Csv csv(folder, "", by_stem);
  const Rows rows{{{"t/stock", "1"}, json("1", "a")}, {{"t/stock", "2"}, json("2", "b")}};
  REQUIRE(csv.has(rows));
  folder.write("stock.txt", "id,v\n1,x\n3,y\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED,
                                  "stock.txt: it makes the topic t/stock, as stock.csv does"));
  CHECK(csv.host.table() == rows);
  folder.remove("stock.txt");
  REQUIRE(csv.is_live());
  CHECK(csv.host.table() == rows);
  CHECK(csv.host.messages().size() == 2);
}

TEST_CASE("when the first table of a topic goes the second takes its place") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("stock.csv", "id,v\n1,a\n2,b\n");
  for (int i = 0; i < 5; ++i) folder.write("other" + std::to_string(i), "id,v\n1,a\n2,b\n");
  Csv csv(folder, "", by_stem);
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().contains({"t/stock", "1"}); }));
  folder.write("stock.txt", "id,v\n2,x\n3,y\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "stock.txt: it makes the topic t/stock"));
  folder.remove("stock.csv");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().contains({"t/stock", "3"}); }));
  CHECK_FALSE(csv.host.table().contains({"t/stock", "1"}));
  CHECK(csv.host.table().at({"t/stock", "2"}) == json("2", "x"));
  REQUIRE(csv.is_live());
}

TEST_CASE("files whose names differ in more than the ending have rows of their own") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("a.txt", "id,v\n1,b\n");
  Csv csv(folder, "", {{"topic", "t/{file}"}});
  REQUIRE(csv.has({{{"t/a.csv", "1"}, json("1", "a")}, {{"t/a.txt", "1"}, json("1", "b")}}));
  REQUIRE(csv.is_live());
}

TEST_CASE("an editor's backup that comes and goes touches nothing") {
  const Folder folder;
  folder.write("stock.csv", "id,v\n1,a\n");
  Csv csv(folder, "", by_stem);
  REQUIRE(csv.is_live());
  std::filesystem::rename(folder.path("stock.csv"), folder.path("stock.csv~"));
  folder.write("stock.csv", "id,v\n1,new\n2,both\n");
  const Rows rows{{{"t/stock", "1"}, json("1", "new")}, {{"t/stock", "2"}, json("2", "both")}};
  REQUIRE(csv.has(rows));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE, "; passed over: stock.csv~"));
  CHECK(logged(csv, "stock.csv~ is passed over"));
  folder.remove("stock.csv~");
  folder.write("other.csv", "id,v\n1,a\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 3; }));
  CHECK(csv.host.messages().size() == 4);
}

TEST_CASE("a name that fits with other letters only is told") {
  const Folder folder;
  folder.write("A.CSV", "id,v\n1,a\n");
  Csv csv(folder, "*.csv");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "A.CSV (capital and small letters differ)"));
  CHECK(logged(csv, "A.CSV is passed over: it would fit if"));
  folder.write("b.csv", "id,v\n1,b\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE, "1 row of 1 file; passed over: A.CSV"));
}

TEST_CASE("a table that gets another name keeps its rows where its topic stays") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n2,b\n");
  Csv csv(folder, "*", {{"rescan", "1h"}});
  REQUIRE(csv.is_live());
  std::filesystem::rename(folder.path("a.csv"), folder.path("b.csv"));
  folder.append("b.csv", "3,c\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 3; }));
  CHECK(csv.host.messages().size() == 3);
  folder.replace("b.csv", "id,v\n1,a\n3,c\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 2; }));
  REQUIRE(csv.is_live());
  CHECK(csv.host.letters().empty());
}
