// What a plugin says of the topics that a source makes: btb_plugin_topics, checked. [any] thread.
#pragma once

#include <string>
#include <vector>

#include "sdk/host/settings.h"
#include "sdk/plugin/abi.h"
#include "sdk/wire/frame.h"

namespace btb::host {

inline constexpr size_t declared_topics_max = 1000;  // of one source; more are not looked at

struct DeclaredTopics {
  std::string filter;
  wire::TopicKind kind = wire::TopicKind::events;
  bool operator==(const DeclaredTopics&) const = default;
};

// Empty for a plugin that does not say it. What is no filter, or no kind, is left out. Calls into
// the plugin.
std::vector<DeclaredTopics> declared_topics(const btb_plugin& plugin, const Settings& settings);

// The extension of that name of a plugin, null if it has none. Calls into the plugin.
const void* extension_of(const btb_plugin& plugin, const char* id);

}  // namespace btb::host
