// Watcher: a directory seen through inotify, and by listing it. Resource; [source] thread.
//
// The directory is watched, never the file: a file that is replaced takes its watch with it. What
// inotify tells is a hint; listing is the truth.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plugins/csv/file_reader.h"

namespace btb::csv {

struct DirectoryEvent {
  enum class Kind : uint8_t { arrived, modified, closed, other } kind = Kind::other;
  std::string name;
};

class Watcher {
 public:
  Watcher(std::string directory, bool use_inotify)
      : directory_(std::move(directory)), use_inotify_(use_inotify) {}

  // Watches the directory, or the one that lies at its path now. True if what happened before may
  // have been missed: then look at everything. Cheap if nothing changed.
  bool keep_watching();
  // The descriptor to poll for reading; -1 if nothing is watched.
  [[nodiscard]] int fd() const { return inotify_.get(); }
  // Why inotify does not work although it is wanted; empty if it does.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

  struct Events {
    std::vector<DirectoryEvent> events;
    bool look_again = false;  // the queue ran over, or the directory itself changed
  };
  // Takes what is there; never waits.
  Events take_events();

  // Names of what lies in the directory, sorted; nothing if it cannot be read.
  [[nodiscard]] std::optional<std::vector<std::string>> list() const;
  [[nodiscard]] std::string path_of(const std::string& name) const {
    return directory_ + "/" + name;
  }

 private:
  std::string directory_;
  bool use_inotify_;
  Descriptor inotify_;
  uint64_t device_ = 0, inode_ = 0;  // of what is watched
  std::string complaint_;
};

}  // namespace btb::csv
