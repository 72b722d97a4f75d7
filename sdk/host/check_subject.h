// What the trials of a plugin check share: the loaded plugin with its settings, and the judgement
// over a source's life. [any] thread.
#pragma once

#include <memory>
#include <string>

#include "sdk/host/check_child.h"
#include "sdk/host/check_host.h"
#include "sdk/host/check_trials.h"
#include "sdk/host/library.h"

namespace btb::host {

using Library = std::shared_ptr<const PluginLibrary>;

// The loaded plugin with its settings, as most trials need it. Null settings: `fault` says why.
struct Subject {
  Library library;
  std::shared_ptr<const Settings> settings;
  std::string fault;
};

Subject open_subject(const TrialContext& context);

// "12 messages in 3 batches".
std::string counts(const CheckHost::Record& record);

// The verdict over one life of a source that has ended with `fault` (see CheckSource::end).
Verdict judge(const CheckHost& host, const std::string& fault, bool hung);

// Trials in files of their own.
Verdict try_strange_settings(const TrialContext& context);
Verdict try_leaks(const TrialContext& context);
Verdict try_load_cycles(const TrialContext& context);

}  // namespace btb::host
