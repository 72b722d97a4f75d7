// One trial of a plugin check, and its input. Value types; [any] thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sdk/host/settings.h"
#include "sdk/plugin_check/child.h"
#include "sdk/plugin_check/findings.h"

namespace btb::host {

// Borrows all its members for the time of the trial.
struct TrialContext {
  const std::string& path;
  const std::vector<WrittenOption>& options;
  const CheckTimes& times;
  const Phase& phase;
};

struct Trial {
  // The trial is skipped if this step, or one before it, has failed.
  enum class Needs : uint8_t { nothing, library, settings, source };
  const char* name;
  Needs needs;
  Verdict (*run)(const TrialContext&);
};

}  // namespace btb::host
