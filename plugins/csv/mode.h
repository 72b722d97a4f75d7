// FileMode: turns a file that is due into messages. There is one class for each mode: snapshot,
// delta, append. CsvSource decides when a file is due, and owns the FileMode. [source]
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/file_reader.h"
#include "plugins/csv/options.h"
#include "plugins/csv/tracker.h"
#include "sdk/plugin/source.h"

namespace btb::csv {

struct Outcome {
  enum class Kind : uint8_t {
    taken,       // done; the text, if any, is a remark for the operator
    undecided,   // not now: it may be a copy; a little later that is decided
    again,       // not now: the file is being written to, or it vanished
    cut_off,     // not now: its last line has no end, and may still be written
    refused,     // the published rows stay as they are; the text is the reason
    unreadable,  // as refused; tried again later, because the fault may lie outside the file
    guarded      // the guard holds a change that is too large; the text describes it
  } kind = Kind::taken;
  std::string text;
  // Only with `taken`:
  bool published = true;  // the broker took every row that could be read
  bool is_short = false;  // many rows could not be read: the source is degraded
  bool held = false;      // missing rows are kept until an operator confirms that they are gone
};

// How the version that is taken came to be.
struct Visit {
  bool confirmed = false;  // an operator confirmed the change
  bool whole = false;      // the version counts as complete, even if its last line has no end
  int64_t quiet_ms = 0;    // the version has not changed for so long
  bool early = false;      // its writer has just closed it, and it has not settled: if it looks
                           // unfinished, `take` returns something else than `taken`
};

class FileMode {
 public:
  virtual ~FileMode() = default;

  // Called in each turn before files are taken, for work that needs no changed file. `now_ms` is
  // clock.h's now_ms; `take` uses the same time until the next tick.
  virtual void tick(int64_t /*now_ms*/) {}
  // Milliseconds from the last tick until there is work although no file changed: for tick, or for
  // take of a file for which wants_again is true. None: no such work.
  [[nodiscard]] virtual std::optional<int64_t> due_in() const { return std::nullopt; }
  // At the start, for each file in the directory that the source does not take. Only mode append
  // is told.
  virtual void meet_other(const std::string& /*name*/, const std::string& /*path*/) {}

  // Reads the file at `path` and publishes its changes. `now` is the version that was looked at;
  // take may set it to the version that was read. Throws plugin::Stopped.
  virtual Outcome take(const TrackedFile& file, const std::string& path, Visit visit,
                       Signature& now) = 0;

  // These files were deleted, all together. `confirmed`: an operator confirmed it. On `taken` the
  // caller forgets them.
  virtual Outcome remove(const std::vector<const TrackedFile*>& gone, bool confirmed) = 0;

  // The file `from` was renamed; `to` is its new name. True if the mode goes on with the same rows
  // under the new name; then the caller forgets `from`.
  virtual bool renamed(const TrackedFile& /*from*/, const TrackedFile& /*to*/,
                       const std::string& /*path of to*/) {
    return false;
  }

  // The file was put away: moved to another directory, or deleted, by the source. Its rows stay,
  // and other files may take them over.
  virtual void put_away(const TrackedFile&) {}
  // True if the mode needs nothing any more of a file that was put away.
  [[nodiscard]] virtual bool is_spent(const TrackedFile&) const { return true; }

  // How much of the last taken version is published.
  //   no        not everything, or old rows must be kept
  //   doubtful  every row that could be read; an operator may confirm that this is all
  //   all       every row; rows of earlier runs with other keys can be removed
  enum class Coverage : uint8_t { no, doubtful, all };
  [[nodiscard]] virtual Coverage coverage_of(const TrackedFile&) const { return Coverage::no; }

  // Called once, when every file that was there at the start was given to take.
  virtual void all_seen_once() {}

  // True if the file should be taken again although it did not change.
  virtual bool wants_again(const TrackedFile&) { return false; }

  // For the state's text: "12 rows of 2 files".
  [[nodiscard]] virtual std::string summary() const = 0;
};

// The outcome that follows from reading alone: `taken` if the file was read and is complete. `now`
// is the version that was expected.
Outcome outcome_of(const ReadFile& read, Visit visit, const Signature& now);

// REQUIRES: `config` and `host` outlive the result. `resume_token` is the last one that an earlier
// run published; a token of another mode counts as empty.
std::unique_ptr<FileMode> make_snapshot_mode(const Config& config, plugin::Host& host);
std::unique_ptr<FileMode> make_delta_mode(const Config& config, plugin::Host& host,
                                          std::string_view resume_token);
std::unique_ptr<FileMode> make_append_mode(const Config& config, plugin::Host& host,
                                           std::string_view resume_token);

}  // namespace btb::csv
