// The guard: whether so many deletions can be believed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "plugins/csv/options.h"

namespace btb::csv {

struct GuardCase {
  uint64_t rows_before = 0;   // published of this file so far
  uint64_t rows_deleted = 0;  // of these, not in it any more
  bool empty = false;         // there is no row in it at all
};

// What is too large to be believed, and with which numbers; nothing if all is plausible.
std::optional<std::string> guard_objection(const Config& config, const GuardCase& found);

}  // namespace btb::csv
