// ConfigReader: reads a tree of YAML into values and collects what is wrong with it. The keys of
// each section stand in a table, from which they are read, printed and named; so a key that is
// known is known everywhere. [any] thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/app/config.h"
#include "broker/app/config_yaml.h"

namespace btb {

// What a configuration depends on besides its text.
struct ConfigSurroundings {
  std::string file;                      // for the faults
  std::string directory;                 // ${config_dir}, absolute
  std::vector<std::string> plugin_path;  // the default
  std::string host_name;                 // the default of broker: name
  std::function<std::optional<std::string>(const std::string&)> environment;
  std::shared_ptr<PluginFiles> plugin_files;  // null: a new one
  bool load_plugins = true;                   // false: plugins and their options are not looked at
  bool examine = false;  // also look for the files and folders that are named, for warnings
};

class ConfigReader;

// One key of a section that is read into a T.
template <class T>
struct ConfigKey {
  std::string name;
  std::function<void(ConfigReader&, const YamlNode&, T&)> read;
  std::function<std::string(const T&)>
      show;  // as YAML in one line; empty: means nothing for this T
};
template <class T>
using ConfigKeys = std::vector<ConfigKey<T>>;

class ConfigReader {
 public:
  ConfigReader(ConfigSurroundings surroundings, std::vector<ConfigFault>& faults)
      : surroundings_(std::move(surroundings)), faults_(faults) {}

  [[nodiscard]] const ConfigSurroundings& surroundings() const { return surroundings_; }
  void fault(host::Place place, std::string text);
  // In the place of one that says less of the same place.
  void fault_instead(host::Place place, std::string text);
  // What is allowed and yet worth a look.
  void warning(host::Place place, std::string text);
  [[nodiscard]] std::vector<ConfigFault> take_warnings() { return std::move(warnings_); }
  // "expected EXPECTED, found ...".
  void mismatch(const YamlNode& node, const std::string& expected);

  // Replaces ${env:NAME}, ${env:NAME:-DEFAULT} and ${config_dir} in every value; "$${" stands for
  // "${".
  void expand(YamlNode& node);
  // A path as seen from the configuration's directory.
  [[nodiscard]] std::string resolved(const std::string& path) const;

  // Each reads one scalar, or reports it and leaves `out` as it is.
  bool read(const YamlNode& node, const std::string& expected, std::string& out);
  void read_text(const YamlNode& node, size_t bytes_max, std::string& out);
  void read_flag(const YamlNode& node, bool& out);
  bool read_count(const YamlNode& node, uint64_t low, uint64_t high, uint64_t& out);
  bool read_duration(const YamlNode& node, int64_t low_ms, int64_t high_ms, int64_t& out_ms);
  bool read_size(const YamlNode& node, uint64_t low, uint64_t high, uint64_t& out);
  // The index of the word in `words`; nothing (and a fault) if it is none of them.
  std::optional<size_t> read_choice(const YamlNode& node, const std::vector<std::string>& words);

  // False, and a fault, if the node is not of this kind. Nothing at all counts as empty.
  bool is_map(const YamlNode& node, const std::string& what);
  bool is_list(const YamlNode& node, const std::string& what);

  // Reads the keys of a map in the order of the table; the others are unknown.
  template <class T>
  void read_keys(const YamlNode& map, const std::string& what, const ConfigKeys<T>& keys, T& out) {
    std::vector<std::string> names;
    for (const ConfigKey<T>& key : keys) names.push_back(key.name);
    report_unknown(map, what, names);
    for (const ConfigKey<T>& key : keys) {
      if (const YamlNode* node = map.find(key.name)) key.read(*this, *node, out);
    }
  }

 private:
  void report_unknown(const YamlNode& map, const std::string& what,
                      const std::vector<std::string>& names);
  std::string expanded(const YamlNode& node);
  std::optional<std::string> value_of(const std::string& name, std::string& why);

  ConfigSurroundings surroundings_;
  std::vector<ConfigFault>& faults_;
  std::vector<ConfigFault> warnings_;
};

// `text` as a YAML scalar that reads back as itself.
std::string quoted_yaml(const std::string& text);

}  // namespace btb
