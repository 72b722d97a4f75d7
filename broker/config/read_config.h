// Reads the broker's configuration from YAML. It does not stop at the first fault: it collects all
// of them. Each says its place, the value that was expected, and the nearest known word. There is a
// Config only if there was no fault. Functions; [any] thread, except that plugins are loaded on the
// [loop] thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config.h"
#include "broker/config/reader.h"

namespace btb {

// Reads and checks a file, with the plugins and their options. If there are faults, it adds them to
// `faults` and returns null.
//
// `program_directory`: see default_plugin_path. `plugin_files`: those of the configuration that is
// in use, if this is a reload; else null. `examine`: files and folders that are named and do not
// exist yet become warnings.
//
// Relative paths in the file (plugin_path, unix endpoints, options that plugins declare as paths)
// begin at the directory of the file. ${config_dir} stands for that directory, and ${env:NAME} for
// an environment variable.
std::unique_ptr<Config> read_config(const std::string& file, const std::string& program_directory,
                                    std::vector<ConfigFault>& faults,
                                    std::shared_ptr<PluginFiles> plugin_files = nullptr,
                                    bool examine = false);

// The plugin_path of a configuration that names none: `plugins`, then `lib/btbroker/plugins`, both
// beside the program's directory. `program_directory` is the folder of the broker's executable.
std::vector<std::string> default_plugin_path(const std::string& program_directory);

// Reads a text instead of a file, in the given surroundings. Tests and fuzzers call it, too. If
// there are faults, it adds them to `faults`, in the order of the text, and returns null.
std::unique_ptr<Config> read_config_text(std::string_view text, ConfigSurroundings surroundings,
                                         std::vector<ConfigFault>& faults);

}  // namespace btb
