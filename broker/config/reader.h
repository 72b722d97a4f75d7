// ConfigReader: turns a tree of YAML into values, and collects the faults. The keys of each section
// stand in one table (keys.h). They are read, printed and listed from this table, so no key can be
// forgotten in one of these places. Borrows the list of faults; [any] thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/config/config.h"
#include "broker/config/yaml.h"

namespace btb {

// All that the meaning of a configuration depends on, besides its text.
struct ConfigSurroundings {
  std::string file;                      // its name in faults
  std::string directory;                 // ${config_dir}, absolute
  std::vector<std::string> plugin_path;  // the default of broker.plugin_path
  std::string host_name;                 // the default of broker.name
  // The value of an environment variable; no value if it is not set.
  std::function<std::optional<std::string>(const std::string&)> environment;
  std::shared_ptr<PluginFiles> plugin_files;  // null: a new one
  bool load_plugins = true;  // false: plugins are not loaded, and their options not checked
  bool examine = false;      // files and folders that are named and do not exist become warnings
};

class ConfigReader;

// One key of a section. The section is read into a T.
template <class T>
struct ConfigKey {
  std::string name;
  std::function<void(ConfigReader&, const YamlNode&, T&)> read;
  // The value as YAML in one line; empty if the key has no meaning for this T.
  std::function<std::string(const T&)> show;
};
template <class T>
using ConfigKeys = std::vector<ConfigKey<T>>;

class ConfigReader {
 public:
  ConfigReader(ConfigSurroundings surroundings, std::vector<ConfigFault>& faults)
      : surroundings_(std::move(surroundings)), faults_(faults) {}

  [[nodiscard]] const ConfigSurroundings& surroundings() const { return surroundings_; }
  void fault(host::Place place, std::string text);
  // Replaces the faults of the same place with this one, which says more.
  void fault_instead(host::Place place, std::string text);
  // For a configuration that is allowed, and still may be a mistake.
  void warning(host::Place place, std::string text);
  [[nodiscard]] std::vector<ConfigFault> take_warnings() { return std::move(warnings_); }
  // Adds the fault "expected EXPECTED, found ...".
  void mismatch(const YamlNode& node, const std::string& expected);

  // Replaces ${env:NAME}, ${env:NAME:-DEFAULT} and ${config_dir} in every value below `node`. "$${"
  // becomes "${". A value that cannot be replaced is a fault, and stays as it is.
  void expand(YamlNode& node);
  // An absolute path: a relative `path` begins at the configuration's directory.
  [[nodiscard]] std::string resolved(const std::string& path) const;

  // Each reads one scalar into `out`. If the scalar does not fit, they add a fault, leave `out` as
  // it is, and return false. `low` and `high` are allowed values.
  bool read(const YamlNode& node, const std::string& expected, std::string& out);
  void read_text(const YamlNode& node, size_t bytes_max, std::string& out);
  void read_flag(const YamlNode& node, bool& out);
  bool read_count(const YamlNode& node, uint64_t low, uint64_t high, uint64_t& out);
  bool read_duration(const YamlNode& node, int64_t low_ms, int64_t high_ms, int64_t& out_ms);
  bool read_size(const YamlNode& node, uint64_t low, uint64_t high, uint64_t& out);
  // The index of the scalar in `words`. If it is none of them, there is no value, and a fault.
  std::optional<size_t> read_choice(const YamlNode& node, const std::vector<std::string>& words);

  // True if the node is a map, or a list. A node without a value counts as an empty one. Otherwise
  // false, and a fault. `what` is the name of the node in the fault.
  bool is_map(const YamlNode& node, const std::string& what);
  bool is_list(const YamlNode& node, const std::string& what);

  // Reads the keys of a map in the order of the table. A key that is not in the table is a fault.
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

// `text` as a YAML scalar. When it is read from a configuration, the result is `text` again.
std::string quoted_yaml(const std::string& text);

}  // namespace btb
