// Plugin check: tries a plugin the way a broker would, and in the ways a broker hopes never to
// need. The engine behind `btctl plugin check`.
//
// Every trial runs in a forked child with a time limit, so that a plugin that crashes or hangs is a
// finding, not the end of the caller. Call it from a process with one thread: a fork takes only the
// calling thread along. [any] thread, blocks for as long as the trials take (about ten seconds for
// a good plugin).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sdk/base/limits.h"
#include "sdk/host/settings.h"

namespace btb::host {

struct CheckFinding {
  enum class Outcome : uint8_t { passed, failed, skipped };
  std::string name;  // what was tried: "pause storm"
  Outcome outcome = Outcome::passed;
  std::string text;  // what was seen; may hold bytes from the plugin: escape before a terminal
};

struct CheckTimes {
  uint32_t run_ms = 1'000;                            // how long a source may run in one trial
  uint32_t batch_ms = 0;                              // longer than that if no batch came by then
  uint32_t stop_ms = limits::source_stop_timeout_ms;  // from being asked to stop to the end of run;
                                                      // also create, destroy
  uint32_t trial_ms = 60'000;                         // a whole trial; then its child is killed
  uint32_t load_cycles = 1'000;
};

// Loads the plugin at `path` and tries it as a source with `options`. One finding for every trial,
// in order, also given to `progress` (may be empty) as they come. A plugin is fine if none failed.
std::vector<CheckFinding> check_plugin(const std::string& path,
                                       const std::vector<WrittenOption>& options,
                                       const std::function<void(const CheckFinding&)>& progress,
                                       const CheckTimes& times = {});

}  // namespace btb::host
