// Putting a file away after it was read: it is moved to another directory, or deleted. [source]
//
// No file is ever overwritten, and no version is put away that was not read: a moved file is
// compared with the version that was read, and moved back if it is another one.
#pragma once

#include <string>

#include "plugins/csv/file_reader.h"

namespace btb::csv {

struct PutAway {
  enum class Status : unsigned char { done, replaced, failed } status = Status::failed;
  std::string text;  // done: the new path, empty if the file was deleted; failed: why, for people
};

// Moves the file at `path` into `directory`, which must exist on the same file system. If the name
// is taken there, a number is added to it. `expected` is the version that was read. replaced: the
// file at `path` is gone, or is another version, which stays there.
PutAway move_away(const std::string& path, const std::string& directory, const Signature& expected);

// Deletes the file at `path` under the same rules. Before that it gets a name that begins with a
// dot, in the same directory.
PutAway delete_away(const std::string& path, const Signature& expected);

}  // namespace btb::csv
