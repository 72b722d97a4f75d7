#include "plugins/csv/options.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/fake_host.h"

using namespace btb::csv;
using btb::test::TestSettings;

namespace {

using List = std::vector<std::string>;

TestSettings settings(TestSettings::Values more) {
  TestSettings::Values values{
      {"path", "/data/stock.csv"}, {"topic", "stock"}, {"key", List{"sku"}}};
  for (auto& value : more) {
    const auto same = std::find_if(values.begin(), values.end(),
                                   [&](const auto& v) { return v.first == value.first; });
    if (same != values.end()) values.erase(same);
    values.push_back(value);
  }
  return {declare_options(), values};
}

// The options at fault.
List faults(TestSettings::Values more) {
  List found;
  const TestSettings made = settings(std::move(more));
  validate(made.view(),
           [&](const std::string& option, const std::string&) { found.push_back(option); });
  return found;
}

}  // namespace

TEST_CASE("settings that are right are taken as they are meant") {
  const TestSettings made = settings({{"delimiter", "tab"},
                                      {"quote", "none"},
                                      {"types", List{"price", "decimal(2)"}},
                                      {"encoding", "Windows-1252"},
                                      {"settle", "2s"},
                                      {"null_values", List{"", "NULL"}}});
  const Config config = read_config(made.view());
  CHECK(config.directory == "/data");
  CHECK(config.pattern == "stock.csv");
  CHECK(config.dialect.delimiter == '\t');
  CHECK(config.dialect.quote == '\0');
  CHECK(config.types.at("price").decimals == 2);
  CHECK(config.settle_ms == 2000);
  CHECK(config.null_values.size() == 2);
  CHECK(config.removed_file == RemovedFile::keep);
  CHECK(config.delete_ratio_max == doctest::Approx(0.3));
  CHECK(read_config(settings({{"path", "a.csv"}}).view()).directory == ".");
  CHECK(read_config(settings({{"path", "/in/*.csv"}}).view()).removed_file == RemovedFile::erase);
}

TEST_CASE("what the declarations cannot say is found by validate") {
  CHECK(faults({}).empty());
  CHECK(faults({{"key", List{}}}) == List{"key"});
  CHECK(faults({{"key", List{}}, {"mode", "append"}}).empty());
  CHECK(faults({{"mode", "delta"}}) == List{"op_column"});
  CHECK(faults({{"op_column", "op"}}) == List{"op_column"});
  CHECK(faults({{"topic", "a/{b"}}) == List{"topic"});
  CHECK(faults({{"types", List{"a", "int"}}}) == List{"types"});
  CHECK(faults({{"delimiter", ",,"}}) == List{"delimiter"});
  CHECK(faults({{"delimiter", "\""}}) == List{"quote"});
  CHECK(faults({{"encoding", "klingon"}}) == List{"encoding"});
  CHECK(faults({{"path", "/in/*/a.csv"}}) == List{"path"});
  CHECK(faults({{"columns", List{"a", "b"}}}) == List{"key"});
  CHECK(faults({{"columns", List{"sku", "sku"}}}) == List{"columns"});
  CHECK(faults({{"timezone", "Europe/Berlin"}}) == List{"timezone"});
  CHECK(faults({{"date_format", "%Q"}}) == List{"date_format"});
  CHECK(faults({{"max_delete_ratio", "30"}}) == List{"max_delete_ratio"});
  CHECK(faults({{"select", List{"a"}}, {"omit", List{"b"}}}) == List{"omit"});
  CHECK(faults({{"decimal", ","}, {"thousands", ","}}) == List{"thousands"});
  CHECK(faults({{"read_from", "end"}}) == List{"read_from"});
  CHECK(faults({{"mode", "delta"}, {"op_column", "op"}, {"op_values", List{"remove", "x"}}}) ==
        List{"op_values"});
}
