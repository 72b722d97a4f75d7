#include "plugins/csv/watcher.h"

#include <dirent.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace btb::csv {

namespace {

constexpr uint32_t wanted_events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                   IN_CREATE | IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF |
                                   IN_MOVE_SELF | IN_ONLYDIR;

DirectoryEvent::Kind kind_of(uint32_t mask) {
  if ((mask & IN_MOVED_TO) != 0) return DirectoryEvent::Kind::arrived;
  if ((mask & IN_CLOSE_WRITE) != 0) return DirectoryEvent::Kind::closed;
  if ((mask & IN_MODIFY) != 0) return DirectoryEvent::Kind::modified;
  return DirectoryEvent::Kind::other;
}

}  // namespace

bool Watcher::keep_watching() {
  if (!use_inotify_) return false;
  struct stat info {};
  if (stat(directory_.c_str(), &info) != 0) {
    inotify_.reset();
    return false;
  }
  if (inotify_ && info.st_dev == device_ && info.st_ino == inode_) return false;
  inotify_ = Descriptor(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (inotify_ && inotify_add_watch(inotify_.get(), directory_.c_str(), wanted_events) >= 0) {
    device_ = info.st_dev;
    inode_ = info.st_ino;
    complaint_.clear();
    return true;
  }
  complaint_ = std::strerror(errno);
  inotify_.reset();
  return false;
}

Watcher::Events Watcher::take_events() {
  Events taken;
  alignas(inotify_event) std::array<char, 16'384> buffer{};
  while (inotify_) {
    const ssize_t size = read(inotify_.get(), buffer.data(), buffer.size());
    if (size <= 0) break;
    for (size_t at = 0; at < static_cast<size_t>(size);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof(event));
      const char* name = buffer.data() + at + sizeof(event);
      at += sizeof(event) + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) {
        taken.look_again = true;
      } else if ((event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0) {
        taken.look_again = true;
        inotify_.reset();
        return taken;
      } else if (event.len > 0) {
        taken.events.push_back({kind_of(event.mask), std::string(name)});
      }
    }
  }
  return taken;
}

std::optional<std::vector<std::string>> Watcher::list() const {
  DIR* directory = opendir(directory_.c_str());
  if (directory == nullptr) return std::nullopt;
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace btb::csv
