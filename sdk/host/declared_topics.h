// The topics that a source will publish, as its plugin declares them with the extension
// btb_plugin_topics. [any] thread.
#pragma once

#include <string>
#include <vector>

#include "sdk/host/settings.h"
#include "sdk/plugin/abi.h"
#include "sdk/wire/frame.h"

namespace btb::host {

inline constexpr size_t declared_topics_max = 1000;  // of one source; further ones are ignored

struct DeclaredTopics {
  std::string filter;
  wire::TopicKind kind = wire::TopicKind::events;
  bool operator==(const DeclaredTopics&) const = default;
};

// Empty if the plugin does not have the extension, or throws. Declarations with an invalid filter
// or kind are left out. Calls into the plugin.
std::vector<DeclaredTopics> declared_topics(const btb_plugin& plugin, const Settings& settings);

}  // namespace btb::host
