// Options as an operator wrote them, in YAML or on a command line, before they are checked. Value
// types and pure functions; [any] thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sdk/base/result.h"

namespace btb::host {

// A place in a file. Both count from 1; 0: not known.
struct Place {
  int line = 0;
  int column = 0;
};

// A value as it was written: a scalar, a list, or a map. The values of a map are scalars or lists
// of scalars.
struct WrittenValue {
  enum class Shape : unsigned char { scalar, list, map } shape = Shape::scalar;
  std::string scalar;
  std::vector<WrittenValue> items;  // list: the items; map: key, value, key, value
  Place place;
};

struct WrittenOption {
  std::string name;
  Place name_place;
  WrittenValue value;
};

struct SettingFault {
  std::string option;  // empty: the options as a whole
  // What was expected and what was found, perhaps with the nearest known word. It is read after the
  // name of the option.
  std::string text;
  Place place;
};

// Reads a value from one line, as in a declared default or on a command line: a scalar, "[a, b]",
// or "{a: x, b: [y, z]}". Texts with commas or brackets need quotes. The result has no places.
Result<WrittenValue> parse_written(std::string_view text);
// Reads "NAME=VALUE" from a command line. A value that is as a whole a list or map in the form
// above becomes one. Any other value is a scalar, so "{ward}/x" and "[ab]*.csv" need no quotes.
Result<WrittenOption> parse_option(std::string_view text);
// Compares shape and contents, without the places.
bool same_value(const WrittenValue& a, const WrittenValue& b);

}  // namespace btb::host
