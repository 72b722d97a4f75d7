// JSON from bytes of any kind. Pure; [any] thread.
#pragma once

#include <string>
#include <string_view>

namespace btb::cli {

// Arrays and objects nested deeper than this do not count as JSON. The strictest of the usual
// readers stop at depth 64, and btsub prints some levels around a payload.
inline constexpr int json_depth_max = 60;

// Appends `text` to `out`, without the white space between its tokens, if it is one JSON value (RFC
// 8259) that every reader accepts. Otherwise returns false and leaves `out` as it was. Numbers and
// escapes stay as they are written. A value with half of a surrogate pair (\ud800) is not accepted,
// because that is not a character.
bool append_compact_json(std::string& out, std::string_view text);

// Appends a string literal. Characters that are unsafe (is_unsafe in printable.h) are escaped, so
// the result is safe on a terminal. REQUIRES: UTF-8.
void append_json_string(std::string& out, std::string_view text);

// Appends bytes of any kind as a JSON value: JSON as it is, other UTF-8 as a string, all other
// bytes as {"$base64": "..."}.
void append_json_value(std::string& out, std::string_view bytes);

// Appends bytes as a string, or as {"$base64": "..."} if they are not UTF-8.
void append_json_text(std::string& out, std::string_view bytes);

}  // namespace btb::cli
