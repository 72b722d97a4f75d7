#include "plugins/csv/tracker.h"

#include <algorithm>

namespace btb::csv {

bool FileTracker::observe(const std::string& name, const std::optional<Signature>& found,
                          int64_t now_ms, bool old) {
  auto at = files_.find(name);
  if (at == files_.end()) {
    if (!found) return true;
    if (files_.size() >= files_max) return false;
    while (next_id_ == 0 || ids_.contains(next_id_)) ++next_id_;
    at = files_.emplace(name, TrackedFile{}).first;
    at->second.name = name;
    at->second.id = next_id_;
    ids_[next_id_++] = true;
    at->second.arrived = old;
    at->second.seen_since_ms = now_ms;
  }
  TrackedFile& file = at->second;
  if (file.seen != found) {
    const bool replaced = file.seen && (!found || found->inode != file.seen->inode);
    if (replaced) file.writing = false;                // that was another file
    if (file.seen && !replaced) file.arrived = false;  // somebody wrote to it where it lies
    file.seen = found;
    file.seen_since_ms = now_ms;
  }
  return true;
}

void FileTracker::note(const std::string& name, Event event, int64_t now_ms) {
  const auto at = files_.find(name);
  if (at == files_.end()) return;
  TrackedFile& file = at->second;
  switch (event) {
    case Event::arrived:
      file.arrived = true;
      file.writing = false;
      break;
    case Event::modified:
      file.arrived = false;
      file.writing = true;
      file.seen_since_ms = now_ms;
      break;
    case Event::closed:
      file.writing = false;
      file.seen_since_ms = now_ms;
      break;
  }
}

void FileTracker::postpone(TrackedFile& file, int64_t now_ms, int64_t delay_ms) {
  file.arrived = false;
  file.seen_since_ms = now_ms;
  file.not_before_ms = now_ms + delay_ms;
}

int64_t FileTracker::due_in(const TrackedFile& file, int64_t now_ms) const {
  if (!file.seen || file.seen == file.taken) return never;
  int64_t due_ms = file.not_before_ms;
  if (!at_once_ && !file.arrived)
    due_ms = std::max(due_ms, file.seen_since_ms + settle_ms_ * (file.writing ? 10 : 1));
  return std::max<int64_t>(0, due_ms - now_ms);
}

int64_t FileTracker::gone_in(const TrackedFile& file, int64_t now_ms) const {
  if (file.seen) return never;
  return std::max<int64_t>(0, file.seen_since_ms + settle_ms_ - now_ms);
}

void FileTracker::forget(const std::string& name) {
  const auto at = files_.find(name);
  if (at == files_.end()) return;
  ids_.erase(at->second.id);
  files_.erase(at);
}

}  // namespace btb::csv
