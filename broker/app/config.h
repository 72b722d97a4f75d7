// Config: the broker's configuration as a value, and reading it from YAML. The only room with
// yaml-cpp.
//
// Reading never stops at the first fault: all of them are collected, each with its place, what was
// expected, and the nearest known word. A Config exists only if there was none. Value types; [loop]
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/app/plugin_files.h"
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
  Admin admin =
      Admin::owner;  // who may send commands: owner = the broker's user and root, over unix sockets
  bool client_publish = true;  // clients that come in here may publish
  bool operator==(const ListenerConfig&) const = default;
};

struct SourceConfig {
  std::string name;
  std::string plugin;       // as written
  std::string plugin_file;  // where it was found
  bool enabled = true;
  int64_t restart_delay_ms = 5'000;  // after a failure; doubles up to a minute
  std::vector<host::WrittenOption> written;
  std::shared_ptr<const host::PluginLibrary> library;
  uint32_t plugin_replaced = 0;  // see PluginFiles::Loaded
  uint32_t plugin_written_over = 0;
  std::shared_ptr<const host::Settings> settings;
  std::vector<host::DeclaredTopics> topics;  // that it makes, as its plugin says
};

// What topics are like whose name matches `filter`; the first rule that matches counts.
struct TopicRule {
  std::string filter;
  TopicOptions options;
  bool names_kind = true;  // else the kind is what sources declare, and options.kind without them
  bool operator==(const TopicRule&) const = default;
};

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
  uint32_t dead_letters_per_minute = 600;  // of one source; more are counted and not kept
  bool operator==(const LimitsConfig&) const = default;
};

struct BrokerConfig {
  std::string name;                 // default: the host's name
  std::string log_level = "info";   // debug, info, warning, error
  std::string log_format = "text";  // text, json
  std::vector<std::string>
      plugin_path;  // default: `plugins`, `lib/btbroker/plugins` beside the program's directory
  int64_t sys_interval_ms = 10'000;  // how often the $SYS topics are brought up to date; 0: never
  bool operator==(const BrokerConfig&) const = default;
};

// One thing wrong in a configuration. Printed as "FILE:LINE:COLUMN: TEXT".
struct ConfigFault {
  std::string file;
  int line = 0;  // from 1; 0: the file as a whole
  int column = 0;
  std::string text;
};

struct Config {
  std::string file;
  std::shared_ptr<PluginFiles> plugin_files;  // for the next reading, which sees what has changed
  BrokerConfig broker;
  std::vector<ListenerConfig> listen;
  std::vector<SourceConfig> sources;
  std::vector<TopicRule> topics;
  LimitsConfig limits;
  std::vector<ConfigFault> warnings;  // allowed, and said at each start
};

std::string to_string(const ConfigFault& fault);

// Reads and checks a file, plugins and their options included. Null if `faults` got anything.
// `program_directory` is where the broker's executable lies, for the default plugin_path. Relative
// paths in the file (plugin_path, unix endpoints, options that plugins declare as paths) are
// relative to the directory of the file; ${config_dir} stands for it, and ${env:NAME} for an
// environment variable. A reload passes
// the `plugin_files` of the configuration that is in use. `examine`: what is named and not there
// yet becomes warnings.
std::unique_ptr<Config> read_config(const std::string& file, const std::string& program_directory,
                                    std::vector<ConfigFault>& faults,
                                    std::shared_ptr<PluginFiles> plugin_files = nullptr,
                                    bool examine = false);

// Where plugins are looked for if the configuration does not say: `plugins` beside the program's
// directory, then the system's.
std::vector<std::string> default_plugin_path(const std::string& program_directory);

// The whole of it as YAML, defaults included; secret options, and those of plugins that were not
// loaded, as "***".
std::string print_config(const Config& config);

// Every key there is: "limits.sessions", "topics.keep.count".
std::vector<std::string> config_key_names();

// What a reload would do, in words: one line each ("source medication: options changed, restarts").
struct ConfigChanges {
  std::vector<std::string> applied;        // takes effect at once
  std::vector<std::string> needs_restart;  // kept as it was until the broker is started anew
  // Names of sources that run: to stop, to start, to start anew. One that is not enabled does not
  // run.
  std::vector<std::string> sources_removed, sources_added, sources_changed;
  // An endpoint that is in both stays open and gets new rules.
  std::vector<ListenerConfig> listeners_removed, listeners_added;
};
ConfigChanges compare(const Config& before, const Config& after);

// Gives `fresh`, which is applied while `running` runs, the values that only a restart changes: so
// a next reload compares with what is, and says again what waits.
void keep_what_runs(const Config& running, Config& fresh);

}  // namespace btb
