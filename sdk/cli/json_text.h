// JSON out of bytes. Pure; [any] thread.
#pragma once

#include <string>
#include <string_view>

namespace btb::cli {

// Arrays and objects nested deeper than this are not taken for JSON: with what is printed around
// them they stay below 64, the depth at which the strictest of the usual readers stop.
inline constexpr int json_depth_max = 60;

// Appends `text` to `out` if it is one JSON value (RFC 8259) that every reader takes, without the
// white space between its tokens; otherwise leaves `out` as it was and returns false. Numbers and
// escapes stay as they are written. Half of a surrogate pair (\ud800) is no character, and a value
// that has one is not taken.
bool append_compact_json(std::string& out, std::string_view text);

// A string literal. What printable.h calls unsafe is escaped, so that the result is safe on a
// terminal. REQUIRES: UTF-8.
void append_json_string(std::string& out, std::string_view text);

// Bytes of any kind as a JSON value: what is JSON as it is, other UTF-8 as a string, the rest as
// {"$base64": "..."}.
void append_json_value(std::string& out, std::string_view bytes);

// Bytes as a string, or as {"$base64": "..."} if they are not UTF-8.
void append_json_text(std::string& out, std::string_view bytes);

}  // namespace btb::cli
