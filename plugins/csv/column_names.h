// Column names of a header, cleaned so that a name is found by the text that people see. Pure;
// [any].
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace btb::csv {

// `name` as people see it: without spaces at its ends, without characters that have no width (a
// byte order mark, U+200B, U+00AD, marks of direction), and with a plain space in place of every
// other kind of space. U+200C and U+200D stay inside a name, because some scripts need them. Each
// character that was removed or replaced, except plain spaces and tabs, is added to `found` once
// ("U+200B, U+00A0").
std::string clean_name(std::string_view name, std::string& found);
std::string clean_name(std::string_view name);

// Cleans each name. A column without a name is called column_NUMBER, and a name that an earlier
// column has gets _NUMBER behind it, with the column's number from 1. `remarks` gets a text for
// people about each such change. REQUIRES: the names are UTF-8.
void clean_names(std::vector<std::string>& names, std::vector<std::string>& remarks);

// "; did you mean "bed"?" with the one of `names` that is most like `name`. Empty if none is like
// it.
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

}  // namespace btb::csv
