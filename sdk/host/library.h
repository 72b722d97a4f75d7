// PluginLibrary: the shared object of one plugin, loaded and checked. Resource; the last owner
// unloads it.
//
// The system keeps one copy of a file in memory. A plugin that was replaced on disk is loaded only
// after the last owner of the old one is gone. In builds with a sanitizer libraries are never
// unloaded, so that its reports can name their functions.
//
// plugin() and all pointers in it point into the library: keep the library as long as one of them.
// Loading runs the library's own initialisers, so load only files that the operator named.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/plugin/abi.h"

namespace btb::host {

class PluginLibrary {
 public:
  // Loads the library, calls its entry point, and checks the plugin that it returns: sizes, ABI
  // version, names, option declarations. The error says what is wrong with the file ("csv.so:
  // speaks plugin ABI 2, this broker speaks 1"); `unsupported` if it does not know our ABI. [any]
  static Result<std::shared_ptr<const PluginLibrary>> load(const std::string& path);

  PluginLibrary(const PluginLibrary&) = delete;
  PluginLibrary& operator=(const PluginLibrary&) = delete;
  ~PluginLibrary();

  [[nodiscard]] const btb_plugin& plugin() const { return *plugin_; }
  // The exported function itself, for a plugin check.
  [[nodiscard]] btb_plugin_entry_function entry() const { return entry_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  // Whether the file is in the memory of this process, even if it has no owner. [any]
  static bool is_loaded(const std::string& path);

  // Keeps the library in memory until the process ends, because a thread that could not be stopped
  // still runs in it. [any]
  void keep_for_ever() const;

 private:
  PluginLibrary(std::string path, void* handle);

  std::string path_;
  void* handle_;
  btb_plugin_entry_function entry_ = nullptr;
  const btb_plugin* plugin_ = nullptr;
  mutable bool kept_ = false;
};

// The path of the plugin called `name`. A name with a "/" is a path already. Otherwise it is
// NAME.so in the first of `directories` that has it. Errors: `not_found`; the text names the
// directories and the plugins that are there. [any]
Result<std::string> find_plugin(const std::string& name,
                                const std::vector<std::string>& directories);

}  // namespace btb::host
