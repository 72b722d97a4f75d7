#include "plugins/csv/tracker.h"

#include <algorithm>

namespace btb::csv {

namespace {

// In times of `settle`: how long to wait for a writer to close its file, or for the end of a line.
constexpr int64_t patience = 10;
// In times of `settle`: how long a writer that wrote in steps is expected to do so again.
constexpr int64_t steps_expected = 100;

}  // namespace

bool FileTracker::observe(const std::string& name, const std::optional<Signature>& found,
                          int64_t now_ms, int64_t age_ms) {
  auto at = files_.find(name);
  if (at == files_.end()) {
    if (!found) return true;
    if (files_.size() >= files_max) return false;
    while (next_id_ == 0 || ids_.contains(next_id_)) ++next_id_;
    at = files_.emplace(name, TrackedFile{}).first;
    at->second.name = name;
    at->second.id = next_id_;
    ids_[next_id_++] = true;
    at->second.seen = found;
    at->second.changed_since_ms = now_ms;
    // A file that has not changed for long need not settle.
    at->second.seen_since_ms = now_ms - std::max<int64_t>(0, age_ms);
  }
  TrackedFile& file = at->second;
  if (file.seen != found) {
    const bool replaced = file.seen && (!found || !found->is_same_file(*file.seen));
    if (replaced) {  // these were facts of the old file
      file.writing = false;
      file.stepped_ms = TrackedFile::no_time;
    }
    if (file.seen && !replaced) file.arrived = false;  // it was written to after it arrived
    const bool grew = found && file.taken && found->is_same_file(*file.taken) &&
                      found->size_bytes > file.taken->size_bytes;
    if (grew && now_ms - file.early_ms < settle_ms_) file.stepped_ms = now_ms;
    if (!file.seen || file.seen == file.taken) file.changed_since_ms = now_ms;
    file.seen = found;
    file.seen_since_ms = now_ms;
    file.closed = file.cut_off = file.doubted = false;
  }
  return true;
}

void FileTracker::note(const std::string& name, Event event, int64_t now_ms) {
  const auto at = files_.find(name);
  if (at == files_.end()) return;
  TrackedFile& file = at->second;
  switch (event) {
    case Event::arrived:
      file.arrived = file.closed = true;
      file.writing = false;
      break;
    case Event::modified:
      file.arrived = file.closed = false;
      file.writing = true;
      file.seen_since_ms = now_ms;
      break;
    case Event::closed:
      file.writing = false;
      file.closed = true;
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
  if (!at_once_ && !file.arrived && !is_believed(file, now_ms))
    due_ms = std::max(due_ms, settled_at_ms(file, now_ms));
  if (file.cut_off && !is_whole(file, now_ms))
    due_ms = std::max(due_ms, file.seen_since_ms + cut_off_wait_ms(file));
  return std::max<int64_t>(0, due_ms - now_ms);
}

bool FileTracker::is_in_steps(const TrackedFile& file, int64_t now_ms) const {
  return now_ms - file.stepped_ms < settle_ms_ * steps_expected;
}

// True if the close of its writer is taken as a sign that the file is complete.
bool FileTracker::is_believed(const TrackedFile& file, int64_t now_ms) const {
  return trusts_close_ && file.closed && !file.writing && !file.doubted &&
         !is_in_steps(file, now_ms);
}

// A file that is always written in steps would never settle. So it is taken between two steps when
// it has waited for long.
int64_t FileTracker::settled_at_ms(const TrackedFile& file, int64_t now_ms) const {
  const int64_t settled = file.seen_since_ms + settle_ms_ * (file.writing ? patience : 1);
  if (!is_in_steps(file, now_ms) || !file.closed) return settled;
  return std::min(settled, file.changed_since_ms + settle_ms_ * patience);
}

bool FileTracker::is_early(const TrackedFile& file, int64_t now_ms) const {
  return !at_once_ && !file.arrived && file.seen != file.taken && is_believed(file, now_ms) &&
         now_ms < settled_at_ms(file, now_ms);
}

bool FileTracker::is_whole(const TrackedFile& file, int64_t now_ms) const {
  return at_once_ || file.closed || now_ms - file.seen_since_ms >= cut_off_wait_ms(file);
}

// The last line of some files never gets an end. So this wait is limited even while a writer has
// the file open.
int64_t FileTracker::cut_off_wait_ms(const TrackedFile& file) const {
  return settle_ms_ * patience * (file.writing ? patience : 1);
}

int64_t FileTracker::gone_in(const TrackedFile& file, int64_t now_ms) const {
  if (file.seen || file.away) return never;
  return std::max<int64_t>(0, file.seen_since_ms + settle_ms_ - now_ms);
}

void FileTracker::forget(const std::string& name) {
  const auto at = files_.find(name);
  if (at == files_.end()) return;
  ids_.erase(at->second.id);
  files_.erase(at);
}

}  // namespace btb::csv
