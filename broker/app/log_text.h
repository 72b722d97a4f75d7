// Makes text from outside (names of clients, texts of plugins, file names) safe for the journal,
// which people and programs read. Pure; [any] thread.
#pragma once

#include <string>
#include <string_view>

namespace btb {

// Returns `text` with a "?" for each character that could control a terminal or mislead a reader:
// control characters (C0 and C1), line and paragraph separators, marks that change the direction of
// text, invisible characters. If `text` is not valid UTF-8, each byte that is not printable ASCII
// becomes a "?".
std::string printable(std::string_view text);

// Returns `value` as it is written after "name=" in a line of text. One plain ASCII word stays as
// it is. Any other value is made printable and put between quotes, with a `\` before each `"` and
// `\`. So no value looks like two fields.
std::string field_value(std::string_view value);

// Returns a JSON document in which the characters that `printable` replaces are \u escapes. In JSON
// without line breaks they occur only inside strings, so the document means the same. `json` must
// be valid UTF-8.
std::string escaped_json(std::string_view json);

}  // namespace btb
