#include "sdk/wire/topic_name.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sdk/base/limits.h"
#include "tests/sdk/wire/random.h"

namespace btb::wire {
namespace {

std::string fault_of(const char* fault) {
  return fault == nullptr ? "" : fault;
}

std::string levels(size_t count) {
  std::string out = "a";
  for (size_t i = 1; i < count; ++i) out += "/a";
  return out;
}

TEST_CASE("names that people use are names") {
  for (const std::string_view name :
       {"a", "ward/3/medication", "$SYS/broker/uptime", "$dead/medication", "Küche/Kühlschrank °C",
        "部屋/一", "a b", "a.b-c_d", "😀"}) {
    CAPTURE(name);
    CHECK(topic_name_fault(name) == nullptr);
    CHECK(topic_filter_fault(name) == nullptr);
  }
}

TEST_CASE("what is wrong with a name is said") {
  using namespace std::string_view_literals;
  const std::vector<std::pair<std::string_view, std::string_view>> wrongs = {
      {"", "empty"},
      {"/", "an empty level"},
      {"/a", "an empty level"},
      {"a/", "an empty level"},
      {"a//b", "an empty level"},
      {"a/+/b", "+ and # are for filters only"},
      {"a/b#", "+ and # are for filters only"},
      {"a\nb", "a control character"},
      {"a\0b"sv, "a control character"},
      {"a\x7F", "a control character"},
      {"\xC2\x85", "a control character"},
      {"\x80", "not UTF-8"},
      {"a/\xC3", "not UTF-8"},
      {"\xC0\xAF", "not UTF-8"},          // "/" written too long
      {"\xED\xA0\x80", "not UTF-8"},      // half of a surrogate pair
      {"\xF4\x90\x80\x80", "not UTF-8"},  // past U+10FFFF
  };
  for (const auto& wrong : wrongs) {
    CAPTURE(wrong.first);
    CHECK(fault_of(topic_name_fault(wrong.first)) == wrong.second);
  }
}

TEST_CASE("a name is 1 to 255 bytes in at most 32 levels") {
  CHECK(topic_name_fault(std::string(255, 'a')) == nullptr);
  CHECK(fault_of(topic_name_fault(std::string(256, 'a'))) == "longer than 255 bytes");
  CHECK(topic_name_fault(levels(32)) == nullptr);
  CHECK(fault_of(topic_name_fault(levels(33))) == "more than 32 levels");
  CHECK(topic_filter_fault(levels(31) + "/#") == nullptr);
  CHECK(fault_of(topic_filter_fault(levels(32) + "/#")) == "more than 32 levels");
}

TEST_CASE("a wildcard is a whole level, and # the last one") {
  for (const std::string_view filter :
       {"+", "#", "a/+/b", "+/+/+", "a/#", "+/#", "$SYS/#", "$SYS/+"}) {
    CAPTURE(filter);
    CHECK(topic_filter_fault(filter) == nullptr);
    CHECK(has_wildcard(filter));
    CHECK(topic_name_fault(filter) != nullptr);
  }
  CHECK(fault_of(topic_filter_fault("a/#/b")) == "# is not the last level");
  CHECK(fault_of(topic_filter_fault("#/")) == "# is not the last level");
  CHECK(fault_of(topic_filter_fault("a+/b")) == "+ or # inside a level");
  CHECK(fault_of(topic_filter_fault("a/##")) == "+ or # inside a level");
  CHECK_FALSE(has_wildcard("ward/3"));
}

TEST_CASE("the literal prefix ends before the first wildcard level") {
  CHECK(literal_prefix("ward/+/x") == "ward");
  CHECK(literal_prefix("ward/3/#") == "ward/3");
  CHECK(literal_prefix("#").empty());
  CHECK(literal_prefix("+/ward").empty());
  CHECK(literal_prefix("ward/3") == "ward/3");
}

TEST_CASE("any bytes become one valid level, and plain text stays as it is") {
  CHECK(to_level("Station 3") == "Station 3");
  CHECK(to_level("Küche") == "Küche");
  CHECK(to_level("a/b") == "a%2Fb");
  CHECK(to_level("100%") == "100%25");
  CHECK(to_level("+#") == "%2B%23");
  CHECK(to_level("") == "%00");
  CHECK(to_level("$SYS") == "%24SYS");
  CHECK(to_level("US$") == "US$");
  CHECK(to_level("a\tb") == "a%09b");
  CHECK(to_level("\xC2\x85") == "%C2%85");
  CHECK(to_level("\xFF") == "%FF");
  CHECK(to_level("\xE2\x82") == "%E2%82");
  Random random(6);
  for (int round = 0; round < 20'000; ++round) {
    const ByteVector bytes = random.bytes(random.below(40));
    const std::string level = to_level(as_text(bytes));
    CAPTURE(level);
    CHECK(topic_name_fault(level) == nullptr);
    CHECK(level.find('/') == std::string::npos);
    CHECK_FALSE(is_reserved(level));
  }
}

// What percent-encoding of to_level stands for; the way back, for the test.
std::string from_level(std::string_view level) {
  std::string out;
  for (size_t i = 0; i < level.size(); ++i) {
    if (level[i] == '%') {
      out += static_cast<char>(std::stoi(std::string(level.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += level[i];
    }
  }
  return out;
}

TEST_CASE("different texts become different levels") {
  Random random(7);
  for (int round = 0; round < 20'000; ++round) {
    const ByteVector bytes = random.bytes(1 + random.below(12));
    CHECK(from_level(to_level(as_text(bytes))) == as_text(bytes));
  }
}

// UTF-8 the slow way: decode to a code point, and ask whether it is written as short as it can be.
bool slow_is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t size = lead < 0x80   ? 1
                        : lead < 0xC0 ? 0
                        : lead < 0xE0 ? 2
                        : lead < 0xF0 ? 3
                        : lead < 0xF8 ? 4
                                      : 0;
    if (size == 0 || i + size > text.size()) return false;
    uint32_t point = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (size_t k = 1; k < size; ++k) {
      const auto next = static_cast<uint8_t>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      point = point << 6 | (next & 0x3FU);
    }
    const size_t shortest = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (shortest != size || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
    i += size;
  }
  return true;
}

TEST_CASE("UTF-8 is what a slow decoder says it is, for all short texts of telling bytes") {
  constexpr std::string_view telling =
      "a\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xC1\xC2\xDF\xE0\xE1\xEC\xED\xEE\xEF\xF0\xF1\xF3\xF4\xF5"
      "\xFF";
  std::string text(4, 'a');
  for (const char a : telling) {
    for (const char b : telling) {
      for (const char c : telling) {
        for (const char d : telling) {
          text.assign({a, b, c, d});
          for (size_t size = 1; size <= 4; ++size) {
            const std::string_view part = std::string_view(text).substr(0, size);
            if (is_utf8(part) != slow_is_utf8(part)) FAIL_CHECK("differs for " << to_level(part));
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace btb::wire
