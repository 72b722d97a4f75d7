// One part for each section. Each finds the differences and writes their lines. A change takes
// effect at once, unless its line says otherwise.
#include "broker/config/compare_config.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>

#include "broker/config/keys.h"
#include "sdk/host/values.h"

namespace btb {
namespace {

template <class T>
std::string differences(const ConfigKeys<T>& keys, const T& before, const T& after) {
  std::string out;
  for (const ConfigKey<T>& key : keys) {
    const std::string old_text = key.show(before);
    const std::string new_text = key.show(after);
    if (old_text == new_text) continue;
    const auto told = [](const std::string& text) { return text.empty() ? "open" : text; };
    out += (out.empty() ? "" : ", ") + key.name + " " + told(old_text) + " -> " + told(new_text);
  }
  return out;
}

// --- broker, limits ---

void compare_broker(const Config& before, const Config& after, ConfigChanges& changes) {
  for (const ConfigKey<BrokerConfig>& key : broker_keys()) {
    const std::string difference = differences<BrokerConfig>({key}, before.broker, after.broker);
    if (difference.empty()) continue;
    const bool fixed = key.name == "name";  // clients were told this name in welcome
    (fixed ? changes.needs_restart : changes.applied).push_back("broker: " + difference);
  }
}

void compare_limits(const Config& before, const Config& after, ConfigChanges& changes) {
  const std::map<std::string_view, std::string_view> later{
      {"message_bytes", ", for sessions and sources that start from now on"},
      {"keep_alive", ", for sessions that start from now on"},
      {"source_mailbox", ", for sources that start from now on"},
      {"dead_letters_per_minute", ", for sources that start from now on"}};
  for (const ConfigKey<LimitsConfig>& key : limits_keys()) {
    const std::string difference = differences<LimitsConfig>({key}, before.limits, after.limits);
    if (difference.empty()) continue;
    const auto note = later.find(key.name);
    changes.applied.push_back("limits: " + difference +
                              std::string(note == later.end() ? "" : note->second));
  }
}

// --- listen ---

const ListenerConfig* find_listener(const Config& config, const std::string& endpoint) {
  for (const ListenerConfig& listener : config.listen) {
    if (listener.endpoint == endpoint) return &listener;
  }
  return nullptr;
}

void compare_listeners(const Config& before, const Config& after, ConfigChanges& changes) {
  for (const ListenerConfig& old : before.listen) {
    if (find_listener(after, old.endpoint) != nullptr) continue;
    changes.listeners_removed.push_back(old);
    changes.applied.push_back("listen " + old.endpoint +
                              ": closed, and the sessions that came in there");
  }
  for (const ListenerConfig& fresh : after.listen) {
    const ListenerConfig* old = find_listener(before, fresh.endpoint);
    const std::string who = "listen " + fresh.endpoint + ": ";
    if (old == nullptr) {
      changes.listeners_added.push_back(fresh);  // Application::reload adds the line
      continue;
    }
    if (*old == fresh) continue;
    changes.listeners_removed.push_back(*old);
    changes.listeners_added.push_back(fresh);
    for (const ConfigKey<ListenerConfig>& key : listener_keys()) {
      const std::string difference = differences<ListenerConfig>({key}, *old, fresh);
      if (difference.empty() || key.name == "mode") continue;
      changes.applied.push_back(
          who + difference + (key.name == "admin" ? ", for clients that connect from now on" : ""));
    }
    if (old->mode != fresh.mode) {
      changes.needs_restart.push_back(who + "the mode of a socket that is open is kept");
    }
  }
}

// --- sources ---

const SourceConfig* find_source(const Config& config, const std::string& name) {
  for (const SourceConfig& source : config.sources) {
    if (source.name == name) return &source;
  }
  return nullptr;
}

bool same_options(const SourceConfig& a, const SourceConfig& b) {
  if (a.written.size() != b.written.size()) return false;
  return std::all_of(a.written.begin(), a.written.end(), [&](const host::WrittenOption& option) {
    return std::any_of(b.written.begin(), b.written.end(), [&](const host::WrittenOption& other) {
      return other.name == option.name && host::same_value(other.value, option.value);
    });
  });
}

// Says why a running source has to start again; empty if it need not.
std::string source_difference(const SourceConfig& before, const SourceConfig& after) {
  std::string out;
  const auto add = [&out](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  if (before.plugin_file != after.plugin_file) {
    add("plugin " + before.plugin_file + " -> " + after.plugin_file);
  } else if (before.plugin_replaced != after.plugin_replaced) {
    add("plugin " + after.plugin_file + " was replaced on disk");
  }
  if (!same_options(before, after)) add("options changed");
  if (before.restart_delay_ms != after.restart_delay_ms) {
    add("restart_delay " + host::show_duration(before.restart_delay_ms) + " -> " +
        host::show_duration(after.restart_delay_ms));
  }
  return out;
}

void compare_sources(const Config& before, const Config& after, ConfigChanges& changes) {
  for (const SourceConfig& old : before.sources) {
    const SourceConfig* fresh = find_source(after, old.name);
    if (!old.enabled || (fresh != nullptr && fresh->enabled)) continue;
    changes.sources_removed.push_back(old.name);
    changes.applied.push_back("source " + old.name +
                              (fresh == nullptr ? ": removed" : ": disabled") + ", stops");
  }
  for (const SourceConfig& fresh : after.sources) {
    if (!fresh.enabled) continue;
    const SourceConfig* old = find_source(before, fresh.name);
    if (old == nullptr || !old->enabled) {
      changes.sources_added.push_back(fresh.name);
      changes.applied.push_back("source " + fresh.name +
                                (old == nullptr ? ": added" : ": enabled") + ", starts");
      continue;
    }
    if (old->plugin_file == fresh.plugin_file &&
        old->plugin_written_over != fresh.plugin_written_over) {
      changes.needs_restart.push_back("source " + fresh.name + ": plugin " + fresh.plugin_file +
                                      " was written over; moved into its place, a new file is "
                                      "taken at once");
    }
    const std::string difference = source_difference(*old, fresh);
    if (difference.empty()) continue;
    changes.sources_changed.push_back(fresh.name);
    changes.applied.push_back("source " + fresh.name + ": " + difference + ", restarts");
  }
}

// --- topics ---

const TopicRule* find_rule(const Config& config, const std::string& filter) {
  for (const TopicRule& rule : config.topics) {
    if (rule.filter == filter) return &rule;
  }
  return nullptr;
}

std::vector<std::string> common_order(const Config& config, const Config& other) {
  std::vector<std::string> filters;
  for (const TopicRule& rule : config.topics) {
    if (find_rule(other, rule.filter) != nullptr) filters.push_back(rule.filter);
  }
  return filters;
}

void compare_topics(const Config& before, const Config& after, ConfigChanges& changes) {
  for (const TopicRule& old : before.topics) {
    if (find_rule(after, old.filter) != nullptr) continue;
    changes.applied.push_back("topics " + old.filter + ": rule removed");
  }
  for (const TopicRule& fresh : after.topics) {
    const TopicRule* old = find_rule(before, fresh.filter);
    const std::string who = "topics " + fresh.filter + ": ";
    if (old == nullptr) {
      changes.applied.push_back(who + "rule added");
      continue;
    }
    const std::string difference = differences(topic_keys(), *old, fresh);
    if (!difference.empty()) changes.applied.push_back(who + difference);
  }
  if (common_order(before, after) != common_order(after, before)) {
    changes.applied.push_back("topics: the order of the rules");
  }
}

}  // namespace

void keep_what_runs(const Config& running, Config& fresh) {
  fresh.broker.name = running.broker.name;
  for (ListenerConfig& listener : fresh.listen) {
    if (const ListenerConfig* old = find_listener(running, listener.endpoint)) {
      listener.mode = old->mode;
    }
  }
}

ConfigChanges compare(const Config& before, const Config& after) {
  ConfigChanges changes;
  compare_broker(before, after, changes);
  compare_listeners(before, after, changes);
  compare_sources(before, after, changes);
  compare_topics(before, after, changes);
  compare_limits(before, after, changes);
  return changes;
}

}  // namespace btb
