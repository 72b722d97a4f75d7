// Log text: what comes from outside (names of clients, texts of plugins, file names), made safe for
// a line that people and programs read. Pure; [any] thread.
#pragma once

#include <string>
#include <string_view>

namespace btb {

// `text` with a "?" in the place of each character that could steer a terminal or mislead a reader
// (controls, those of C1 included; line and paragraph separators; marks that change the direction
// of text or are not seen), and of each byte if it is no UTF-8.
std::string printable(std::string_view text);

// A value behind "name=" in a line of text. As it is if it is one plain word; else between quotes,
// where `"` and `\` have a `\` before them, and made printable: so no value looks like two fields.
std::string field_value(std::string_view value);

// A document of JSON with the same characters as \u escapes in its texts. They stand nowhere else
// in JSON, so the document means the same.
std::string escaped_json(std::string_view json);

}  // namespace btb
