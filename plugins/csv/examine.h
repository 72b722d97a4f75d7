// Examining: what can be said of the files of a source without running it, for `btbroker --check`.
#pragma once

#include "sdk/plugin/source.h"

namespace btb::csv {

// Looks for the files, and at the beginning of a few of them. Reports what a source would miss if
// it began now: no file, one that cannot be read, one without a column that an option names.
// REQUIRES: the settings passed validate. Reads at most some hundred kilobytes; [any] thread.
void examine(const plugin::Settings& settings, const plugin::Report& report);

}  // namespace btb::csv
