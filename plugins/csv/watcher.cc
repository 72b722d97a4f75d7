#include "plugins/csv/watcher.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace btb::csv {

namespace {

constexpr uint32_t wanted_events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                   IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF |
                                   IN_MOVE_SELF | IN_ONLYDIR;
constexpr uint32_t end_of_watch = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;
constexpr uint32_t moved = IN_MOVED_FROM | IN_MOVED_TO;

DirectoryEvent::Kind kind_of(uint32_t mask) {
  if ((mask & IN_MOVED_TO) != 0) return DirectoryEvent::Kind::arrived;
  if ((mask & IN_CLOSE_WRITE) != 0) return DirectoryEvent::Kind::closed;
  if ((mask & IN_MODIFY) != 0) return DirectoryEvent::Kind::modified;
  return DirectoryEvent::Kind::other;
}

// A directory itself, not a link to one.
bool is_directory(const dirent& entry, const std::string& path) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool is_gone(int error) {
  return error == ENOENT || error == ENOTDIR;
}

}  // namespace

// --- looking ---

std::optional<Watcher::Listing> Watcher::look() {
  complaint_.clear();
  watch_root();
  Listing listing;
  std::vector<std::string> below;
  if (!list("", listing, below)) return std::nullopt;
  Watches watches;
  if (inotify_) watches.insert(*watches_.begin());  // the root has the lowest number
  while (!below.empty()) {
    const std::string prefix = std::exchange(below.back(), {});
    below.pop_back();
    watch(prefix, watches);
    const bool listed = list(prefix, listing, below);
    if (!listed && !is_gone(errno))
      listing.unreadable = path_of(prefix) + " cannot be read: " + system_text(errno);
  }
  for (const auto& [number, prefix] : watches_) {
    if (!watches.contains(number)) inotify_rm_watch(inotify_.get(), number);
  }
  watches_ = std::move(watches);
  std::sort(listing.names.begin(), listing.names.end());
  return listing;
}

// Watches the directory that is at the path now. Cheap if it is still the same one.
void Watcher::watch_root() {
  if (!use_inotify_) return;
  struct stat info {};
  const bool there = stat(directory_.c_str(), &info) == 0;
  if (there && inotify_ && info.st_dev == device_ && info.st_ino == inode_) return;
  inotify_.reset();
  watches_.clear();
  if (!there) return;
  inotify_ = Descriptor(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  const int number =
      inotify_ ? inotify_add_watch(inotify_.get(), directory_.c_str(), wanted_events) : -1;
  if (number < 0) {
    complaint_ = system_text(errno);
    inotify_.reset();
    return;
  }
  watches_[number] = "";
  device_ = info.st_dev;
  inode_ = info.st_ino;
}

// inotify gives a directory that is watched already its old number, even after a rename.
void Watcher::watch(const std::string& prefix, Watches& watches) {
  if (!inotify_) return;
  const std::string path = path_of(prefix.substr(0, prefix.size() - 1));
  const int number =
      inotify_add_watch(inotify_.get(), path.c_str(), wanted_events | IN_DONT_FOLLOW);
  if (number >= 0) {
    watches[number] = prefix;
  } else if (!is_gone(errno)) {
    complaint_ = system_text(errno);
  }
}

// False, with errno, if the directory could not be read to its end.
bool Watcher::list(const std::string& prefix, Listing& listing, std::vector<std::string>& below) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path_of(prefix).c_str()), closedir);
  if (!directory) return false;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr) return errno == 0;
    const std::string_view plain = entry->d_name;
    if (plain == "." || plain == "..") continue;
    std::string name = prefix + entry->d_name;
    if (!descends_ || !is_directory(*entry, path_of(name))) {
      listing.names.push_back(std::move(name));
    } else if (descends_(name)) {
      below.push_back(name + "/");
    }
  }
}

// --- events ---

Watcher::Events Watcher::take_events() {
  Events taken;
  bool names_hold = true;
  alignas(inotify_event) std::array<char, 16'384> buffer{};
  while (inotify_) {
    const ssize_t size = read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    for (size_t at = 0; at < static_cast<size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* name = buffer.data() + at + sizeof(event);
      at += sizeof(event) + event.len;
      const auto watch = watches_.find(event.wd);
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        taken.look_again = true;
      } else if (watch == watches_.end()) {
        continue;  // the directory is not in the tree any more
      } else if ((event.mask & end_of_watch) != 0) {
        taken.look_again = true;
        if (!watch->second.empty()) continue;
        inotify_.reset();
        watches_.clear();
        return taken;
      } else if (event.len > 0) {
        // After the move of a directory, the prefixes of its watches are wrong.
        if (descends_ && (event.mask & IN_ISDIR) != 0 && (event.mask & moved) != 0)
          names_hold = false;
        taken.look_again = taken.look_again || !names_hold;
        if (names_hold) taken.events.push_back({kind_of(event.mask), watch->second + name});
      }
    }
  }
  return taken;
}

}  // namespace btb::csv
