// Text: functions for UTF-8 in rows, keys and topics, escaping for JSON and for topics, and globs.
// Views in results are views of the argument. Pure; [any].
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace btb::csv {

// The length in bytes of the UTF-8 sequence at the front of `text`. 0 if it is not valid: overlong
// forms, surrogates and code points above U+10FFFF are not. REQUIRES: `text` is not empty.
size_t sequence_bytes(std::string_view text);

// The offset of the first byte that a text must not have: a NUL, or a byte that is not UTF-8. npos
// if there is none.
size_t first_bad_byte(std::string_view text);

// Appends `text` to `out` as the inside of a JSON string. REQUIRES: first_bad_byte(text) == npos.
void append_json_escaped(std::string& out, std::string_view text);

// Appends `text` to `out` as one level of a topic name, by the same rule as the broker's to_level.
// "/", "+", "#", "%", control characters, bytes that are not UTF-8, and a "$" in front are
// percent-encoded. An empty text becomes "%00".
void append_level(std::string& out, std::string_view text);
// The same for a path: each part between two slashes becomes a level.
void append_levels(std::string& out, std::string_view path);

// `text` without the spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

// The length in bytes of the space at the front of `text`: a plain space, a tab, or a space of
// Unicode that has a width (U+00A0, U+202F, ...). 0 if there is none. REQUIRES: `text` is not
// empty.
size_t space_bytes(std::string_view text);
// `text` without any of these spaces at both ends.
std::string_view trimmed_wide(std::string_view text);

// `text` with the letters of all alphabets in lower case. Bytes that are not UTF-8 stay as they
// are.
std::string lower_case(std::string_view text);

// True if `name` fits `pattern`. In a pattern "*" stands for any characters, "?" for one, and
// "[a-c]" or "[!a-c]" for one of a set. As in a shell, a "*" or "?" in front does not match a "."
// in front.
enum class Case : unsigned char { matters, ignored };
bool glob_matches(std::string_view pattern, std::string_view name, Case letters = Case::matters);
// True if `pattern` has one of "*", "?" and "[", so that it is more than a name.
bool has_glob(std::string_view pattern);
// Why `pattern` is probably a mistake (static text); null if it is fine.
const char* glob_fault(std::string_view pattern);

}  // namespace btb::csv
