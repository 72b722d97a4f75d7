// Names of files that a program leaves beside a table for its own use: an editor's backup, an
// office's owner file, a download that is not finished. Pure; [any] thread.
#pragma once

#include <string_view>

namespace btb::csv {

// True for the last part of a path that looks like such a file: "a.csv~", "~$a.csv", "a.csv.part".
bool is_scratch_name(std::string_view name);

}  // namespace btb::csv
