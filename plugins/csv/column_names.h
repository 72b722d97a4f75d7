// Column names: as they stand in a header, made fit to be looked up by what people see of them.
// Pure; [any] thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace btb::csv {

// `name` as people see it: without spaces at its ends, without characters that have no width (a
// byte order mark, U+200B, U+00AD, marks of direction; U+200C and U+200D stay inside, where some
// scripts need them), and with a plain space for every other one. What was no plain space or tab is
// added to `found` ("U+200B, U+00A0"), each once.
std::string clean_name(std::string_view name, std::string& found);
std::string clean_name(std::string_view name);

// Gives each column a clean name of its own; `remarks` tells where that was not what stood there.
// REQUIRES: the names are UTF-8.
void clean_names(std::vector<std::string>& names, std::vector<std::string>& remarks);

// "; did you mean "bed"?", of `names` the one that is nearest to `name`; or nothing.
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

}  // namespace btb::csv
