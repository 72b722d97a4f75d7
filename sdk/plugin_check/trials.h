// The trials of a plugin check. Each runs in a child process of its own (run_in_child).
#pragma once

#include <span>

#include "sdk/plugin_check/trial.h"

namespace btb::host {

// In the order in which they are tried. Static.
std::span<const Trial> all_trials();

}  // namespace btb::host
