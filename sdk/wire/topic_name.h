// Topic names and filters: the grammar, and whether one matches the other. Pure; [any] thread.
//
//   name    = level *( "/" level )   1 to 255 bytes of UTF-8, 1 to 32 levels, no level is empty
//   level   = any characters except "/", "+", "#", U+0000..U+001F and U+007F..U+009F
//   filter  = a name in which a whole level may be "+", and the last level may be "#"
//
// "+" stands for any one level. "#" stands for everything below, and also for the level above it:
// "ward/#" matches "ward" and "ward/3A/beds".
//
// Names whose first character is "$" belong to the broker ("$SYS/...", "$dead/..."). A filter whose
// first level is a wildcard does not match them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace btb::wire {

// Null if the text is valid. Otherwise the reason why it is not: "an empty level", ... The reason
// is a static string.
const char* topic_name_fault(std::string_view name);
const char* topic_filter_fault(std::string_view filter);

// Whether the name or filter begins with "$".
inline bool is_reserved(std::string_view name) {
  return name.starts_with('$');
}
bool has_wildcard(std::string_view filter);

// REQUIRES: both are valid.
bool filter_matches(std::string_view filter, std::string_view name);

// The levels of the filter before its first wildcard. Every name that the filter matches begins
// with them. "ward/+/x" gives "ward", "#" gives "". Borrows `filter`.
std::string_view literal_prefix(std::string_view filter);

// Makes one level of any bytes. Characters that a level cannot hold are percent-encoded ("a/b"
// becomes "a%2Fb"), and so are "%" and a "$" at the front. An empty text becomes "%00".
std::string to_level(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace btb::wire
