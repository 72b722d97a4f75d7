// Makes text from outside safe for a terminal, and one line. Only this file decides what is safe.
// Pure; [any] thread.
//
// Characters that could control a terminal or mislead a person are escaped, as \n, \t, \x1b or
// \u202e: control characters (C0, DEL, C1, U+2028, U+2029), marks that change the direction of text
// (U+061C, U+200E, U+200F, U+202A..U+202E, U+2066..U+2069), and U+FEFF. Bytes that are not UTF-8
// become \xff. All other text stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace btb::cli {

void append_printable(std::string& out, std::string_view text);
std::string printable(std::string_view text);

// Length in bytes of the UTF-8 sequence at the front of `text`; 0 if there is no valid one.
// REQUIRES: `text` is not empty.
size_t utf8_bytes(std::string_view text);
// The character of a valid sequence.
char32_t utf8_character(std::string_view sequence);
// Whether the character is one of those that are escaped; see above.
bool is_unsafe(char32_t character);

// The number of columns that the text takes on a terminal, from the C library's Unicode table: two
// for wide characters and most emoji, none for combining marks. REQUIRES: printable text.
size_t width(std::string_view text);
// The text cut to `columns`, with an ellipsis at the end if it was cut. Never cuts a character in
// two. REQUIRES: printable text.
std::string cut(std::string_view text, size_t columns);

}  // namespace btb::cli
