// Plugin check: tries a plugin as a broker would use it, and also under stress and with strange
// settings. `btctl plugin check` calls it.
//
// Every trial runs in a forked child with a time limit. So a plugin that crashes or hangs is a
// finding, and the caller goes on. Call it from a process with one thread: a fork copies only the
// calling thread. Blocks until all trials are done (about ten seconds for a good plugin).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sdk/host/settings.h"
#include "sdk/plugin_check/findings.h"

namespace btb::host {

// Loads the plugin at `path` and tries it as a source with `options`. Returns one finding for each
// trial, in order. `progress` (may be empty) is called with each of them at once. The plugin is
// fine if none failed.
std::vector<CheckFinding> check_plugin(const std::string& path,
                                       const std::vector<WrittenOption>& options,
                                       const std::function<void(const CheckFinding&)>& progress,
                                       const CheckTimes& times = {});

}  // namespace btb::host
