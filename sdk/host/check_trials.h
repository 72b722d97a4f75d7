// The trials of a plugin check. Each runs in a child process of its own and ends it, see
// run_in_child.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sdk/host/check_child.h"
#include "sdk/host/plugin_check.h"

namespace btb::host {

struct TrialContext {
  const std::string& path;
  const std::vector<WrittenOption>& options;
  const CheckTimes& times;
  const Phase& phase;
};

struct Trial {
  // What must have worked before it makes sense to try.
  enum class Needs : uint8_t { nothing, library, settings, source };
  const char* name;
  Needs needs;
  Verdict (*run)(const TrialContext&);
};

std::span<const Trial> all_trials();

}  // namespace btb::host
