#include "plugins/csv/number.h"

#include <algorithm>
#include <stdexcept>

#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

constexpr std::string_view typographic_apostrophe = "\xE2\x80\x99";  // U+2019
constexpr std::string_view minus_sign = "\xE2\x88\x92";              // U+2212

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The length of the mark between thousands at the front of `text`; 0 if there is none.
size_t mark_bytes(std::string_view text, const NumberStyle& style) {
  switch (style.thousands) {
    case NumberStyle::Thousands::none:
      return 0;
    case NumberStyle::Thousands::character:
      return text.front() == style.thousands_character ? 1 : 0;
    case NumberStyle::Thousands::space:
      return space_bytes(text);
    case NumberStyle::Thousands::apostrophe:
      if (text.front() == '\'') return 1;
      return text.starts_with(typographic_apostrophe) ? typographic_apostrophe.size() : 0;
  }
  return 0;
}

// Takes the digits in front of the decimal mark, without the marks between thousands. False if one
// of these marks is in the wrong place.
bool take_whole(std::string_view& text, const NumberStyle& style, std::string& whole) {
  size_t since_mark = 0;
  bool marked = false;
  while (!text.empty()) {
    if (is_digit(text.front())) {
      whole += text.front();
      ++since_mark;
      text.remove_prefix(1);
      continue;
    }
    const size_t bytes = mark_bytes(text, style);
    if (bytes == 0) break;
    if (since_mark == 0 || since_mark > 3 || (marked && since_mark != 3)) return false;
    marked = true;
    since_mark = 0;
    text.remove_prefix(bytes);
  }
  return !marked || since_mark == 3;
}

void take_digits(std::string_view& text, std::string& out) {
  while (!text.empty() && is_digit(text.front())) {
    out += text.front();
    text.remove_prefix(1);
  }
}

bool take_exponent(std::string_view& text, std::string& exponent) {
  if (text.empty() || (text.front() != 'e' && text.front() != 'E')) return true;
  text.remove_prefix(1);
  exponent += 'e';
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    if (text.front() == '-') exponent += '-';
    text.remove_prefix(1);
  }
  const size_t before = exponent.size();
  take_digits(text, exponent);
  return exponent.size() > before && exponent.size() <= 6;
}

bool take_sign(std::string_view& text) {
  const bool wide = text.starts_with(minus_sign);
  const bool negative = wide || text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(wide ? minus_sign.size() : 1);
  return negative;
}

}  // namespace

std::optional<Digits> read_digits(std::string_view text, const NumberStyle& style) {
  Digits digits;
  digits.negative = take_sign(text);
  if (!take_whole(text, style, digits.whole)) return std::nullopt;
  if (text.starts_with(style.decimal)) {
    digits.has_mark = true;
    text.remove_prefix(1);
    take_digits(text, digits.fraction);
  }
  if (digits.whole.empty() && digits.fraction.empty()) return std::nullopt;
  if (!take_exponent(text, digits.exponent) || !text.empty()) return std::nullopt;
  digits.whole.erase(0, std::min(digits.whole.find_first_not_of('0'), digits.whole.size()));
  if (digits.whole.empty()) digits.whole += '0';
  return digits;
}

void set_thousands(NumberStyle& style, std::string_view text) {
  using Thousands = NumberStyle::Thousands;
  style.thousands_character = '\0';
  const bool space =
      text == "space" || (!text.empty() && text != "\t" && space_bytes(text) == text.size());
  if (text.empty() || text == "none") {
    style.thousands = Thousands::none;
  } else if (space) {
    style.thousands = Thousands::space;
  } else if (text == "apostrophe" || text == "'" || text == typographic_apostrophe) {
    style.thousands = Thousands::apostrophe;
  } else if (text.size() == 1 && text[0] > ' ' && text[0] < 0x7F) {
    style.thousands = Thousands::character;
    style.thousands_character = text[0];
  } else {
    throw std::invalid_argument(
        "expected one character, space (also U+00A0, U+202F), apostrophe, or none, found \"" +
        std::string(text) + "\"");
  }
}

}  // namespace btb::csv
