// Prints a configuration as YAML. Functions; [any] thread.
#pragma once

#include <string>
#include <vector>

#include "broker/config/config.h"

namespace btb {

// The whole configuration as YAML, with the defaults. Secret options are "***", and so are all
// options of plugins that were not loaded, because nothing says which of them are secret.
std::string print_config(const Config& config);

// The names of all keys, with their section: "limits.sessions", "topics.keep.count".
std::vector<std::string> config_key_names();

}  // namespace btb
