// Config: the broker's configuration as a value. read_config.h makes it, print_config.h prints it,
// compare_config.h compares two of them. configs/broker.yaml explains every key. Value types; [any]
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/config/plugin_files.h"
#include "broker/log/topic_options.h"
#include "sdk/base/limits.h"
#include "sdk/host/declared_topics.h"
#include "sdk/host/library.h"
#include "sdk/host/settings.h"

namespace btb {

struct ListenerConfig {
  enum class Admin : uint8_t { owner, anyone, nobody };
  std::string endpoint;  // as sdk/transport/endpoint.h reads it
  uint32_t mode = 0660;  // permissions of a unix socket
  // The clients that may send commands. `owner`: the broker's user and root, over unix sockets
  // only.
  Admin admin = Admin::owner;
  bool client_publish = true;  // clients of this listener may publish
  bool operator==(const ListenerConfig&) const = default;
};

struct SourceConfig {
  std::string name;
  std::string plugin;       // as it is written: a name or a path
  std::string plugin_file;  // the path at which it was found; empty if not loaded
  bool enabled = true;
  // From a failure to the next start. Doubles with each failure, up to a minute.
  int64_t restart_delay_ms = 5'000;
  std::vector<host::WrittenOption> written;  // the options as they are written

  // Null or empty if the plugin was not loaded, because the source is not enabled.
  std::shared_ptr<const host::PluginLibrary> library;
  uint32_t plugin_replaced = 0;                    // see PluginFiles::Loaded
  uint32_t plugin_written_over = 0;                // see PluginFiles::Loaded
  std::shared_ptr<const host::Settings> settings;  // the options as the plugin gets them
  std::vector<host::DeclaredTopics> topics;        // its plugin declares that it makes these
};

// The options of topics whose name matches `filter`. For each topic the first rule that matches
// counts.
struct TopicRule {
  std::string filter;
  TopicOptions options;
  // False: the rule leaves the kind open. It is state if a source declares so; see TopicRules.
  bool names_kind = true;
  bool operator==(const TopicRule&) const = default;
};

// The section `limits`. sdk/base/limits.h explains the defaults.
struct LimitsConfig {
  uint32_t sessions = limits::sessions_max;
  uint32_t sessions_per_peer = limits::sessions_per_peer_max;
  uint32_t sessions_per_device = limits::sessions_per_device_max;
  uint32_t sessions_per_adapter = limits::sessions_per_adapter_max;
  uint32_t descriptors_reserved = limits::descriptors_reserved;
  uint32_t handshakes = limits::handshakes_max;
  uint32_t subscriptions_per_session = limits::subscriptions_per_session_max;
  uint32_t topics = limits::topics_max;
  uint32_t client_topics = limits::client_topics_max;
  uint32_t client_topics_per_peer = limits::client_topics_per_peer_max;
  uint64_t memory = limits::memory_max;
  uint64_t memory_per_peer = limits::memory_per_peer_max;
  uint64_t unfinished_messages = limits::unfinished_max;
  uint32_t message_bytes = limits::message_bytes_max;
  uint32_t handshake_timeout_ms = limits::handshake_timeout_ms;
  uint32_t keep_alive_ms = limits::keep_alive_ms;
  uint32_t flush_budget_bytes = limits::flush_budget_bytes;
  uint32_t let_go_after_ms = limits::let_go_after_ms;
  uint32_t client_batch_ms = limits::client_batch_ms_max;
  uint32_t source_mailbox_bytes = limits::source_mailbox_bytes;
  uint32_t source_stop_timeout_ms = limits::source_stop_timeout_ms;
  // For each source. Further dead letters are only counted.
  uint32_t dead_letters_per_minute = 600;
  bool operator==(const LimitsConfig&) const = default;
};

struct BrokerConfig {
  std::string name;                 // default: the host's name
  std::string log_level = "info";   // debug, info, warning, error
  std::string log_format = "text";  // text, json
  // Directories in which plugins are looked for, in this order. Default: see default_plugin_path.
  std::vector<std::string> plugin_path;
  int64_t sys_interval_ms = 10'000;  // from one update of the $SYS topics to the next; 0: none
  bool operator==(const BrokerConfig&) const = default;
};

// One fault or warning about a configuration, and its place.
struct ConfigFault {
  std::string file;
  int line = 0;    // from 1; 0: the whole file
  int column = 0;  // from 1, if `line` is not 0
  std::string text;
};

struct Config {
  std::string file;
  // A reload passes it to read_config, which then sees the plugins that were replaced on disk.
  std::shared_ptr<PluginFiles> plugin_files;
  BrokerConfig broker;
  std::vector<ListenerConfig> listen;
  std::vector<SourceConfig> sources;
  std::vector<TopicRule> topics;
  LimitsConfig limits;
  std::vector<ConfigFault> warnings;  // allowed; written to the journal at each start and reload
};

// "FILE:LINE:COLUMN: TEXT", or "FILE: TEXT" if the fault has no line.
std::string to_string(const ConfigFault& fault);

}  // namespace btb
