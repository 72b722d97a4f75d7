// Number: a number as people write it, taken apart: decimal mark, marks between thousands, sign.
// Values; pure; [any] thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace btb::csv {

// How numbers are written in this file.
struct NumberStyle {
  // What may stand between thousands. `space` is any space that has a width (a plain one, U+00A0,
  // U+202F, ...), `apostrophe` is ' or U+2019: programs write one and mean all.
  enum class Thousands : uint8_t { none, character, space, apostrophe };
  char decimal = '.';
  Thousands thousands = Thousands::none;
  char thousands_character = '\0';  // of `character`
};

// Digits only, no leading zeros in `whole`, which is "0" rather than empty.
struct Digits {
  bool negative = false;
  std::string whole;
  std::string fraction;
  std::string exponent;   // "e5", "e-3", empty
  bool has_mark = false;  // of decimals, also with none behind it
};

// Nothing if `text` is no number. A minus may also be U+2212, as spreadsheets write it.
std::optional<Digits> read_digits(std::string_view text, const NumberStyle& style);

// "space", "apostrophe", "none" or one character, ASCII or a space or apostrophe of Unicode. Throws
// std::invalid_argument.
void set_thousands(NumberStyle& style, std::string_view text);

}  // namespace btb::csv
