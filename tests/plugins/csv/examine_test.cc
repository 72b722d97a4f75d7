#include "plugins/csv/examine.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "plugins/csv/options.h"
#include "tests/plugins/csv/folder.h"
#include "tests/plugins/csv/packed.h"

namespace btb::csv {
namespace {

using test::Folder;
using test::List;
using Reports = std::vector<std::pair<std::string, std::string>>;

Reports reports(const std::string& path, const std::string& key = "id",
                const test::TestSettings::Values& more = {}) {
  test::TestSettings::Values values{{"path", path}, {"topic", "t"}, {"key", List{key}}};
  values.insert(values.end(), more.begin(), more.end());
  const test::TestSettings settings(declare_options(), values);
  Reports found;
  examine(settings.view(), [&](const std::string& option, const std::string& text) {
    found.emplace_back(option, text);
  });
  return found;
}

TEST_CASE("of a file that is as the options want it, nothing is reported") {
  const Folder folder;
  folder.write("a.csv", "id,name\n1,x\n");
  CHECK(reports(folder.path("a.csv")).empty());
  CHECK(reports(folder.path("*.csv")).empty());
  CHECK(reports(folder.path("**/*.csv")).empty());
}

TEST_CASE("what is not there yet is reported with the word that it may come") {
  const Folder folder;
  folder.write("other.txt", "id\n");
  for (const char* path : {"a.csv", "*.csv", "absent/a.csv", "absent/**/*.csv"}) {
    CAPTURE(path);
    const Reports found = reports(folder.path(path));
    REQUIRE(found.size() == 1);
    CHECK(found[0].first == "path");
    CHECK(found[0].second.find("may come later") != std::string::npos);
  }
}

TEST_CASE("a column that an option names and the file does not have is reported with the option") {
  const Folder folder;
  folder.write("a.csv", "number,name\n1,x\n");
  const Reports found = reports(folder.path("a.csv"));
  REQUIRE(found.size() == 1);
  CHECK(found[0].first == "key");
  CHECK(found[0].second.find("no column \"id\"") != std::string::npos);
  CHECK(found[0].second.find("a.csv") != std::string::npos);
}

TEST_CASE("a file that is no table, or empty, is reported") {
  const Folder folder;
  folder.write("zip.csv", std::string("PK\x03\x04\0\0\0\0", 8));
  folder.write("empty.csv", "");
  CHECK(reports(folder.path("zip.csv")).size() == 1);
  CHECK(reports(folder.path("empty.csv")).size() == 1);
}

TEST_CASE("directories that the source passes over are not looked into") {
  const Folder folder;
  for (const char* directory : {"bad", "done", "old", "old/er", ".hidden", "in"}) {
    std::filesystem::create_directory(folder.path(directory));
    folder.write(directory + std::string("/a.csv"), "number,name\n1,x\n");
  }
  const test::TestSettings::Values values{
      {"after", "move"}, {"finished_dir", "done"}, {"error_dir", "bad"}, {"exclude", List{"old"}}};
  const Reports found = reports(folder.path("**/*.csv"), "id", values);
  REQUIRE(found.size() == 1);
  CHECK(found[0].second.find("in/a.csv") != std::string::npos);
  folder.remove("in/a.csv");
  const Reports none = reports(folder.path("**/*.csv"), "id", values);
  REQUIRE(none.size() == 1);
  CHECK(none[0].second.find("may come later") != std::string::npos);
}

TEST_CASE("a name that fits except for capital and small letters is reported") {
  const Folder folder;
  folder.write("STOCK.CSV", "id,name\n1,x\n");
  for (const char* path : {"*.csv", "stock.csv", "**/*.csv"}) {
    CAPTURE(path);
    const Reports found = reports(folder.path(path));
    REQUIRE(found.size() == 2);
    CHECK(found[0].second.find("may come later") != std::string::npos);
    CHECK(found[1].first == "path");
    CHECK(found[1].second.find("STOCK.CSV is passed over") != std::string::npos);
  }
  folder.write("a.csv", "id,name\n1,x\n");
  folder.write("OTHER.CSV", "id,name\n1,x\n");
  const Reports found = reports(folder.path("*.csv"));
  REQUIRE(found.size() == 1);
  CHECK(found[0].second.find("OTHER.CSV and 1 more are passed over") != std::string::npos);
}

TEST_CASE("a packed file is looked into, and one that is damaged is reported") {
  const Folder folder;
  const std::string bytes = test::packed("id,name\n1,x\n");
  folder.write("a.csv.gz", bytes);
  CHECK(reports(folder.path("a.csv.gz")).empty());
  const Reports missing = reports(folder.path("a.csv.gz"), "number");
  REQUIRE(missing.size() == 1);
  CHECK(missing[0].first == "key");
  folder.write("half.csv.gz", bytes.substr(0, bytes.size() / 2));
  CHECK(reports(folder.path("half.csv.gz")).size() == 1);
}

}  // namespace
}  // namespace btb::csv
