#include "sdk/cli/template.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <time.h>

using namespace btb;
using namespace btb::cli;

namespace {

std::string filled(std::string_view text, bool escape = false,
                   const std::string& payload = R"({"name":"Müller","n":1,"o":{"x":2}})") {
  setenv("TZ", "UTC", 1);
  tzset();
  client::Topic topic;
  topic.name = "ward/3/beds";
  topic.kind = wire::TopicKind::state;
  client::Message message;
  message.seq = 7;
  message.time_us = 1'000'001;
  message.key = as_bytes("k\n");
  message.payload = as_bytes(payload);
  const auto pattern = Template::parse(text);
  REQUIRE(pattern.ok());
  std::string out;
  pattern->append(out, topic, message, escape);
  return out;
}

}  // namespace

TEST_CASE("fields are filled in") {
  CHECK(filled("{topic}|{seq}|{op}|{kind}|{size}|{snapshot}") ==
        "ward/3/beds|7|put|state|36|false\n");
  CHECK(filled("{ts} {time:%H:%M:%S.%N}") == "1970-01-01T00:00:01.000001Z 00:00:01.000001\n");
  CHECK(filled("{topic:1} {topic:-1} {topic:9}") == "ward beds \n");
  CHECK(filled("{payload:name} {payload:n} {payload:o} {payload:none}") == "Müller 1 {\"x\":2} \n");
  CHECK(filled("{hex}").starts_with("7b226e"));
  CHECK(filled("{json}").starts_with("{\"ts\":"));
}

TEST_CASE("a member of what is nested too deep for any writer is empty") {
  const std::string deep = "{\"a\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  CHECK(filled("{payload:a}", false, deep) == "\n");
}

TEST_CASE("escapes, braces and the newline at the end") {
  CHECK(filled("a\\tb\\\\{{x}}") == "a\tb\\{x}\n");
  CHECK(filled("x\\c") == "x");
  CHECK(filled("x\\0") == std::string("x\0", 2));
}

TEST_CASE("for a terminal the fields are made printable, the template's own text is not touched") {
  CHECK(filled("{key}\\t") == "k\n\t\n");
  CHECK(filled("{key}\\t", true) == "k\\n\t\n");
}

TEST_CASE("what is not known is refused with what there is") {
  for (const char* text : {"{nope}", "{", "{topic:x}", "{topic:0}", "{payload:}", "\\x", "{}"}) {
    CAPTURE(text);
    const auto pattern = Template::parse(text);
    REQUIRE(!pattern.ok());
    CHECK(pattern.error().text.starts_with("template: "));
  }
}
