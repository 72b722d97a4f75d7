// Parts: listen; sources, with loading their plugins; topics; comparing kinds; the whole document.
#include "broker/config/sections.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "broker/config/keys.h"
#include "broker/config/topic_kinds.h"
#include "sdk/transport/endpoint.h"

namespace btb {
namespace {

// --- listen ---

// If strangers may send commands over this listener: the words for these strangers. Otherwise
// empty.
std::string open_door(const ListenerConfig& listener) {
  if (listener.admin != ListenerConfig::Admin::anyone) return {};
  const Result<Endpoint> endpoint = parse_endpoint(listener.endpoint);
  if (!endpoint) return {};
  if (endpoint->scheme == Endpoint::Scheme::tcp) return "everybody who can reach this port";
  if (is_bluetooth(*endpoint)) return "everybody in reach of the radio";
  constexpr uint32_t others_write = 2;
  const bool all = endpoint->address.starts_with('@') || (listener.mode & others_write) != 0;
  return all ? "every user of this machine" : "";
}

void warn_of(ConfigReader& reader, host::Place place, const ListenerConfig& listener) {
  const std::string who = open_door(listener);
  if (!who.empty()) {
    reader.warning(place, "`admin: anyone` at " + listener.endpoint + ": " + who +
                              " may stop sources, end sessions and reload the configuration");
  }
  if (!reader.surroundings().examine || !listener.endpoint.starts_with("unix:/")) return;
  const auto folder = std::filesystem::path(listener.endpoint.substr(5)).parent_path();
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) return;
  reader.warning(place,
                 "there is no folder " + folder.string() + " for the socket; it may come later");
}

ListenerConfig read_listener(ConfigReader& reader, const YamlNode& node) {
  ListenerConfig listener;
  if (node.kind == YamlNode::Kind::scalar) {
    listener_keys().front().read(reader, node, listener);
    warn_of(reader, node.place, listener);
    return listener;
  }
  if (!reader.is_map(node, "an item of `listen`")) return listener;
  reader.read_keys(node, "an item of `listen`", listener_keys(), listener);
  if (node.find("endpoint") == nullptr) {
    reader.fault(node.place, "this item of `listen` has no `endpoint`");
  }
  const YamlNode* mode = node.find("mode");
  const bool is_unix = listener.endpoint.empty() || listener.endpoint.starts_with("unix:/");
  if (mode != nullptr && !is_unix) {
    reader.fault(mode->place, "`mode` is for sockets in the file system; " + listener.endpoint +
                                  " has no permissions");
  }
  warn_of(reader, node.place, listener);
  return listener;
}

void read_listen(ConfigReader& reader, const YamlNode* node, host::Place place, Config& config) {
  if (node == nullptr || node->kind == YamlNode::Kind::none) {
    return reader.fault(place,
                        "`listen` is missing: at least one endpoint, like unix:btbroker.sock");
  }
  if (!reader.is_list(*node, "`listen`")) return;
  if (node->items.empty()) reader.fault(node->place, "`listen` is empty: nobody could connect");
  std::map<std::string, int> lines;
  for (const YamlNode& item : node->items) {
    ListenerConfig listener = read_listener(reader, item);
    if (listener.endpoint.empty()) continue;
    const auto [first, is_new] = lines.emplace(listener.endpoint, item.place.line);
    if (!is_new) {
      reader.fault(item.place, "the endpoint " + listener.endpoint +
                                   " is here twice, first in line " +
                                   std::to_string(first->second));
      continue;
    }
    config.listen.push_back(std::move(listener));
  }
}

// --- sources ---

std::string text_of(const host::SettingFault& fault) {
  const bool names_itself = fault.option.empty() || fault.text.starts_with("option ") ||
                            fault.text.find("`" + fault.option + "`") != std::string::npos;
  return (names_itself ? "" : "`" + fault.option + "`: ") + fault.text;
}

// Finds options of the plugin that are written beside `options:` and not below it.
void hint_at_misplaced(ConfigReader& reader, const YamlNode& node, const SourceConfig& source) {
  if (source.library == nullptr) return;
  const btb_plugin& plugin = source.library->plugin();
  for (size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const YamlNode& key = node.items[i];
    for (size_t k = 0; k < plugin.option_count; ++k) {
      if (key.text != plugin.options[k]->name) continue;
      reader.fault_instead(key.place, "`" + key.text + "` is an option of plugin " + plugin.name +
                                          ": write it below `options:`, two spaces further in");
    }
  }
}

// Finds and loads the plugin, and checks the options that are written for it.
void load_plugin(ConfigReader& reader, const YamlNode& node, const Config& config,
                 SourceConfig& source) {
  const host::Place place = node.find("plugin")->place;
  const bool is_path = source.plugin.find('/') != std::string::npos;
  const Result<std::string> file = host::find_plugin(
      is_path ? reader.resolved(source.plugin) : source.plugin, config.broker.plugin_path);
  if (!file) return reader.fault(place, file.error().text);
  source.plugin_file = *file;
  Result<PluginFiles::Loaded> loaded = config.plugin_files->load(*file);
  if (!loaded) return reader.fault(place, loaded.error().text);
  source.library = std::move(loaded->library);
  source.plugin_replaced = loaded->replaced;
  source.plugin_written_over = loaded->written_over;

  std::vector<host::SettingFault> faults;
  source.settings = host::Settings::make(source.library->plugin(), source.written, faults,
                                         reader.surroundings().directory);
  const YamlNode* options = node.find("options");
  const host::Place fallback = options != nullptr ? options->place : node.place;
  for (const host::SettingFault& fault : faults) {
    reader.fault(fault.place.line > 0 ? fault.place : fallback, text_of(fault));
  }
  if (source.settings == nullptr) return;
  source.topics = host::declared_topics(source.library->plugin(), *source.settings);
  if (!reader.surroundings().examine) return;
  for (const host::SettingFault& warning :
       host::examine(source.library->plugin(), *source.settings, source.written)) {
    reader.warning(warning.place.line > 0 ? warning.place : fallback, text_of(warning));
  }
}

void read_source(ConfigReader& reader, const YamlNode& node, std::map<std::string, int>& lines,
                 Config& config) {
  if (node.kind != YamlNode::Kind::map) return reader.mismatch(node, "a source with its keys");
  SourceConfig source;
  reader.read_keys(node, "a source", source_keys(), source);
  for (const char* key : {"name", "plugin"}) {
    if (node.find(key) == nullptr) {
      reader.fault(node.place, std::string("this source has no `") + key + "`");
    }
  }
  if (!source.name.empty()) {
    const auto [first, is_new] = lines.emplace(source.name, node.place.line);
    if (!is_new) {
      reader.fault(node.find("name")->place, "the source " + source.name +
                                                 " is here twice, first in line " +
                                                 std::to_string(first->second));
    }
  }
  const bool wanted = source.enabled && reader.surroundings().load_plugins;
  if (wanted && node.find("plugin") != nullptr) {
    load_plugin(reader, node, config, source);
    hint_at_misplaced(reader, node, source);
  }
  config.sources.push_back(std::move(source));
}

void read_sources(ConfigReader& reader, const YamlNode* node, Config& config) {
  if (node == nullptr || !reader.is_list(*node, "`sources`")) return;
  std::map<std::string, int> lines;
  for (const YamlNode& item : node->items) read_source(reader, item, lines, config);
}

// --- topics ---

void read_topics(ConfigReader& reader, const YamlNode* node, Config& config) {
  if (node == nullptr || !reader.is_list(*node, "`topics`")) return;
  std::vector<int> lines;
  for (const YamlNode& item : node->items) {
    if (item.kind != YamlNode::Kind::map) {
      reader.mismatch(item, "a rule with its keys");
      continue;
    }
    TopicRule rule;
    reader.read_keys(item, "a rule of `topics`", topic_keys(), rule);
    if (item.find("filter") == nullptr) reader.fault(item.place, "this rule has no `filter`");
    if (rule.filter.empty()) continue;
    const YamlNode* keep = item.find("keep");
    rule.names_kind = item.find("kind") != nullptr || item.find("overflow") != nullptr ||
                      (keep != nullptr && keep->find("count") != nullptr);
    for (size_t i = 0; i < config.topics.size(); ++i) {
      if (!covers(config.topics[i].filter, rule.filter)) continue;
      reader.fault(item.find("filter")->place,
                   "this rule is never used: `" + config.topics[i].filter + "` in line " +
                       std::to_string(lines[i]) + " comes first and matches all that `" +
                       rule.filter + "` does");
      break;
    }
    lines.push_back(item.place.line);
    config.topics.push_back(std::move(rule));
  }
}

// Warns if two sources name different kinds for the same topics, or a rule and a source do.
void compare_kinds(ConfigReader& reader, const YamlNode& root, const Config& config) {
  const YamlNode* sources = root.find("sources");
  if (sources != nullptr && sources->items.size() == config.sources.size()) {
    for (const SourceDisagreement& at : disagreements_of_sources(config))
      reader.warning(sources->items[at.source].place, at.text);
  }
  const YamlNode* topics = root.find("topics");
  // A rule with a fault may be missing in `config`; then the indices do not match.
  if (topics == nullptr || topics->items.size() != config.topics.size()) return;
  for (const KindDisagreement& at : disagreements_of_kinds(config)) {
    const YamlNode& rule = topics->items[at.rule];
    const YamlNode* kind = rule.find("kind");
    reader.warning(kind != nullptr ? kind->place : rule.place, at.text);
  }
}

// The names of the sections, so that unknown ones are faults. read_sections reads the sections, in
// the order in which they need each other.
ConfigKeys<Config> section_keys() {
  const auto nothing = [](ConfigReader&, const YamlNode&, Config&) {};
  const auto hidden = [](const Config&) { return std::string(); };
  return {{"broker", nothing, hidden},
          {"listen", nothing, hidden},
          {"sources", nothing, hidden},
          {"topics", nothing, hidden},
          {"limits", nothing, hidden}};
}

}  // namespace

Config read_sections(ConfigReader& reader, YamlNode root) {
  Config config;
  config.file = reader.surroundings().file;
  config.plugin_files = reader.surroundings().plugin_files;
  if (config.plugin_files == nullptr) config.plugin_files = std::make_shared<PluginFiles>();
  config.broker.name = reader.surroundings().host_name;
  config.broker.plugin_path = reader.surroundings().plugin_path;
  if (!reader.is_map(root, "the file itself")) return config;
  reader.expand(root);
  reader.read_keys(root, "the file", section_keys(), config);
  const YamlNode* broker = root.find("broker");
  if (broker != nullptr && reader.is_map(*broker, "`broker`")) {
    reader.read_keys(*broker, "`broker`", broker_keys(), config.broker);
  }
  if (config.broker.name.empty()) config.broker.name = reader.surroundings().host_name;
  const YamlNode* limits = root.find("limits");
  if (limits != nullptr && reader.is_map(*limits, "`limits`")) {
    reader.read_keys(*limits, "`limits`", limits_keys(), config.limits);
  }
  read_listen(reader, root.find("listen"), {}, config);
  read_topics(reader, root.find("topics"), config);
  read_sources(reader, root.find("sources"), config);
  compare_kinds(reader, root, config);
  config.warnings = reader.take_warnings();
  return config;
}

}  // namespace btb
