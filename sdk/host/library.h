// PluginLibrary: one plugin's shared object, loaded and looked at. Resource; unloads when the last
// owner lets go.
//
// The system keeps one copy of a file: a plugin that was replaced on disk is taken when nobody
// holds the old one any more. In builds with a sanitizer libraries are never unloaded, so that its
// reports can name their functions.
//
// Everything behind plugin() points into the library, so whoever keeps such a pointer keeps the
// library too. Loading runs the library's own initialisers, so load only what the operator named.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/plugin/abi.h"

namespace btb::host {

class PluginLibrary {
 public:
  // Loads the library and checks what its entry point returns: sizes, ABI version, names, option
  // declarations. The error says in words what is wrong with the file ("csv.so: speaks plugin ABI
  // 2, this broker speaks 1"). [any]
  static Result<std::shared_ptr<const PluginLibrary>> load(const std::string& path);

  PluginLibrary(const PluginLibrary&) = delete;
  PluginLibrary& operator=(const PluginLibrary&) = delete;
  ~PluginLibrary();

  [[nodiscard]] const btb_plugin& plugin() const { return *plugin_; }
  // The exported function itself, for a plugin check.
  [[nodiscard]] btb_plugin_entry_function entry() const { return entry_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  // True if the file is in this process's memory, held or not. [any]
  static bool is_loaded(const std::string& path);

  // From now on the library stays in memory until the process ends: a thread that could not be
  // stopped still runs in it. [any]
  void keep_for_ever() const;

 private:
  PluginLibrary(std::string path, void* handle);

  std::string path_;
  void* handle_;
  btb_plugin_entry_function entry_ = nullptr;
  const btb_plugin* plugin_ = nullptr;
  mutable bool kept_ = false;
};

// Where the plugin called `name` lies: a path if it holds a "/", else NAME.so in the first of
// `directories` that has one. The error names the directories and the plugins that are there.
Result<std::string> find_plugin(const std::string& name,
                                const std::vector<std::string>& directories);

}  // namespace btb::host
