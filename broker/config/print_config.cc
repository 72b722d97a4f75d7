// The keys of each section are printed from the tables of keys.h; the options of plugins are not in
// them.
#include "broker/config/print_config.h"

#include <string_view>

#include "broker/config/keys.h"

namespace btb {
namespace {

using Shape = host::WrittenValue::Shape;

template <class T>
void print_keys(const ConfigKeys<T>& keys, const T& value, const std::string& indent,
                std::string& out) {
  for (const ConfigKey<T>& key : keys) {
    const std::string text = key.show(value);
    if (!text.empty()) out += indent + key.name + ": " + text + "\n";
  }
}

// The keys of one item of a list. The first key follows the "- ".
template <class T>
void print_item(const ConfigKeys<T>& keys, const T& value, std::string& out) {
  const size_t begin = out.size();
  print_keys(keys, value, "    ", out);
  out[begin + 2] = '-';
}

std::string written_text(const host::WrittenValue& value) {
  if (value.shape == Shape::scalar) return quoted_yaml(value.scalar);
  const bool is_map = value.shape == Shape::map;
  std::string out = is_map ? "{" : "[";
  for (size_t i = 0; i < value.items.size(); ++i) {
    const bool behind_key = is_map && i % 2 == 1;
    out += (behind_key ? ": " : i > 0 ? ", " : "") + written_text(value.items[i]);
  }
  return out + (is_map ? "}" : "]");
}

// The option's declaration; null if the plugin was not loaded.
const btb_option* declaration_of(const SourceConfig& source, const std::string& name) {
  if (source.library == nullptr) return nullptr;
  const btb_plugin& plugin = source.library->plugin();
  for (size_t i = 0; i < plugin.option_count; ++i) {
    if (plugin.options[i]->name == name) return plugin.options[i];
  }
  return nullptr;
}

void print_options(const SourceConfig& source, std::string& out) {
  if (!source.written.empty()) out += "    options:\n";
  for (const host::WrittenOption& option : source.written) {
    const btb_option* declared = declaration_of(source, option.name);
    const bool shown = declared != nullptr && (declared->flags & BTB_OPTION_SECRET) == 0;
    out += "      " + option.name + ": ";
    out += (shown ? written_text(option.value) : std::string("\"***\"")) + "\n";
  }
}

template <class T>
void name_keys(const std::string& section, const ConfigKeys<T>& keys,
               std::vector<std::string>& names) {
  for (const ConfigKey<T>& key : keys) names.push_back(section + "." + key.name);
}

}  // namespace

std::string print_config(const Config& config) {
  std::string out = "broker:\n";
  print_keys(broker_keys(), config.broker, "  ", out);
  out += "listen:\n";
  for (const ListenerConfig& listener : config.listen) {
    ConfigKeys<ListenerConfig> keys = listener_keys();
    if (!listener.endpoint.starts_with("unix:/")) {
      std::erase_if(keys, [](const auto& key) { return key.name == "mode"; });
    }
    print_item(keys, listener, out);
  }
  out += config.sources.empty() ? "sources: []\n" : "sources:\n";
  for (const SourceConfig& source : config.sources) {
    print_item(source_keys(), source, out);
    print_options(source, out);
  }
  out += config.topics.empty() ? "topics: []\n" : "topics:\n";
  for (const TopicRule& rule : config.topics) print_item(topic_keys(), rule, out);
  out += "limits:\n";
  print_keys(limits_keys(), config.limits, "  ", out);
  return out;
}

std::vector<std::string> config_key_names() {
  std::vector<std::string> names;
  name_keys("broker", broker_keys(), names);
  name_keys("listen", listener_keys(), names);
  name_keys("sources", source_keys(), names);
  name_keys("topics", topic_keys(), names);
  name_keys("topics.keep", keep_keys(), names);
  name_keys("limits", limits_keys(), names);
  return names;
}

}  // namespace btb
