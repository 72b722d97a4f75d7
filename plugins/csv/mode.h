// FileMode: what becomes of a file that is to be taken. One for each mode: snapshot, delta, append.
// [source]
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
    taken,       // dealt with; the text, if any, is a remark for the operator
    undecided,   // not now: what it is shows in a moment, without a change of the file
    again,       // not now: somebody is writing to it, or it vanished
    cut_off,     // not now: its last line has no end, and somebody may be at it
    refused,     // what is published stays as it is; the text says why
    unreadable,  // likewise, but it may be well in a while without a change of the file
    guarded      // too large a change to be believed; the text says what it is
  } kind = Kind::taken;
  std::string text;
  bool published = true;  // with taken: the broker took every row that could be read
  bool is_short = false;  // taken, but much of it could not be read: the source is not well
  bool held = false;      // taken, but rows that may be gone are kept until an operator confirms it
};

// What is known of the version that is to be taken.
struct Visit {
  bool confirmed = false;  // an operator said that the change is meant
  bool whole = false;      // it may end inside of a line
  int64_t quiet_ms = 0;    // for so long it has been what it is
  bool early = false;      // it was closed just now. One that looks unfinished comes again: `again`
};

class FileMode {
 public:
  virtual ~FileMode() = default;

  // What happens by itself, before files are taken. `now_ms` is a clock that only goes forward; it
  // is what `take` means by now, too.
  virtual void tick(int64_t /*now_ms*/) {}
  // Milliseconds from then until tick, or take of a file that wants it again, has something to do
  // although no file changed; none: never.
  [[nodiscard]] virtual std::optional<int64_t> due_in() const { return std::nullopt; }
  // A file beside those of the source that was there at the start.
  virtual void meet_other(const std::string& /*name*/, const std::string& /*path*/) {}

  // Publishes what the file at `path` has to tell. `now` is the version that was looked at; on
  // `taken` it becomes the one that was read. Throws plugin::Stopped.
  virtual Outcome take(const TrackedFile& file, const std::string& path, Visit visit,
                       Signature& now) = 0;

  // These files are gone, all of them together, and stay so. On `taken` they are forgotten.
  virtual Outcome remove(const std::vector<const TrackedFile*>& gone, bool confirmed) = 0;

  // `to` is new, and is what `from` was: the file got another name. True if the mode goes on with
  // it under that; `from` is forgotten then.
  virtual bool renamed(const TrackedFile& /*from*/, const TrackedFile& /*to*/,
                       const std::string& /*path of to*/) {
    return false;
  }

  // The file was put away. Its rows stay, and other files may take them over.
  virtual void put_away(const TrackedFile&) {}
  // True if nothing has to be known any more of a file that was put away.
  [[nodiscard]] virtual bool is_spent(const TrackedFile&) const { return true; }

  // How much of the version that was taken last is published. `all`: every row, and what was
  // published under other keys before this run need not be kept. `doubtful`: every row that could
  // be read, and an operator may say that this is all.
  enum class Coverage : uint8_t { no, doubtful, all };
  [[nodiscard]] virtual Coverage coverage_of(const TrackedFile&) const { return Coverage::no; }

  // Every file that was there at the start was offered to take.
  virtual void all_seen_once() {}

  // True if the file should be taken again although it did not change.
  virtual bool wants_again(const TrackedFile&) { return false; }

  // What there is, for the state's text: "12 rows of 2 files".
  [[nodiscard]] virtual std::string summary() const = 0;
};

// What becomes of a file that was read like that, where `now` was expected; taken if it was read
// well, and to its end.
Outcome outcome_of(const ReadFile& read, Visit visit, const Signature& now);

// REQUIRES: `config` outlives the result. `resume_token` is what the last source of this kind left
// behind.
std::unique_ptr<FileMode> make_snapshot_mode(const Config& config, plugin::Host& host);
std::unique_ptr<FileMode> make_delta_mode(const Config& config, plugin::Host& host,
                                          std::string_view resume_token);
std::unique_ptr<FileMode> make_append_mode(const Config& config, plugin::Host& host,
                                           std::string_view resume_token);

}  // namespace btb::csv
