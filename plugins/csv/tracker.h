// FileTracker: which files there are, and when each may be taken. It is told what was seen, and the
// time; it uses no clock and no file system. Times are clock.h's now_ms. Value; one thread.
//
// A file is taken when it differs from the version taken last and one of these is true:
//   - It came by rename. Then it is complete, and is taken at once.
//   - Its writer closed it. Then it is taken at once, too, unless the mode did not believe the
//     version. If a file is written in several steps, each with a close, this rule is suspended.
//   - It has not changed for `settle`; or for ten times as long if a writer has not closed it yet.
// A file that ends in the middle of a line waits longer: ten times `settle`, and ten times that
// while a writer has not closed it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "plugins/csv/file_reader.h"

namespace btb::csv {

struct TrackedFile {
  std::string name;
  uint16_t id = 0;                 // from 1, unique among the tracked files
  std::optional<Signature> seen;   // none: it is gone
  std::optional<Signature> taken;  // the version that was taken last; none: take it again
  int64_t seen_since_ms = 0;       // when `seen` last changed, as far as that is known
  int64_t not_before_ms = 0;       // it is never taken earlier
  bool arrived = false;            // it came by rename, so it is complete
  bool writing = false;            // it was written to, and not closed since
  bool closed = false;             // the writer of `seen` closed it, or it came by rename
  bool cut_off = false;            // `seen` ends in the middle of a line
  bool doubted = false;            // the mode did not believe `seen` at its close: it must settle
  bool away = false;               // it was put away; if there is a `seen`, that is a new file
  int64_t stepped_ms = no_time;    // when it last grew shortly after it was taken early
  int64_t changed_since_ms = 0;    // when `seen` began to differ from `taken`
  int64_t early_ms = no_time;      // when a version was last taken early: at its close
  static constexpr int64_t no_time = INT64_MIN / 2;
};

class FileTracker {
 public:
  static constexpr size_t files_max = 60'000;
  static constexpr int64_t never = -1;

  // `at_once`: no file has to settle, because the mode is append or a marker shows that a file is
  // complete. `trusts_close`: a file may be taken when its writer closes it.
  FileTracker(int64_t settle_ms, bool at_once, bool trusts_close = true)
      : settle_ms_(settle_ms), at_once_(at_once), trusts_close_(trusts_close) {}

  // A look at the file found this version (none: no file), last changed `age_ms` ago. False if
  // there are files_max files already and this is a new one.
  bool observe(const std::string& name, const std::optional<Signature>& found, int64_t now_ms,
               int64_t age_ms);

  enum class Event : uint8_t { arrived, modified, closed };
  // An event of inotify. A file that is not tracked is ignored.
  void note(const std::string& name, Event event, int64_t now_ms);

  // The file could not be taken. It is not due for `delay_ms` at least, and has to settle again.
  static void postpone(TrackedFile& file, int64_t now_ms, int64_t delay_ms);

  // The milliseconds until the file may be taken, 0: now; never: there is nothing to take.
  [[nodiscard]] int64_t due_in(const TrackedFile& file, int64_t now_ms) const;
  // True if the file is due only because its writer closed it: it has not settled.
  [[nodiscard]] bool is_early(const TrackedFile& file, int64_t now_ms) const;
  // The file was taken early.
  static void note_early(TrackedFile& file, int64_t now_ms) { file.early_ms = now_ms; }
  // The mode did not believe the file when it came early.
  static void doubt(TrackedFile& file) { file.doubted = true; }
  // True if the version counts as complete, even if it ends in the middle of a line.
  [[nodiscard]] bool is_whole(const TrackedFile& file, int64_t now_ms) const;
  // The milliseconds until a file that is gone counts as deleted, 0: now; never: it is there, or
  // was put away.
  [[nodiscard]] int64_t gone_in(const TrackedFile& file, int64_t now_ms) const;

  void forget(const std::string& name);
  [[nodiscard]] std::map<std::string, TrackedFile>& files() { return files_; }  // by name
  [[nodiscard]] const std::map<std::string, TrackedFile>& files() const { return files_; }

 private:
  [[nodiscard]] bool is_in_steps(const TrackedFile& file, int64_t now_ms) const;
  [[nodiscard]] bool is_believed(const TrackedFile& file, int64_t now_ms) const;
  [[nodiscard]] int64_t settled_at_ms(const TrackedFile& file, int64_t now_ms) const;
  [[nodiscard]] int64_t cut_off_wait_ms(const TrackedFile& file) const;

  int64_t settle_ms_;
  bool at_once_;
  bool trusts_close_;
  std::map<std::string, TrackedFile> files_;
  uint16_t next_id_ = 1;
  std::map<uint16_t, bool> ids_;  // in use
};

}  // namespace btb::csv
