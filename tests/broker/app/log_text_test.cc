#include "broker/app/log_text.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace btb {

TEST_CASE("what comes from outside cannot steer a terminal") {
  CHECK(printable("ward 3A, bed 2") == "ward 3A, bed 2");
  CHECK(printable("J. Brand\xC3\xA3o") == "J. Brand\xC3\xA3o");
  CHECK(printable("a\x1B[2Jb\nc\td") == "a?[2Jb?c?d");
  CHECK(printable("a\xC2\x9B"
                  "31mb") == "a?31mb");  // C1, as UTF-8
  CHECK(printable("a\x9B"
                  "31mb") == "a?31mb");  // C1, as a byte
  CHECK(printable("a\xE2\x80\xAE"
                  "txt.exe") == "a?txt.exe");  // text from right to left
  CHECK(printable("Caf\xE9") == "Caf?");       // Latin-1
}

TEST_CASE("characters that are not seen or begin a new line are shown as one that is seen") {
  CHECK(printable("a\xE2\x80\xA8"
                  "b") == "a?b");  // line separator
  CHECK(printable("a\xE2\x80\x8B"
                  "b") == "a?b");  // zero width space
  CHECK(printable("a\xD8\x9C"
                  "b") == "a?b");                   // Arabic letter mark
  CHECK(printable("a\xF3\xA0\x81\x81z") == "a?z");  // a tag, which is a hidden letter
  CHECK(printable("\xEF\xBB\xBF"
                  "x") == "?x");  // byte order mark
}

TEST_CASE(
    "a value of more than one word stands between quotes, so it cannot look like two fields") {
  CHECK(field_value("btsub") == "btsub");
  CHECK(field_value("l2cap:*/4097") == "l2cap:*/4097");
  CHECK(field_value("x peer=unix uid 0") == R"("x peer=unix uid 0")");
  CHECK(field_value("x=1") == R"("x=1")");
  CHECK(field_value(R"(a" peer="b)") == R"("a\" peer=\"b")");
  CHECK(field_value(R"(a\)") == R"("a\\")");
  CHECK(field_value("a\nevent") == R"("a?event")");
  CHECK(field_value("") == R"("")");
}

TEST_CASE("JSON keeps what was said, as escapes") {
  const std::string said = "a\x7F\xC2\x9B\xE2\x80\xAE\xF3\xA0\x81\x81 \xC3\xA9";
  const std::string line = escaped_json(nlohmann::json(said).dump());
  CHECK(line == "\"a\\u007f\\u009b\\u202e\\udb40\\udc41 \xC3\xA9\"");
  CHECK(nlohmann::json::parse(line).get<std::string>() == said);
}

}  // namespace btb
