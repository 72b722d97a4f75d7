// Watcher: finds changes in a directory, or in a tree of directories, by inotify and by listing.
// Resource; [source].
//
// It watches directories and no files: the watch of a file is lost when the file is replaced.
// Events of inotify are hints; only a listing is certain.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plugins/csv/file_reader.h"

namespace btb::csv {

struct DirectoryEvent {
  enum class Kind : uint8_t { arrived, modified, closed, other } kind = Kind::other;
  std::string name;  // relative to the directory
};

class Watcher {
 public:
  // Called for each directory in the tree with its relative name: true if files in it count. Links
  // to directories are not followed.
  using Descends = std::function<bool(const std::string& directory)>;

  // Without `descends` only the directory itself is looked at.
  Watcher(std::string directory, bool use_inotify, Descends descends)
      : directory_(std::move(directory)),
        use_inotify_(use_inotify),
        descends_(std::move(descends)) {}

  struct Listing {
    std::vector<std::string> names;  // relative, sorted; with `descends` without directories
    std::string unreadable;          // a directory below that could not be listed, and why
  };
  // Lists all names. Each directory is watched before it is listed, so take_events has every later
  // change. Nothing, with errno, if the directory itself cannot be read.
  std::optional<Listing> look();

  // The descriptor to poll for reading; -1 if nothing is watched.
  [[nodiscard]] int fd() const { return inotify_.get(); }
  // Why inotify did not work for some directory at the last look; empty if it worked or is not
  // wanted.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

  struct Events {
    std::vector<DirectoryEvent> events;
    bool look_again = false;  // a look is needed: events were lost, or directories changed
  };
  // Takes the events that have come since the last call; never waits.
  Events take_events();

  [[nodiscard]] std::string path_of(const std::string& name) const {
    return directory_ + "/" + name;
  }

 private:
  using Watches = std::map<int, std::string>;  // watch to the prefix of its names: "", "2026/"

  void watch_root();
  void watch(const std::string& prefix, Watches& watches);
  bool list(const std::string& prefix, Listing& listing, std::vector<std::string>& below);

  std::string directory_;
  bool use_inotify_;
  Descends descends_;
  Descriptor inotify_;
  Watches watches_;                  // empty if inotify_ is
  uint64_t device_ = 0, inode_ = 0;  // of the directory that is watched
  std::string complaint_;
};

}  // namespace btb::csv
