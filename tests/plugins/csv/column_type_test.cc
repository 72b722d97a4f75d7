#include "plugins/csv/column_type.h"

#include <doctest/doctest.h>

#include <string>

using namespace btb::csv;

namespace {

// The JSON value, or "!" and the reason.
std::string value(const char* type, std::string_view text, const ValueStyle& style = {}) {
  const auto parsed = parse_column_type(type);
  REQUIRE(parsed);
  std::string out;
  const char* reason = append_value(out, *parsed, text, style);
  return reason == nullptr ? out : std::string("!") + reason;
}

bool fails(const char* type, std::string_view text, const ValueStyle& style = {}) {
  return value(type, text, style).starts_with("!");
}

}  // namespace

TEST_CASE("integers lose their plus and their zeros and nothing else") {
  CHECK(value("integer", "42") == "42");
  CHECK(value("integer", " +007 ") == "7");
  CHECK(value("integer", "-0") == "0");
  CHECK(value("integer", "-9223372036854775808") == "-9223372036854775808");
  CHECK(fails("integer", "9223372036854775808"));
  CHECK(fails("integer", "1.0"));
  CHECK(fails("integer", "1e3"));
  CHECK(fails("integer", ""));
  CHECK(fails("integer", "12a"));
}

TEST_CASE("numbers keep their digits") {
  CHECK(value("number", "1.50") == "1.50");
  CHECK(value("number", ".5") == "0.5");
  CHECK(value("number", "5.") == "5");
  CHECK(value("number", "-001.5e+03") == "-1.5e03");
  CHECK(fails("number", "nan"));
  CHECK(fails("number", "1e"));
  CHECK(fails("number", "."));
  CHECK(fails("number", "1,5"));
}

TEST_CASE("decimals are exact and have as many places as their type") {
  ValueStyle german;
  german.number.decimal = ',';
  set_thousands(german.number, ".");
  CHECK(value("decimal(2)", "12.3") == "\"12.30\"");
  CHECK(value("decimal(2)", "12.300") == "\"12.30\"");
  CHECK(value("decimal(0)", "12") == "\"12\"");
  CHECK(value("decimal(2)", "-0.00") == "\"0.00\"");
  CHECK(fails("decimal(2)", "12.345"));
  CHECK(value("decimal(2)", "1.234.567,8", german) == "\"1234567.80\"");
  CHECK(fails("decimal(2)", "1.23,4", german));
  CHECK(fails("decimal(2)", ".123,4", german));
  CHECK(value("number", "1234,5", german) == "1234.5");
}

TEST_CASE("flags are words in any case") {
  CHECK(value("flag", "Yes") == "true");
  CHECK(value("flag", "0") == "false");
  CHECK(value("flag", "NEIN") == "false");
  CHECK(fails("flag", "perhaps"));
}

TEST_CASE("dates are checked and become ISO dates") {
  CHECK(value("date", "2026-11-22") == "\"2026-11-22\"");
  CHECK(value("date(%d.%m.%Y)", "3.1.2026") == "\"2026-01-03\"");
  CHECK(value("date(%m/%d/%y)", "02/29/24") == "\"2024-02-29\"");
  CHECK(fails("date", "2026-02-29"));
  CHECK(fails("date", "2026-13-01"));
  CHECK(fails("date", "2026-11-22x"));
}

TEST_CASE("times keep an offset of their own and take the standard one otherwise") {
  ValueStyle style;
  CHECK(value("datetime", "2026-11-22 07:05", style) == "\"2026-11-22T07:05:00\"");
  style.time.offset = "+01:00";
  CHECK(value("datetime", "2026-11-22T07:05:06.250", style) == "\"2026-11-22T07:05:06.250+01:00\"");
  CHECK(value("datetime", "2026-11-22T07:05:06Z", style) == "\"2026-11-22T07:05:06Z\"");
  CHECK(value("datetime(%d.%m.%Y %H:%M)", "22.11.2026 7:05", style) ==
        "\"2026-11-22T07:05:00+01:00\"");
  CHECK(fails("datetime", "2026-11-22T25:00"));
  CHECK(value("time", "7:05") == "\"07:05:00\"");
  CHECK(fails("time", "7:60"));
}

TEST_CASE("types that are none are not taken") {
  CHECK_FALSE(parse_column_type("int"));
  CHECK_FALSE(parse_column_type("decimal"));
  CHECK_FALSE(parse_column_type("decimal(99)"));
  CHECK_FALSE(parse_column_type("decimal(2"));
  CHECK_FALSE(parse_column_type("date(%Q)"));
  CHECK_FALSE(parse_column_type("integer(3)"));
  CHECK(read_utc_offset("+0530") == "+05:30");
  CHECK(read_utc_offset("Europe/Berlin").empty());
}
