// Text from outside, made fit for a terminal and for one line: the one place where that is decided.
// Pure; [any] thread.
//
// What a terminal might obey or a person might be misled by is written out instead: control
// characters (C0, DEL, C1, U+2028, U+2029) and the marks that change the direction of text (U+061C,
// U+200E, U+200F, U+202A..U+202E, U+2066..U+2069) and U+FEFF as \n, \t, \x1b, \u202e; bytes that
// are not UTF-8 as \xff. All else stays as it is.
#pragma once

#include <string>
#include <string_view>

namespace btb::cli {

void append_printable(std::string& out, std::string_view text);
std::string printable(std::string_view text);

// Bytes of the UTF-8 sequence at the front of `text` (not empty); 0 if it is not one.
size_t utf8_bytes(std::string_view text);
// The character of a valid sequence.
char32_t utf8_character(std::string_view sequence);
// Whether a character is one of those above that are written out.
bool is_unsafe(char32_t character);

// Columns the text takes on a terminal, by the C library's table of Unicode: two for a character of
// a wide script and for most emoji, none for a mark that stands over the one before. REQUIRES:
// printable text.
size_t width(std::string_view text);
// The text cut to `columns`, with an ellipsis if something is missing; a character that does not
// fit whole is left out. REQUIRES: printable text.
std::string cut(std::string_view text, size_t columns);

}  // namespace btb::cli
