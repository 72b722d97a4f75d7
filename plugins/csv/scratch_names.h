// Names of files that a program leaves beside a table for its own use: a backup of an editor, a
// lock file of an office program, an unfinished download. Pure; [any].
#pragma once

#include <string_view>

namespace btb::csv {

// True if `name`, the last part of a path, looks like such a file: "a.csv~", "~$a.csv",
// "a.csv.part".
bool is_scratch_name(std::string_view name);

}  // namespace btb::csv
