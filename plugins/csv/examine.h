// Examining: checks the files of a source without running it, for `btbroker --check`.
#pragma once

#include "sdk/plugin/source.h"

namespace btb::csv {

// Looks for the files, and at the beginning of a few of them. Reports the faults that a source
// would find if it began now: no file, a file that cannot be read, a file without a column that an
// option names. REQUIRES: the settings passed validate. Reads at most some hundred kilobytes; [any]
// thread.
void examine(const plugin::Settings& settings, const plugin::Report& report);

}  // namespace btb::csv
