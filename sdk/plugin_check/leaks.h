// Trials that find memory, threads and descriptors that a plugin does not give back. They run in
// the child of a trial.
#pragma once

#include "sdk/plugin_check/trial.h"

namespace btb::host {

// Runs many short lives of a source.
Verdict try_leaks(const TrialContext& context);
// Loads and unloads the library many times.
Verdict try_load_cycles(const TrialContext& context);

}  // namespace btb::host
