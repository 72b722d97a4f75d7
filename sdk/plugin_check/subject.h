// Shared by the trials of a plugin check: the loaded plugin with its settings, and the verdict over
// one life of a source. [any] thread.
#pragma once

#include <memory>
#include <string>

#include "sdk/host/library.h"
#include "sdk/plugin_check/child.h"
#include "sdk/plugin_check/trial.h"
#include "sdk/plugin_check/trial_host.h"

namespace btb::host {

using Library = std::shared_ptr<const PluginLibrary>;

// The loaded plugin with its settings. If `settings` is null, `fault` says why.
struct Subject {
  Library loaded;
  std::shared_ptr<const Settings> settings;
  std::string fault;
};

Subject open_subject(const TrialContext& context);

// "12 messages in 3 batches".
std::string counts(const TrialHost::Record& record);

// The verdict over one life of a source that has ended with `fault` (see TrialSource::end).
Verdict judge(const TrialHost& host, const std::string& fault, bool hung);

}  // namespace btb::host
