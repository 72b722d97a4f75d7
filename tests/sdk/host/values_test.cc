#include "sdk/host/values.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "sdk/host/settings.h"

using namespace btb;
using namespace btb::host;

TEST_CASE("durations are a count and a unit, and come back as they were written") {
  CHECK(*parse_duration_ms("0") == 0);
  CHECK(*parse_duration_ms("500ms") == 500);
  CHECK(*parse_duration_ms("30s") == 30'000);
  CHECK(*parse_duration_ms("5 m") == 300'000);
  CHECK(*parse_duration_ms("2h") == 7'200'000);
  CHECK(*parse_duration_ms("7d") == 604'800'000);
  for (const char* text : {"0", "500ms", "30s", "5m", "2h", "7d", "90s", "1500ms"}) {
    CHECK(show_duration(*parse_duration_ms(text)) == text);
  }
}

TEST_CASE(
    "a duration without a unit, with a wrong one, negative or too large is an error in words") {
  CHECK(parse_duration_ms("30").error().text.find("30s") != std::string::npos);
  for (const char* text : {"", "s", "-5s", "1.5h", "5 minutes", "30S", "9999999999999999999s",
                           "9223372036854775807d", "30s "}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration_ms(text).ok());
  }
}

TEST_CASE("sizes are a count and a unit, of 1024 or of 1000") {
  CHECK(*parse_size_bytes("512") == 512);
  CHECK(*parse_size_bytes("512B") == 512);
  CHECK(*parse_size_bytes("64KiB") == 65'536);
  CHECK(*parse_size_bytes("1MiB") == 1'048'576);
  CHECK(*parse_size_bytes("2GiB") == 2'147'483'648);
  CHECK(*parse_size_bytes("10kB") == 10'000);
  CHECK(*parse_size_bytes("1MB") == 1'000'000);
  for (const char* text : {"0", "512", "64KiB", "3MiB", "2GiB", "10000"}) {
    CHECK(show_size(*parse_size_bytes(text)) == text);
  }
  CHECK(parse_size_bytes("64K").error().text.find("64KiB") != std::string::npos);
  CHECK(parse_size_bytes("4Mb").error().text.find("4MiB") != std::string::npos);
  for (const char* text : {"", "KiB", "-1", "1.5MiB", "99999999999GiB", "1TiB"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size_bytes(text).ok());
  }
}

TEST_CASE("flags are true, yes, on and their opposites") {
  for (const char* text : {"true", "yes", "on", "True", "YES"}) CHECK(*parse_flag(text));
  for (const char* text : {"false", "no", "off", "False"}) CHECK_FALSE(*parse_flag(text));
  for (const char* text : {"", "1", "0", "y", "truee"}) CHECK_FALSE(parse_flag(text).ok());
}

TEST_CASE("the nearest word is offered, or none") {
  const std::vector<std::string> words{"limits", "on"};
  CHECK(did_you_mean("limit", words) == "; did you mean `limits`?");
  CHECK(did_you_mean("banana", words).empty());
}

TEST_CASE("values in one line: scalars, lists, maps, quotes") {
  CHECK(parse_written("a b")->scalar == "a b");
  CHECK(parse_written("'[a'")->scalar == "[a");
  CHECK(parse_written("[]")->items.empty());
  const WrittenValue list = *parse_written("[a, 'b, c', \"d\"]");
  REQUIRE(list.items.size() == 3);
  CHECK(list.items[1].scalar == "b, c");
  const WrittenValue map = *parse_written("{a: x, b: [y, z], c d: {e: f}}");
  REQUIRE(map.shape == WrittenValue::Shape::map);
  REQUIRE(map.items.size() == 6);
  CHECK(map.items[3].items.at(1).scalar == "z");
  CHECK(map.items[4].scalar == "c d");
  for (const char* text :
       {"[a", "[a]]", "{a}", "{a: b", "[a b", "'a", "[[[[a]]]]", "{a: }", "[,]", "[a] b"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_written(text).ok());
  }
}

TEST_CASE("an option on a command line is a list or a map only if all of it is one") {
  CHECK(parse_option("path=/a=b")->value.scalar == "/a=b");
  CHECK(parse_option("topic={ward}/x")->value.scalar == "{ward}/x");
  CHECK(parse_option("glob=[ab]*.csv")->value.scalar == "[ab]*.csv");
  CHECK(parse_option("key=[a, b]")->value.items.size() == 2);
  CHECK(parse_option("empty=")->value.scalar.empty());
  CHECK_FALSE(parse_option("path").ok());
  CHECK_FALSE(parse_option("=x").ok());
}
