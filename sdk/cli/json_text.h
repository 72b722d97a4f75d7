// JSON out of bytes. Pure; [any] thread.
#pragma once

#include <string>
#include <string_view>

namespace btb::cli {

// Values nested deeper than this are not taken for JSON.
inline constexpr int json_depth_max = 128;

// Appends `text` to `out` if it is one JSON value (RFC 8259), without the white space between its
// tokens; otherwise leaves `out` as it was and returns false. Numbers and escapes stay as they are
// written.
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
