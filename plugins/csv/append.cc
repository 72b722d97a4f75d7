// Mode append: files that grow. This file finds out which file lies under which name; Tail reads
// it. Its parts: names and files, files without a name, one file, marks for the next run.
//
// A file is recognized by device and inode, so it keeps its position when it is renamed. A file
// that no name leads to any more (renamed, deleted, replaced) is "lost". It is followed until it is
// quiet, because its writer may still have it open. If a file is cut off, its old content is
// remembered by its first and last bytes, so that a copy of it is not read a second time.
#include <algorithm>
#include <cerrno>
#include <list>
#include <map>
#include <set>
#include <utility>

#include "plugins/csv/gzip.h"
#include "plugins/csv/mode.h"
#include "plugins/csv/tail.h"

namespace btb::csv {

namespace {

constexpr size_t marks_kept_max = 64;  // marks of files that are not open any more
constexpr size_t lost_kept_max = 64;
constexpr int64_t lost_look_ms = 250;  // inotify has no events for lost files
constexpr int64_t lost_quiet_ms = 60'000;
constexpr int64_t lost_alone_ms = 3'600'000;  // while no other file took its place
constexpr int replacements_at_once = 16;

class AppendMode final : public FileMode {
 public:
  AppendMode(const Config& config, plugin::Host& host, std::string_view resume_token)
      : config_(config), host_(host), first_start_(resume_token.empty()) {
    AppendToken token = read_token(resume_token);
    marks_ = std::move(token.marks);
    headings_ = std::move(token.headings);
  }

  void tick(int64_t now_ms) override;
  std::optional<int64_t> due_in() const override;
  void meet_other(const std::string& name, const std::string& path) override;
  Outcome take(const TrackedFile& file, const std::string& path, Visit visit,
               Signature& now) override;
  Outcome remove(const std::vector<const TrackedFile*>& gone, bool confirmed) override;
  void all_seen_once() override { first_start_ = false; }
  bool wants_again(const TrackedFile& file) override;
  std::string summary() const override;

 private:
  struct Followed {
    explicit Followed(Tail one) : tail(std::move(one)) {}
    Tail tail;
    int names = 0;                 // tracked files that lead to it
    uint16_t place = 0;            // the last of them
    const Tail* before = nullptr;  // the file that had its name before; only compared
    int64_t lost_ms = 0;           // when it was lost
    int64_t grew_ms = 0;           // lost: when it last changed its size
    uint64_t size_bytes = 0;       // lost: its size at that time
    bool begun_once = false;
    bool copy_told = false;
    std::optional<int64_t> maybe_since_ms;  // since when Likeness::maybe is waited for
    std::string head;                       // its head_of when it was begun
  };

  Followed* at_path(const TrackedFile& file, const std::string& path);
  Followed& add(Descriptor fd, const Signature& info, const std::string& name,
                const std::string& path);
  Followed* find(const Signature& info);
  Followed* find_lost(const std::string& name);
  static void succeed(Followed& next, Followed* before, uint16_t place);
  void attach(const TrackedFile& file, const std::string& path, Followed& to);
  void leave(uint16_t id);
  void drop(uint16_t id);
  bool is_replaced(const Followed& followed, const std::string& path) const;
  void retire(std::list<Followed>::iterator at);
  bool is_over(const Followed& lost) const;
  void bound_lost();

  enum class Begun : uint8_t { yes, nothing_there, undecided, copy };
  Begun begin(Followed& followed, Visit visit);
  std::vector<AppendMark>::iterator mark_of(const Signature& info);
  const Heading* find_heading(uint64_t hash) const;
  Begun compare(Followed& followed, const Signature& info, Visit visit,
                std::optional<AppendMark>& mark);
  static bool may_be_like(const Followed& other, std::string_view head);
  void follow(Followed& followed);
  void remember(const AppendMark& mark, const Heading* heading);
  std::string token() const;

  const Config& config_;
  plugin::Host& host_;
  std::list<Followed> all_;
  std::map<uint16_t, Followed*> places_;  // by the number of the tracked file
  std::set<uint16_t> packed_;             // tracked files that are passed over
  std::vector<AppendMark> marks_;         // of files that are not open, the newest first
  std::map<uint64_t, Heading> headings_;  // the headers of these files, by hash
  bool first_start_;
  uint64_t rows_ = 0;  // of files that are not open
  int64_t now_ms_ = 0;
};

// --- names and files ---

AppendMode::Followed* AppendMode::find(const Signature& info) {
  const auto at = std::find_if(all_.begin(), all_.end(),
                               [&](const Followed& one) { return one.tail.is_of(info); });
  return at == all_.end() ? nullptr : &*at;
}

AppendMode::Followed& AppendMode::add(Descriptor fd, const Signature& info, const std::string& name,
                                      const std::string& path) {
  return all_.emplace_back(Tail(config_, host_, std::move(fd), info, name, path));
}

// The file that is at `path` now; null with errno if it cannot be opened. If another file was there
// before, that is read to its end first.
AppendMode::Followed* AppendMode::at_path(const TrackedFile& file, const std::string& path) {
  const auto info = look_at(path);
  const auto place = places_.find(file.id);
  if (place != places_.end() && info && place->second->tail.is_of(*info)) return place->second;
  Followed* followed = info ? find(*info) : nullptr;
  if (followed == nullptr) {
    Descriptor fd(open_file(path));
    if (!fd) return nullptr;
    const auto opened = look_at(fd.get());
    if (!opened) throw FileRefused("not a regular file");
    followed = find(*opened);
    if (followed == nullptr) {
      Followed* before = place != places_.end() ? place->second : find_lost(file.name);
      followed = &add(std::move(fd), *opened, file.name, path);
      succeed(*followed, before, file.id);
    }
  }
  leave(file.id);
  attach(file, path, *followed);
  bound_lost();  // not earlier: `followed` may have been lost until attach
  return followed;
}

// The newest lost file that had this name.
AppendMode::Followed* AppendMode::find_lost(const std::string& name) {
  const auto at = std::find_if(all_.rbegin(), all_.rend(), [&](const Followed& one) {
    return one.names == 0 && one.tail.name() == name;
  });
  return at == all_.rend() ? nullptr : &*at;
}

// `next` has the name that `before` had. Its writer may leave the header out.
void AppendMode::succeed(Followed& next, Followed* before, uint16_t place) {
  if (before == nullptr) return;
  next.before = &before->tail;
  before->place = place;
  if (const Heading* heading = before->tail.heading()) next.tail.expect(*heading);
}

void AppendMode::attach(const TrackedFile& file, const std::string& path, Followed& to) {
  const auto [place, added] = places_.emplace(file.id, &to);
  if (!added) return;
  ++to.names;
  to.place = file.id;
  to.tail.rename(file.name, path);
}

// The name does not lead to its file any more. Reads the rows that are there; more may come if the
// file is lost now. The caller then calls bound_lost.
void AppendMode::leave(uint16_t id) {
  const auto place = places_.find(id);
  if (place == places_.end()) return;
  Followed& left = *place->second;
  places_.erase(place);
  if (--left.names > 0) return;
  left.lost_ms = left.grew_ms = now_ms_;
  if (const auto info = look_at(left.tail.fd())) left.size_bytes = info->size_bytes;
  try {
    follow(left);
  } catch (const FileRefused& refusal) {
    host_.warning(left.tail.name() + ", which is gone: " + refusal.what());
  }
}

// The name leads to a file that this mode cannot read.
void AppendMode::drop(uint16_t id) {
  const auto place = places_.find(id);
  if (place == places_.end()) return;
  const Followed* dropped = place->second;
  places_.erase(place);
  const auto at =
      std::find_if(all_.begin(), all_.end(), [&](const Followed& one) { return &one == dropped; });
  if (--at->names == 0) retire(at);
}

bool AppendMode::is_replaced(const Followed& followed, const std::string& path) const {
  const auto info = look_at(path);
  return info && !followed.tail.is_of(*info);
}

// --- files that no name leads to ---

void AppendMode::tick(int64_t now_ms) {
  now_ms_ = now_ms;
  for (auto at = all_.begin(); at != all_.end();) {
    const auto one = at++;
    if (one->names > 0) continue;
    const auto info = look_at(one->tail.fd());
    if (info && info->size_bytes != one->size_bytes) {
      one->size_bytes = info->size_bytes;
      one->grew_ms = now_ms_;
    }
    try {
      Visit visit;
      visit.quiet_ms = now_ms_ - one->grew_ms;
      if (one->tail.has_header() || begin(*one, visit) == Begun::yes) follow(*one);
    } catch (const FileRefused&) {  // the operator was told when the file was lost
      one->grew_ms = one->lost_ms = now_ms_ - lost_alone_ms;
    }
    if (is_over(*one)) retire(one);
  }
}

// True if the lost file is quiet, and its writer seems to have gone on to the next file.
bool AppendMode::is_over(const Followed& lost) const {
  if (now_ms_ - lost.grew_ms < lost_quiet_ms) return false;
  const auto next = places_.find(lost.place);
  const bool replaced = next != places_.end() && next->second->tail.has_header();
  return replaced || is_deleted(lost.tail.fd()) || now_ms_ - lost.lost_ms >= lost_alone_ms;
}

void AppendMode::bound_lost() {
  const auto is_lost = [](const Followed& one) { return one.names == 0; };
  if (static_cast<size_t>(std::count_if(all_.begin(), all_.end(), is_lost)) > lost_kept_max)
    retire(std::find_if(all_.begin(), all_.end(), is_lost));
}

void AppendMode::retire(std::list<Followed>::iterator at) {
  if (at->tail.has_header()) remember(at->tail.mark(), at->tail.heading());
  rows_ += at->tail.rows();
  for (Followed& other : all_) {
    if (other.before == &at->tail) other.before = nullptr;
  }
  all_.erase(at);
}

std::optional<int64_t> AppendMode::due_in() const {
  std::optional<int64_t> due;
  const auto sooner = [&](std::optional<int64_t> other) {
    if (other && (!due || *other < *due)) due = other;
  };
  for (const Followed& one : all_) {
    if (one.names == 0) sooner(lost_look_ms);
    sooner(one.tail.due_in(now_ms_));
  }
  return due;
}

bool AppendMode::wants_again(const TrackedFile& file) {
  const auto place = places_.find(file.id);
  return place != places_.end() && place->second->tail.due_in(now_ms_) == 0;
}

// The file may have been renamed between two runs, to a name that does not fit the glob.
void AppendMode::meet_other(const std::string& name, const std::string& path) {
  const auto info = look_at(path);
  if (!info || find(*info) != nullptr) return;
  const auto mark = mark_of(*info);
  if (mark == marks_.end()) return;
  Descriptor fd(open_file(path));
  if (!fd || mark->disagreement(fd.get()) != nullptr) return;
  Followed& lost = add(std::move(fd), *info, name, path);
  lost.lost_ms = lost.grew_ms = now_ms_;
  lost.size_bytes = info->size_bytes;
  try {
    if (begin(lost, {}) == Begun::yes) follow(lost);
  } catch (const FileRefused& refusal) {
    host_.warning(name + ": " + refusal.what());
  }
  bound_lost();
}

// --- one file ---

Outcome AppendMode::take(const TrackedFile& file, const std::string& path, Visit visit,
                         Signature&) {
  Followed* followed = nullptr;
  try {
    for (int turn = 0; turn < replacements_at_once; ++turn) {
      followed = at_path(file, path);
      if (followed == nullptr) {
        const int fault = errno;
        return {fault == ENOENT ? Outcome::Kind::again : Outcome::Kind::unreadable,
                "cannot be opened: " + system_text(fault)};
      }
      if (!followed->tail.has_header() && is_gzip(head_of(followed->tail.fd()))) {
        packed_.insert(file.id);
        drop(file.id);
        return {};
      }
      if (!followed->tail.has_header()) {
        const Begun begun = begin(*followed, visit);
        if (begun == Begun::undecided) return {Outcome::Kind::undecided, ""};
        if (begun != Begun::yes && !is_replaced(*followed, path)) return {};
        if (begun != Begun::yes) continue;
      }
      try {
        follow(*followed);
      } catch (const FileRefused&) {
        if (!is_replaced(*followed, path)) throw;
      }
      if (!is_replaced(*followed, path)) break;
    }
  } catch (const FileRefused& refusal) {
    return {Outcome::Kind::refused, refusal.what()};
  }
  return {Outcome::Kind::taken, followed->tail.remark(), true, followed->tail.is_short()};
}

// Finds out which file this is, and the position at which to go on.
AppendMode::Begun AppendMode::begin(Followed& followed, Visit visit) {
  Tail& tail = followed.tail;
  const auto info = look_at(tail.fd());
  if (!info) throw FileRefused("cannot be read: " + system_text(errno));
  std::optional<AppendMark> mark;
  const auto known = mark_of(*info);  // of an earlier run
  const char* changed = known == marks_.end() ? nullptr : known->disagreement(tail.fd());
  if (known != marks_.end() && changed == nullptr) {
    mark = *known;
  } else if (known == marks_.end() && !followed.begun_once) {
    const Begun as_copy = compare(followed, *info, visit, mark);
    if (as_copy != Begun::yes) return as_copy;
  }
  const Heading* heading = tail.heading();
  if (heading == nullptr && mark) heading = find_heading(mark->heading);
  if (heading == nullptr && changed != nullptr && !known->may_be_stranger(*info, tail.name()))
    heading = find_heading(known->heading);
  if (!tail.read_header(heading)) return Begun::nothing_there;
  if (changed != nullptr)
    host_.warning(tail.name() + ": " + changed + ", so it is read from its beginning");
  if (known != marks_.end()) {
    const AppendMark old = *known;
    marks_.erase(known);
    if (changed != nullptr) remember(old.as_past(), heading);
  }
  tail.begin(mark, !mark && first_start_ && config_.from_end);
  followed.head = head_of(tail.fd());
  followed.begun_once = true;
  return Begun::yes;
}

std::vector<AppendMark>::iterator AppendMode::mark_of(const Signature& info) {
  return std::find_if(marks_.begin(), marks_.end(),
                      [&](const AppendMark& mark) { return mark.is_of(info); });
}

const Heading* AppendMode::find_heading(uint64_t hash) const {
  if (hash == 0) return nullptr;
  for (const Followed& one : all_) {
    if (one.tail.has_header() && one.tail.mark().heading == hash) return one.tail.heading();
  }
  const auto heading = headings_.find(hash);
  return heading == headings_.end() ? nullptr : &heading->second;
}

// Finds out whether a new file is a copy of a known one. yes: it can be read; if it is a copy,
// `mark` is the position that the known file had reached. copy: it has nothing that was not read. A
// file is not compared with the one that had its name before, because files in a row often begin
// alike.
AppendMode::Begun AppendMode::compare(Followed& followed, const Signature& info, Visit visit,
                                      std::optional<AppendMark>& mark) {
  const Tail& tail = followed.tail;
  const std::string head = head_of(tail.fd());
  Likeness best = Likeness::none;
  const auto hold_against = [&](const AppendMark& other, int fd) {
    const Likeness found = likeness(tail.fd(), info.size_bytes, head, other, fd);
    if (found == Likeness::none || best == Likeness::copy) return;
    if (best == Likeness::none || found != Likeness::maybe) best = found;
    if (found == Likeness::copy) mark = other;
  };
  for (Followed& other : all_) {
    if (&other == &followed || &other.tail == followed.before || !may_be_like(other, head))
      continue;
    try {
      follow(other);  // it may have been cut off just now
    } catch (const FileRefused&) {
      continue;  // the operator is told when `other` is taken
    }
    if (other.tail.has_header()) hold_against(other.tail.mark(), other.tail.fd());
  }
  for (const AppendMark& other : marks_) hold_against(other, -1);
  if (best == Likeness::none) return Begun::yes;
  if (best == Likeness::maybe) {
    if (!followed.maybe_since_ms) followed.maybe_since_ms = now_ms_;
    // Also count the time since the question came up: a file that always grows is never quiet.
    const int64_t waited_ms = std::max(visit.quiet_ms, now_ms_ - *followed.maybe_since_ms);
    const bool decided = waited_ms >= std::max<int64_t>(config_.settle_ms, 1);
    return decided ? Begun::yes : Begun::undecided;
  }
  if (!std::exchange(followed.copy_told, true))
    host_.info(tail.name() + " is a copy of a file that was read: its rows do not come again");
  return best == Likeness::copy ? Begun::yes : Begun::copy;
}

// A cheap test, so that likeness is only called for few files.
bool AppendMode::may_be_like(const Followed& other, std::string_view head) {
  const size_t common = std::min(head.size(), other.head.size());
  return common > 0 && other.tail.has_header() &&
         head.substr(0, common) == std::string_view(other.head).substr(0, common);
}

// Publishes all rows that are there.
void AppendMode::follow(Followed& followed) {
  Tail& tail = followed.tail;
  if (!tail.has_header()) return;
  if (const char* why = tail.mark().disagreement(tail.fd())) {
    host_.warning(tail.name() + ": " + why + ", so it is read from its beginning");
    remember(tail.mark().as_past(), tail.heading());
    tail.forget_place();
    if (!tail.read_header(tail.heading())) return;
    tail.begin(std::nullopt, false);
    followed.head = head_of(tail.fd());
  }
  tail.follow([this] { return token(); }, now_ms_);
}

// --- what is remembered ---

void AppendMode::remember(const AppendMark& mark, const Heading* heading) {
  if (heading != nullptr && mark.heading != 0) headings_.emplace(mark.heading, *heading);
  marks_.insert(marks_.begin(), mark);
  if (marks_.size() <= marks_kept_max) return;
  const uint64_t forgotten = marks_.back().heading;
  marks_.pop_back();
  const bool used = std::any_of(marks_.begin(), marks_.end(),
                                [&](const AppendMark& one) { return one.heading == forgotten; });
  if (!used) headings_.erase(forgotten);
}

std::string AppendMode::token() const {
  AppendToken token{{}, headings_};
  for (const Followed& one : all_) {
    if (!one.tail.has_header()) continue;
    token.marks.push_back(one.tail.mark());
    if (const Heading* heading = one.tail.heading(); heading != nullptr)
      token.headings.emplace(one.tail.mark().heading, *heading);
  }
  token.marks.insert(token.marks.end(), marks_.begin(), marks_.end());
  return write_token(token);
}

// Rows of a deleted file stay published.
Outcome AppendMode::remove(const std::vector<const TrackedFile*>& gone, bool) {
  for (const TrackedFile* file : gone) {
    leave(file->id);
    bound_lost();
    packed_.erase(file->id);
  }
  return {};
}

std::string AppendMode::summary() const {
  uint64_t rows = rows_;
  size_t lost = 0;
  for (const Followed& one : all_) {
    rows += one.tail.rows();
    lost += one.names == 0 ? 1 : 0;
  }
  const size_t files = places_.size();
  std::string text = std::to_string(rows) + " rows read from " + std::to_string(files) +
                     (files == 1 ? " file" : " files");
  if (lost > 0)
    text += ", and " + std::to_string(lost) + " that went away and may still be written to";
  if (!packed_.empty())
    text += "; " + std::to_string(packed_.size()) + " packed with gzip are passed over";
  return text;
}

}  // namespace

std::unique_ptr<FileMode> make_append_mode(const Config& config, plugin::Host& host,
                                           std::string_view resume_token) {
  return std::make_unique<AppendMode>(config, host, resume_token);
}

}  // namespace btb::csv
