#include "plugins/csv/text.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "sdk/wire/topic_name.h"

using namespace btb::csv;

namespace {

std::string random_bytes(std::mt19937& random) {
  static const std::string pieces[] = {"a",
                                       "/",
                                       "+",
                                       "#",
                                       "%",
                                       "$",
                                       "\x7F",
                                       "\xC3\xA4",
                                       "\xE2\x82\xAC",
                                       "\xF0\x9F\x98\x80",
                                       "\xFF",
                                       "\xC3",
                                       "\xED\xA0\x80",
                                       "\xC0\xAF",
                                       "\xC2\x85",
                                       "\x01",
                                       "\"",
                                       "\\",
                                       "\n",
                                       "longer plain text ",
                                       std::string(1, '\0')};
  std::string out;
  for (size_t i = random() % 12; i > 0; --i) out += pieces[random() % std::size(pieces)];
  return out;
}

std::string level(std::string_view text) {
  std::string out;
  append_level(out, text);
  return out;
}

// The JSON string unescaped again, as far as append_json_escaped goes.
std::string unescaped(std::string_view json) {
  std::string out;
  for (size_t i = 0; i < json.size(); ++i) {
    if (json[i] != '\\') {
      CHECK(static_cast<unsigned char>(json[i]) >= 0x20);
      CHECK(json[i] != '"');
      out += json[i];
      continue;
    }
    switch (json[++i]) {
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u':
        out += static_cast<char>(std::stoi(std::string(json.substr(i + 1, 4)), nullptr, 16));
        i += 4;
        break;
      default:
        out += json[i];
    }
  }
  return out;
}

}  // namespace

TEST_CASE("a level is encoded by the same rule as in the broker") {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_bytes(random);
    CHECK(level(text) == btb::wire::to_level(text));
  }
  CHECK(level("7A/2") == "7A%2F2");
  CHECK(level("") == "%00");
  CHECK(level("$x") == "%24x");
}

TEST_CASE("text is bad exactly where it is not UTF-8 or has a NUL") {
  std::mt19937 random(2);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_bytes(random) + random_bytes(random);
    const bool good = btb::wire::is_utf8(text) && text.find('\0') == std::string::npos;
    CHECK((first_bad_byte(text) == std::string::npos) == good);
  }
  CHECK(first_bad_byte("abcdefgh\xFFx") == 8);
}

TEST_CASE("a JSON string gives back what went into it") {
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_bytes(random) + random_bytes(random);
    if (first_bad_byte(text) != std::string::npos) continue;
    std::string out;
    append_json_escaped(out, text);
    CHECK(unescaped(out) == text);
  }
}

TEST_CASE("small letters are those of every alphabet, and other bytes stay as they are") {
  CHECK(lower_case("ÜBERTRAG Ñandú ЖУК Ω {0}") == "übertrag ñandú жук ω {0}");
  CHECK(lower_case("A\xFF\xC3") == "a\xFF\xC3");
  CHECK(lower_case("\xF0\x90\x90\x80") == "\xF0\x90\x90\xA8");  // U+10400, U+10428
  CHECK(glob_matches("*.Ñ[a-c]", "X.ñB", btb::csv::Case::ignored));
}

TEST_CASE("patterns fit names as in a shell") {
  CHECK(glob_matches("*.csv", "a.csv"));
  CHECK_FALSE(glob_matches("*.csv", ".a.csv"));
  CHECK(glob_matches("stock_?[0-9].csv", "stock_a7.csv"));
  CHECK_FALSE(glob_matches("*.csv", "a.csv.part"));
  for (const char* right : {"*.csv", "[a-c]?", "[!]x]", "[]]", "a\\[b", "\\\\[a]", "[a][b]"}) {
    CAPTURE(right);
    CHECK(glob_fault(right) == nullptr);
  }
  for (const char* wrong : {"[a", "a[", "[]", "[!]", "[a]b[", "a\\", "\\\\[a"}) {
    CAPTURE(wrong);
    CHECK(glob_fault(wrong) != nullptr);
  }
}
