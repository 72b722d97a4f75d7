// Finds the differences between two configurations, and says what a reload does about them.
// Functions; [any] thread.
#pragma once

#include <string>
#include <vector>

#include "broker/config/config.h"

namespace btb {

// The result of `compare`. The first two lists are for people: one line for each change ("source
// medication: options changed, restarts").
struct ConfigChanges {
  std::vector<std::string> applied;        // these changes take effect with the reload
  std::vector<std::string> needs_restart;  // these have no effect until the broker is started again
  // Names of sources to stop, to start, and to start anew. A source that is not enabled counts as
  // absent.
  std::vector<std::string> sources_removed, sources_added, sources_changed;
  // An endpoint that is in both lists stays open and gets new rules.
  std::vector<ListenerConfig> listeners_removed, listeners_added;
};

// `applied` has no lines about new endpoints. Application::reload adds them when it knows whether
// they could be opened.
ConfigChanges compare(const Config& before, const Config& after);

// Copies the values that only a restart can change from `running` to `fresh`. So `fresh` says what
// is in effect, and the next reload names again the changes that wait for a restart.
void keep_what_runs(const Config& running, Config& fresh);

}  // namespace btb
