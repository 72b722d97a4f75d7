// The trial of strange settings: values that a careful author forgets to try. It runs in the child
// of a trial.
#pragma once

#include "sdk/plugin_check/trial.h"

namespace btb::host {

Verdict try_strange_settings(const TrialContext& context);

}  // namespace btb::host
