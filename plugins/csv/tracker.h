// FileTracker: which files there are, and when each may be taken. Pure: told what was seen and
// when; knows no clock and no file system. One thread.
//
// A file is taken when it differs from the version taken last and
//   - it came by rename (it is whole: at once), or
//   - who wrote it closed it: at once, too, as long as the mode believes what it sees then; for a
//   file that is written in several steps, each with a close, this is given up, or
//   - it has not changed for `settle`, or, while somebody who wrote to it has not closed it, for
//   ten times as long.
// One that ends in the middle of a line waits ten times as long again, until it is known to be
// whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "plugins/csv/file_reader.h"

namespace btb::csv {

struct TrackedFile {
  std::string name;
  uint16_t id = 0;                 // from 1, of its own as long as the file is tracked
  std::optional<Signature> seen;   // none: it is gone
  std::optional<Signature> taken;  // the version that was dealt with last
  int64_t seen_since_ms = 0;       // when `seen` became what it is, as far as that is known
  int64_t not_before_ms = 0;       // it is not taken earlier, whatever else holds
  bool arrived = false;            // by rename: whole
  bool writing = false;            // written to and not closed since
  bool closed = false;             // `seen` was closed by who wrote it, or came by rename
  bool cut_off = false;            // `seen` ends in the middle of a line
  bool doubted = false;            // `seen` was closed, and was not believed before it settled
  bool away = false;               // it was put away; `seen` is a new one
  int64_t stepped_ms = no_time;    // when it was last written on right behind a close
  int64_t changed_since_ms = 0;    // when `seen` became another version than `taken`
  int64_t early_ms = no_time;      // when a version was taken at its close
  static constexpr int64_t no_time = INT64_MIN / 2;
};

class FileTracker {
 public:
  static constexpr size_t files_max = 60'000;
  static constexpr int64_t never = -1;

  // `at_once`: nothing has to settle (mode append reads what is there, a marker says that it is).
  // `trusts_close`: a file that was closed may be taken before it settled.
  FileTracker(int64_t settle_ms, bool at_once, bool trusts_close = true)
      : settle_ms_(settle_ms), at_once_(at_once), trusts_close_(trusts_close) {}

  // What a look at the file found, which was last written to `age_ms` ago. False if there are too
  // many files already.
  bool observe(const std::string& name, const std::optional<Signature>& found, int64_t now_ms,
               int64_t age_ms);

  enum class Event : uint8_t { arrived, modified, closed };
  void note(const std::string& name, Event event, int64_t now_ms);

  // It could not be taken: it is left alone for `delay_ms` at least, and has to settle again.
  static void postpone(TrackedFile& file, int64_t now_ms, int64_t delay_ms);

  // The milliseconds until the file may be taken, 0: now; never: there is nothing to take.
  [[nodiscard]] int64_t due_in(const TrackedFile& file, int64_t now_ms) const;
  // True if the file is due only because it was closed: it has not settled.
  [[nodiscard]] bool is_early(const TrackedFile& file, int64_t now_ms) const;
  // It was taken early, or was not believed then.
  static void note_early(TrackedFile& file, int64_t now_ms) { file.early_ms = now_ms; }
  static void doubt(TrackedFile& file) { file.doubted = true; }
  // True if the version that was seen may be believed to end where it does, also inside of a line.
  [[nodiscard]] bool is_whole(const TrackedFile& file, int64_t now_ms) const;
  // As due_in, for one that is gone: until that may be believed.
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
