// The times that a plugin check may take, and its findings. Value types; [any] thread.
#pragma once

#include <cstdint>
#include <string>

#include "sdk/base/limits.h"

namespace btb::host {

struct CheckFinding {
  enum class Outcome : uint8_t { passed, failed, skipped };
  std::string name;  // of the trial: "pause storm"
  Outcome outcome = Outcome::passed;
  std::string text;  // details; may hold bytes from the plugin: escape before a terminal
};

struct CheckTimes {
  uint32_t run_ms = 1'000;  // how long a source may run in one trial
  uint32_t batch_ms = 0;    // how much longer it may run to publish its first batches
  // How long run may take to return after it was asked to stop; also for create and destroy.
  uint32_t stop_ms = limits::source_stop_timeout_ms;
  uint32_t trial_ms = 60'000;    // for a whole trial; after it the child is killed
  uint32_t load_cycles = 1'000;  // how often the library is loaded and unloaded
};

}  // namespace btb::host
