#include "plugins/csv/number.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace btb::csv;

namespace {

NumberStyle style(const char* thousands, char decimal) {
  NumberStyle made;
  made.decimal = decimal;
  set_thousands(made, thousands);
  return made;
}

// Sign, whole part and fraction; "!" if it is no number.
std::string read(std::string_view text, const NumberStyle& style) {
  const auto digits = read_digits(text, style);
  if (!digits) return "!";
  return (digits->negative ? "-" : "") + digits->whole + "." + digits->fraction;
}

}  // namespace

TEST_CASE("thousands may be apart by any space that has a width") {
  for (const char* name : {"space", " ", "\xC2\xA0", "\xE2\x80\xAF"}) {
    CAPTURE(name);
    const NumberStyle french = style(name, ',');
    CHECK(read("1 234 567,5", french) == "1234567.5");
    CHECK(read("1\xC2\xA0"
               "234,50",
               french) == "1234.50");  // U+00A0
    CHECK(read("1\xE2\x80\xAF"
               "234,50",
               french) == "1234.50");  // U+202F
    CHECK(read("-12\xE2\x80\x89"
               "345",
               french) == "-12345.");  // U+2009
    CHECK(read("1  234", french) == "!");
    CHECK(read("12 34", french) == "!");
    CHECK(read("1\xC2"
               "234",
               french) == "!");
  }
}

TEST_CASE("thousands may be apart by apostrophes of both kinds") {
  const NumberStyle swiss = style("'", '.');
  CHECK(read("1'234'567.50", swiss) == "1234567.50");
  CHECK(read("1\xE2\x80\x99"
             "234.50",
             swiss) == "1234.50");
  CHECK(read("1 234", swiss) == "!");
}

TEST_CASE("thousands may be apart by a point or another character") {
  CHECK(read("1.234.567,5", style(".", ',')) == "1234567.5");
  CHECK(read("1,234.5", style(",", '.')) == "1234.5");
  CHECK(read("1,234.5", style("none", '.')) == "!");
  CHECK(read("1234.5", style(",", '.')) == "1234.5");
}

TEST_CASE("a minus may be a wide one") {
  CHECK(read("\xE2\x88\x92"
             "5",
             style("none", '.')) == "-5.");
  CHECK(read("+5", style("none", '.')) == "5.");
  CHECK(read("\xE2\x88\x92", style("none", '.')) == "!");
}

TEST_CASE("what is no mark between thousands is refused") {
  NumberStyle made;
  for (const char* wrong : {"ab", "\t", "\xC3\xA4", "  ", "\n"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(set_thousands(made, wrong), std::invalid_argument);
  }
}
