// Putting a file away when it was dealt with: into another directory, or out of the world. [source]
//
// Nothing is ever written over, and nothing is put away that was not read: what was moved is held
// against the version that was read, and moved back if it is another one.
#pragma once

#include <string>

#include "plugins/csv/file_reader.h"

namespace btb::csv {

struct PutAway {
  enum class Status : unsigned char { done, replaced, failed } status = Status::failed;
  std::string text;  // done: its new path, empty if there is none; failed: why, for people
};

// Moves the file at `path` into `directory`, which must be there and on the same file system. A
// name that is taken gets a number behind it. `expected` is the version that was read; replaced:
// another one lies at `path`, and still does.
PutAway move_away(const std::string& path, const std::string& directory, const Signature& expected);

// Deletes the file at `path` likewise. In between it has a name that begins with a dot.
PutAway delete_away(const std::string& path, const Signature& expected);

}  // namespace btb::csv
