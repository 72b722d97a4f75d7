#include "plugins/csv/selection.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using btb::csv::Config;
using btb::csv::Selection;
using Names = std::vector<std::string>;

namespace {

Config config_for(const std::string& pattern) {
  Config config;
  config.pattern = pattern;
  return config;
}

}  // namespace

TEST_CASE("of the names that fit the path include and exclude choose") {
  Config config = config_for("*.csv");
  const Names names{".a.csv", "a.csv", "a.csv.confirm", "b.csv", "c.txt", "old-a.csv"};
  CHECK(Selection(config).files_of(names) == Names{"a.csv", "b.csv", "old-a.csv"});
  config.include = {"a*", "old*"};
  CHECK(Selection(config).files_of(names) == Names{"a.csv", "old-a.csv"});
  config.exclude = {"old*"};
  CHECK(Selection(config).files_of(names) == Names{"a.csv"});
}

TEST_CASE("names below directories fit by their last part, in exclude also as a whole") {
  Config config = config_for("*.csv");
  const Names names{"2025/a.csv", "2026/a.csv", "2026/tmp/b.csv", "2026/tmp/c.txt"};
  CHECK(Selection(config).files_of(names) == Names{"2025/a.csv", "2026/a.csv", "2026/tmp/b.csv"});
  config.exclude = {"2025/*", "tmp"};
  CHECK(Selection(config).files_of(names) == Names{"2026/a.csv", "2026/tmp/b.csv"});
  CHECK_FALSE(Selection(config).descends_into("2026/tmp"));
  CHECK_FALSE(Selection(config).descends_into(".git"));
  CHECK_FALSE(Selection(config).descends_into("2026/.git"));
  CHECK(Selection(config).descends_into("2026"));
}

TEST_CASE("a marker lies beside its file and is none itself") {
  Config config = config_for("*");
  config.done_marker = "{stem}.ok";
  CHECK(Selection(config).marker_of("a.csv") == "a.ok");
  CHECK(Selection(config).marker_of("x.y/a.csv") == "x.y/a.ok");
  CHECK(Selection(config).files_of({"a.csv", "a.ok", "b.ok", "x/a.csv", "x/a.ok"}) ==
        Names{"a.csv", "x/a.csv"});
  config.done_marker = "complete";
  CHECK(Selection(config).files_of({"a.csv", "complete", "x/a.csv", "x/complete"}) ==
        Names{"a.csv", "x/a.csv"});
}

// Comparing each with each would be 400 million comparisons, and no test would wait for that.
TEST_CASE("markers of many files are found") {
  Config config = config_for("*");
  config.done_marker = "{file}.done";
  Names names;
  for (int i = 0; i < 10'000; ++i) {
    names.push_back(std::to_string(i));
    names.push_back(std::to_string(i) + ".done");
  }
  const Names files = Selection(config).files_of(names);
  REQUIRE(files.size() == 10'000);
  CHECK(files.back() == "9999");
}

TEST_CASE("what editors, offices and downloads leave beside a table is passed over and named") {
  const Config config = config_for("*");
  const Names left{"#a.csv#",   "a.csv.bak",   "a.csv.crdownload", "a.csv.part",
                   "a.csv.swp", "a.csv.tmp",   "a.csv~",           "Thumbs.db",
                   "~$a.csv",   "x/A.CSV.BAK", "x/.~lock.a.csv#"};
  Names names = left;
  names.emplace_back("a.csv");
  const auto chosen = Selection(config).choose(names);
  CHECK(chosen.files == Names{"a.csv"});
  CHECK(chosen.scratch == Names(left.begin(), left.end() - 1));  // names with a dot never fit
  CHECK(chosen.other_case.empty());
}

TEST_CASE("who names such files means them") {
  CHECK(Selection(config_for("*.bak")).files_of({"a.bak", "a.csv"}) == Names{"a.bak"});
  CHECK(Selection(config_for("a.csv~")).files_of({"a.csv", "a.csv~"}) == Names{"a.csv~"});
  Config config = config_for("*");
  config.include = {"*.csv", "*.tmp"};
  CHECK(Selection(config).files_of({"a.csv", "a.csv~", "b.tmp"}) == Names{"a.csv", "b.tmp"});
}

TEST_CASE("names that would fit with other letters are told apart from those that never would") {
  Config config = config_for("*.csv");
  config.exclude = {"old*"};
  const auto chosen = Selection(config).choose({"A.CSV", "OLD.CSV", "a.csv", "b.txt", "c.CSV~"});
  CHECK(chosen.files == Names{"a.csv"});
  CHECK(chosen.other_case == Names{"A.CSV"});
}
