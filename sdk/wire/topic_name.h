// Topic names and filters: the grammar, and whether one matches the other. Pure; [any] thread.
//
//   name    = level *( "/" level )        1 to 255 bytes of UTF-8, at most 32 levels, no level
//   empty level   = any characters but "/", "+", "#", U+0000..U+001F, U+007F..U+009F filter  = as a
//   name, but a whole level may be "+" (any one level) and the last may be "#" (the level above it
//   and
//             everything below)
//
// Names whose first character is "$" belong to the broker ("$SYS/...", "$dead/..."). A filter whose
// first level is a wildcard does not match them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace btb::wire {

// Why `name` is not a topic name; null if it is one. The text is static: "an empty level", ...
const char* topic_name_fault(std::string_view name);
const char* topic_filter_fault(std::string_view filter);

inline bool is_reserved(std::string_view name) {
  return name.starts_with('$');
}
bool has_wildcard(std::string_view filter);

// REQUIRES: both are valid.
bool filter_matches(std::string_view filter, std::string_view name);

// The part of the filter before its first wildcard level, without the "/" at its end: every name it
// matches begins with it. "ward/+/x" gives "ward", "#" gives "".
std::string_view literal_prefix(std::string_view filter);

// Bytes as they may be put into a level: what a level cannot hold is percent-encoded ("a/b" ->
// "a%2Fb"), an empty text becomes "%00".
std::string to_level(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace btb::wire
