// PluginFiles: loads plugins, and loads them anew when their files were replaced on disk.
//
// The system's loader looks for a library by its name before it looks at the file: under the same
// name it hands out the old code for as long as anybody holds it, and a reload holds it until it
// knows that the new code is good. So a file that was replaced is loaded under another spelling of
// its path ("plugins/./csv.so"), beside the old one; the loader tells files apart by device and
// inode. A file that was written over has the same inode, and its old code, of which parts may
// have changed already, cannot be had anew before it is let go: that is counted apart. Resource;
// [loop] thread.
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
    uint32_t replaced = 0;      // how often the file has become another
    uint32_t written_over = 0;  // how often it has changed without becoming another
  };

  PluginFiles() = default;
  PluginFiles(const PluginFiles&) = delete;
  PluginFiles& operator=(const PluginFiles&) = delete;

  // The plugin that lies at `path` now. Fails as PluginLibrary::load does.
  Result<Loaded> load(const std::string& path);

 private:
  // Zeros for a file that is not there.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size_bytes = 0;
    int64_t modified_ns = 0;
    bool operator==(const Identity&) const = default;
  };
  struct File {
    Identity identity;
    uint32_t spelling = 0;
    uint32_t replaced = 0;
    uint32_t written_over = 0;
    std::weak_ptr<const host::PluginLibrary> newest;
  };
  static Identity identity_of(const std::string& path);
  static std::string spelled(const std::string& path, uint32_t spelling);

  std::map<std::string, File> files_;  // by path
};

}  // namespace btb
