// The guard: it holds a change back if it deletes too many rows to be believed. Pure; [any].
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "plugins/csv/options.h"

namespace btb::csv {

struct GuardCase {
  uint64_t rows_before = 0;   // published so far: of this file, or of all files if files are gone
  uint64_t rows_deleted = 0;  // published rows that the new version does not have
  bool empty = false;         // the new version has no rows at all
};

// Why the change is too large, for people: "it lost 40 of 100 rows (40 % > 30 %)". Nothing if the
// configuration allows it.
std::optional<std::string> guard_objection(const Config& config, const GuardCase& found);

}  // namespace btb::csv
