#include "plugins/csv/options.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
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
  CHECK(config.use_inotify);
  CHECK_FALSE(config.many_files);
  CHECK(read_config(settings({{"path", "a.csv"}}).view()).directory == ".");
  CHECK(read_config(settings({{"path", "/in/*.csv"}}).view()).removed_file == RemovedFile::erase);
}

TEST_CASE("a path that ends with a slash means all files of the directory") {
  const Config config = read_config(settings({{"path", "/in/"}}).view());
  CHECK(config.directory == "/in");
  CHECK(config.pattern == "*");
  CHECK(config.many_files);
}

TEST_CASE("a word given for one side of a flag is taken off the other's default words") {
  const Config config = read_config(settings({{"false_values", List{"X", "0"}}}).view());
  CHECK(std::count(config.style.true_values.begin(), config.style.true_values.end(), "x") == 0);
  CHECK(std::count(config.style.true_values.begin(), config.style.true_values.end(), "yes") == 1);
}

TEST_CASE("a path may reach into directories below") {
  struct Case {
    const char* path;
    const char* directory;
    const char* pattern;
  };
  for (const Case& at : {Case{"/in/**/*.csv", "/in", "*.csv"}, Case{"/in/**", "/in", "*"},
                         Case{"**/a.csv", ".", "a.csv"}, Case{"/**/a.csv", "/", "a.csv"},
                         Case{"**", ".", "*"}, Case{"/in/**/", "/in", "*"}}) {
    CAPTURE(at.path);
    const Config config = read_config(settings({{"path", at.path}}).view());
    CHECK(config.directory == at.directory);
    CHECK(config.pattern == at.pattern);
    CHECK(config.recursive);
    CHECK(config.removed_file == RemovedFile::erase);
  }
  CHECK_FALSE(read_config(settings({{"path", "/in/*.csv"}}).view()).recursive);
  for (const char* wrong : {"/in/**/x/a.csv", "/**/in/**/a.csv", "/in*/**/a.csv", "/a**/b.csv"}) {
    CAPTURE(wrong);
    CHECK(faults({{"path", wrong}}) == List{"path"});
  }
}

// Each with a value that is not its default: none is read and then forgotten.
TEST_CASE("every option arrives") {
  const auto with = [](TestSettings::Values more) {
    return read_config(settings(std::move(more)).view());
  };
  CHECK(with({{"include", List{"a*"}}}).include == List{"a*"});
  CHECK(with({{"exclude", List{"b*"}}}).exclude == List{"b*"});
  CHECK(with({{"mode", "append"}}).mode == Mode::append);
  CHECK(with({{"topic", "x/y"}}).topic.parts().at(0).text == "x/y");
  CHECK(with({{"key", List{"a", "b"}}}).key == List{"a", "b"});
  CHECK_FALSE(with({{"header", "false"}}).header);
  CHECK(with({{"columns", List{"sku", "b"}}}).columns == List{"sku", "b"});
  CHECK(with({{"skip_rows", "3"}}).skip_rows == 3);
  CHECK(with({{"find_header", "true"}}).find_header);
  CHECK(with({{"skip_after_header", "1"}}).skip_after_header == 1);
  CHECK(with({{"skip_footer", "2"}}).skip_footer == 2);
  CHECK(with({{"skip_where", List{"a", "x", "a", "y"}}}).skip_where.at("a") == List{"x", "y"});
  CHECK(with({{"empty_key", "skip"}}).skip_empty_keys);
  CHECK(with({{"comment", "#"}}).dialect.comment == '#');
  CHECK(with({{"delimiter", "auto"}}).delimiter_auto);
  CHECK(with({{"quote", "'"}}).dialect.quote == '\'');
  CHECK(with({{"escape", "\\"}}).dialect.escape == '\\');
  CHECK(with({{"escape", "\\"}}).dialect.escapes == Escapes::letters);
  CHECK(with({{"escape", "^"}}).dialect.escapes == Escapes::plain);
  CHECK(with({{"escape", "^"}, {"escapes", "letters"}}).dialect.escapes == Escapes::letters);
  CHECK(with({{"escape", "\\"}, {"escapes", "plain"}}).dialect.escapes == Escapes::plain);
  CHECK(with({{"escape", "\\"}, {"escapes", "quotes"}}).dialect.escapes == Escapes::quotes);
  CHECK(with({{"skipinitialspace", "true"}}).dialect.skip_initial_space);
  CHECK(with({{"decimal", ","}}).style.number.decimal == ',');
  CHECK(with({{"thousands", "'"}}).style.number.thousands == NumberStyle::Thousands::apostrophe);
  CHECK(with({{"thousands", "_"}}).style.number.thousands_character == '_');
  CHECK(with({{"date_format", "%d.%m.%Y"}}).style.date_format == "%d.%m.%Y");
  CHECK(with({{"datetime_format", "%F %H"}}).style.datetime_format == "%F %H");
  CHECK(with({{"two_digit_years_from", "1930"}}).style.time.two_digit_years_from == 1930);
  CHECK(with({{"timezone", "+01:00"}}).style.time.offset == "+01:00");
  CHECK(with({{"timezone", "Europe/Berlin"}}).style.time.zone != nullptr);
  CHECK(with({{"true_values", List{"JA"}}}).style.true_values == List{"ja"});
  CHECK(with({{"false_values", List{"Nein"}}}).style.false_values == List{"nein"});
  CHECK(with({{"trim", "true"}}).trim);
  CHECK(with({{"select", List{"a"}}}).select == List{"a"});
  CHECK(with({{"omit", List{"a"}}}).omit == List{"a"});
  CHECK(with({{"rename", List{"a", "b"}}}).rename.at("a") == "b");
  CHECK(with({{"ragged", "pad"}}).ragged == Ragged::pad);
  CHECK(with({{"ragged", "truncate"}}).ragged == Ragged::truncate);
  CHECK(with({{"mode", "delta"}, {"op_column", "op"}}).op_column == "op");
  const auto with_ops = [&](List words) {
    return with({{"mode", "delta"}, {"op_column", "op"}, {"op_values", std::move(words)}});
  };
  CHECK(with_ops({"delete", "GONE"}).op_delete == List{"gone"});
  CHECK(with_ops({"delete", "GONE"}).op_put.empty());
  CHECK(with_ops({"put", "D"}).op_put == List{"d"});
  const List deletions = with_ops({"put", "D"}).op_delete;
  CHECK(std::count(deletions.begin(), deletions.end(), "d") == 0);
  CHECK(with({{"mode", "append"}, {"read_from", "end"}}).from_end);
  CHECK(with({{"done_marker", "{file}.done"}}).done_marker == "{file}.done");
  CHECK_FALSE(with({{"watch", "poll"}}).use_inotify);
  CHECK(with({{"watch", "inotify"}}).use_inotify);
  CHECK(with({{"rescan", "2s"}}).rescan_ms == 2000);
  CHECK(with({{"on_error", "skip"}}).on_error == OnError::skip);
  CHECK(with({{"on_error", "stop"}}).on_error == OnError::stop);
  CHECK(with({{"max_errors", "7"}}).errors_max == 7);
  CHECK(with({{"max_error_ratio", "0.25"}}).error_ratio_max == doctest::Approx(0.25));
  CHECK(with({{"max_delete_ratio", "0.75"}}).delete_ratio_max == doctest::Approx(0.75));
  CHECK(with({{"guard_min_rows", "3"}}).guard_rows_min == 3);
  CHECK(with({{"allow_empty", "true"}}).allow_empty);
  CHECK(with({{"removed_file", "delete"}}).removed_file == RemovedFile::erase);
  CHECK(with({{"path", "*"}, {"removed_file", "keep"}}).removed_file == RemovedFile::keep);
  CHECK(with({{"max_row_bytes", "1KiB"}}).dialect.row_bytes_max == 1024);
  CHECK(with({{"max_file_bytes", "2MiB"}}).file_bytes_max == 2U << 20);
  CHECK(with({{"max_columns", "9"}}).dialect.columns_max == 9);
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
  CHECK(faults({{"columns", List{"sku", "", ""}}}).empty());
  CHECK(faults({{"timezone", "Europe/Atlantis"}}) == List{"timezone"});
  CHECK(faults({{"timezone", "../../etc/passwd"}}) == List{"timezone"});
  CHECK(faults({{"date_format", "%Q"}}) == List{"date_format"});
  CHECK(faults({{"skip_footer", "1"}, {"mode", "append"}}) == List{"skip_footer"});
  CHECK(faults({{"skip_after_header", "1"}, {"header", "false"}}) == List{"skip_after_header"});
  CHECK(faults({{"find_header", "true"}, {"header", "false"}}) == List{"find_header"});
  CHECK(faults({{"find_header", "true"}, {"columns", List{"sku"}}}) == List{"find_header"});
  CHECK(faults({{"find_header", "true"}, {"mode", "append"}, {"key", List{}}}) ==
        List{"find_header"});
  CHECK(faults({{"skip_where", List{"a", "[x"}}}) == List{"skip_where"});
  CHECK(faults({{"max_delete_ratio", "30"}}) == List{"max_delete_ratio"});
  CHECK(faults({{"select", List{"a"}}, {"omit", List{"b"}}}) == List{"omit"});
  CHECK(faults({{"decimal", ","}, {"thousands", ","}}) == List{"thousands"});
  CHECK(faults({{"read_from", "end"}}) == List{"read_from"});
  CHECK(faults({{"path", "/in/[a.csv"}}) == List{"path"});
  CHECK(faults({{"include", List{"a", "[a"}}}) == List{"include"});
  CHECK(faults({{"exclude", List{"[!]"}}}) == List{"exclude"});
  CHECK(faults({{"key", List{"sku", "sku"}}}) == List{"key"});
  CHECK(faults({{"key", List{"sku", ""}}}) == List{"key"});
  CHECK(faults({{"select", List{"a", "a"}}}) == List{"select"});
  CHECK(faults({{"rename", List{"a", "c", "b", "c"}}}) == List{"rename"});
  CHECK(faults({{"done_marker", "{base}.done"}}) == List{"done_marker"});
  CHECK(faults({{"done_marker", "{file.done"}}) == List{"done_marker"});
  CHECK(faults({{"done_marker", "{file}"}}) == List{"done_marker"});
  CHECK(faults({{"done_marker", "{stem}-{file}.ok"}}).empty());
  CHECK(faults({{"decimal", "5"}}) == List{"decimal"});
  CHECK(faults({{"thousands", "0"}}) == List{"thousands"});
  CHECK(faults({{"delimiter", "x"}}) == List{"delimiter"});
  CHECK(faults({{"true_values", List{"ja", "a"}}, {"false_values", List{"A"}}}) ==
        List{"false_values"});
  CHECK(faults({{"op_values", List{"delete", "x"}}}) == List{"op_values"});
  CHECK(faults({{"mode", "delta"}, {"op_column", "op"}, {"op_values", List{"remove", "x"}}}) ==
        List{"op_values"});
}
