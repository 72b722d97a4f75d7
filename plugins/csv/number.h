// Number: reads a number as people write it, with a decimal mark, marks between thousands, a sign.
// Values; pure; [any].
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace btb::csv {

// How numbers are written in this file.
struct NumberStyle {
  // The mark that may stand between thousands. `space` is any space that has a width (a plain one,
  // U+00A0, U+202F, ...), `apostrophe` is ' or U+2019: programs differ in which one they write.
  enum class Thousands : uint8_t { none, character, space, apostrophe };
  char decimal = '.';
  Thousands thousands = Thousands::none;
  char thousands_character = '\0';  // with `character`: the mark
};

// The parts of a number, digits only. `whole` has no leading zeros and is never empty: "0".
struct Digits {
  bool negative = false;
  std::string whole;
  std::string fraction;
  std::string exponent;   // "e5", "e-3", empty
  bool has_mark = false;  // there is a decimal mark, perhaps with no digits behind it
};

// Nothing if `text` is no number. A minus may also be U+2212, as spreadsheets write it.
std::optional<Digits> read_digits(std::string_view text, const NumberStyle& style);

// Sets the mark between thousands from an option: "space", "apostrophe", "none" or one character
// (ASCII, or a space or apostrophe of Unicode). Throws std::invalid_argument for other texts.
void set_thousands(NumberStyle& style, std::string_view text);

}  // namespace btb::csv
