#include "sdk/cli/json_text.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace btb::cli;

namespace {

std::string value_of(std::string_view bytes) {
  std::string out;
  append_json_value(out, bytes);
  return out;
}

}  // namespace

TEST_CASE("JSON is embedded without the space between its tokens, and otherwise as it is") {
  CHECK(value_of(" { \"a\" : [ 1 , 2.50 , -0e+3 ] ,\n\t\"b\" : { } } ") ==
        R"({"a":[1,2.50,-0e+3],"b":{}})");
  CHECK(value_of(R"("two  spaces \u00e4 \/")") == R"("two  spaces \u00e4 \/")");
  CHECK(value_of("123456789012345678901234567890") == "123456789012345678901234567890");
  for (const char* word : {"true", "false", "null", "[]", "{}", "0", "\"\""})
    CHECK(value_of(word) == word);
}

TEST_CASE("what is not JSON is a string") {
  for (const char* text :
       {"", "hello", "{", "[1,]", "{\"a\"}", "{1:2}", "01", "1.", ".5", "+1", "1e", "nul", "truex",
        "[1] 2", "\"open", "'a'", "{\"a\":1,}", "\"\\x\"", "\"\\u12g4\""}) {
    CAPTURE(text);
    const auto back = nlohmann::json::parse(value_of(text));
    REQUIRE(back.is_string());
    CHECK(back.get<std::string>() == text);
  }
}

TEST_CASE("half of a surrogate pair in JSON makes it a string, a whole pair does not") {
  for (const char* text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800\ud800")", R"("\udc00\ud800")", R"("\ud800x")",
        R"("\ud800\n")", R"({"\uDBFF":1})", R"(["a\uD83D"])", R"("\ud83d\u0041")"}) {
    CAPTURE(text);
    const auto back = nlohmann::json::parse(value_of(text));
    REQUIRE(back.is_string());
    CHECK(back.get<std::string>() == text);
  }
  for (const char* text : {R"("\ud83d\ude00")", R"("\uD83D\uDE00\ud83d\ude00")",
                           R"("\ud7ff\ue000")", R"({"a":1,"a":2})", R"("\u0000")", "1e999"}) {
    CHECK(value_of(text) == text);
  }
}

TEST_CASE("what is not UTF-8 is base64, marked as such") {
  CHECK(value_of("\xff") == R"({"$base64":"/w=="})");
  CHECK(value_of("\xff\xfe") == R"({"$base64":"//4="})");
  CHECK(value_of("\xff\xfe\xfd") == R"({"$base64":"//79"})");
  CHECK(value_of("\"\xff\"") == R"({"$base64":"Iv8i"})");
}

TEST_CASE("the result is one line that no terminal obeys, and means the same") {
  const std::string nasty =
      "\x1b[2J\xc2\x9b"
      "31m\xe2\x80\xae\x7f\r\n";
  const std::string as_string = value_of(nasty);
  CHECK(as_string == R"("\u001b[2J\u009b31m\u202e\u007f\u000d\n")");
  CHECK(nlohmann::json::parse(as_string).get<std::string>() == nasty);
  const std::string embedded = value_of("[\"\xc2\x9b\xe2\x80\xae\"]");
  CHECK(embedded == R"(["\u009b\u202e"])");
}

TEST_CASE("JSON nested too deep is a string, not the end of the stack") {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(value_of(nested(json_depth_max)) == nested(json_depth_max));
  CHECK(value_of("[" + nested(json_depth_max - 1) + ",1]").front() == '[');
  CHECK(value_of(nested(json_depth_max + 1)).front() == '"');
  CHECK(value_of(std::string(1'000'000, '[')).front() == '"');
}

TEST_CASE("what is taken for JSON is what a JSON library takes") {
  const std::string_view letters = "{}[]:,\"\\0123e.-+ tfn/a\x80";
  uint32_t random = 1;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (int j = 0; j < 6; ++j) {
      random = random * 1664525 + 1013904223;
      text += letters[random >> 16 & 0xFFFF ? (random >> 16) % letters.size() : 0];
    }
    std::string out = "before";
    const bool taken = append_compact_json(out, text);
    CAPTURE(text);
    // The library refuses numbers that a double cannot hold; here they stay as they are written.
    if (taken && text.find('e') != std::string::npos) continue;
    CHECK_UNARY(taken == nlohmann::json::accept(text));
    if (!taken) CHECK_UNARY(out == "before");
  }
}
