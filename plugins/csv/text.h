// Text: what rows, keys and topics need to know about UTF-8, and the two ways of escaping. Pure;
// [any] thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace btb::csv {

// Bytes of the UTF-8 sequence at the front of `text`, 0 if there is none that is valid (no overlong
// forms, no surrogates, nothing past U+10FFFF). REQUIRES: `text` is not empty.
size_t sequence_bytes(std::string_view text);

// Position of the first byte that no text may hold: a NUL, or one that is not UTF-8. npos if there
// is none.
size_t first_bad_byte(std::string_view text);

// Appends `text` to `out` as the inside of a JSON string. REQUIRES: first_bad_byte(text) == npos.
void append_json_escaped(std::string& out, std::string_view text);

// Appends `text` as one level of a topic name: the same rule as the broker's to_level. What a level
// cannot hold ("/", "+", "#", "%", control characters, what is not UTF-8, a "$" in front) is
// percent-encoded; an empty text becomes "%00".
void append_level(std::string& out, std::string_view text);
// The same for each part between the slashes of `path`, with these between the levels.
void append_levels(std::string& out, std::string_view path);

// Without the spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

// Bytes of the space at the front of `text`: a plain one, a tab, or one of Unicode's that have a
// width (U+00A0, U+202F, ...). 0 if there is none. REQUIRES: `text` is not empty.
size_t space_bytes(std::string_view text);
// Without any of these at both ends.
std::string_view trimmed_wide(std::string_view text);

// Letters of any alphabet as small ones; what is not UTF-8 stays as it is.
std::string lower_case(std::string_view text);

// True if `name` fits `pattern`, in which "*" stands for any characters, "?" for one and "[a-c]" or
// "[!a-c]" for one of a set. A "*" or "?" in front does not match a "." in front, as in a shell.
enum class Case : unsigned char { matters, ignored };
bool glob_matches(std::string_view pattern, std::string_view name, Case letters = Case::matters);
bool has_glob(std::string_view pattern);
// Why `pattern` cannot mean what was meant, null if it can. Static.
const char* glob_fault(std::string_view pattern);

}  // namespace btb::csv
