// PluginFiles: loads plugins, and loads them again if their files were replaced on disk.
//
// The system's loader (dlopen) compares names before it looks at files. It returns the old code for
// the same name as long as the old library is in use, and a reload uses it until the new code has
// proved good. So a replaced file is loaded by another spelling of its path ("plugins/./csv.so"),
// beside the old library. The loader then tells the two files apart by device and inode.
//
// A file that was overwritten in place has the same inode, so the loader returns the old code, and
// parts of that may have changed already. The new code can be loaded only after the old library was
// unloaded. Such changes are counted apart. Resource; [loop] thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "sdk/base/result.h"
#include "sdk/host/library.h"

namespace btb {

class PluginFiles {
 public:
  struct Loaded {
    std::shared_ptr<const host::PluginLibrary> library;
    uint32_t replaced = 0;      // how often another file has come to this path
    uint32_t written_over = 0;  // how often the file was overwritten in place
  };

  PluginFiles() = default;
  PluginFiles(const PluginFiles&) = delete;
  PluginFiles& operator=(const PluginFiles&) = delete;

  // Loads the plugin that is at `path` now. Fails like PluginLibrary::load.
  Result<Loaded> load(const std::string& path);

 private:
  // Tells whether a file has changed. All zero if there is no file.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size_bytes = 0;
    int64_t modified_ns = 0;
    bool operator==(const Identity&) const = default;
  };
  struct File {
    Identity identity;      // when it was loaded last
    uint32_t spelling = 0;  // the number of "./" in the path that was loaded last
    uint32_t replaced = 0;
    uint32_t written_over = 0;
    std::weak_ptr<const host::PluginLibrary> newest;
  };
  static Identity identity_of(const std::string& path);
  static std::string spelled(const std::string& path, uint32_t spelling);

  std::map<std::string, File> files_;  // by path
};

}  // namespace btb
