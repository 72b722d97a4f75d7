// The loop of the CSV source. Its parts: seeing which files there are, taking those that are due,
// putting files away, waiting, telling when everything is published. The state for the operator is
// in csv_source_state.cc.
#include "plugins/csv/csv_source.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "plugins/csv/clock.h"
#include "plugins/csv/put_away.h"

namespace btb::csv {

namespace {

constexpr int64_t missing_directory_look_ms = 1'000;
// How long to wait before a file is read again that was being written to.
constexpr int64_t torn_delay_ms = 100;
// An operator may run rm and touch so quickly that the touch comes before the rm is noticed.
constexpr int64_t confirm_slack_ns = 1'000'000'000;
constexpr size_t passed_over_told_max = 20;  // lines in the journal, in one run

// When a deleted file was first missed, by wall_ns.
int64_t missed_at_ns(const TrackedFile& file) {
  return wall_ns() - (now_ms() - file.seen_since_ms) * 1'000'000;
}

}  // namespace

std::vector<plugin::DeclaredTopics> CsvSource::topics(const plugin::Settings& settings) {
  const Config config = read_config(settings);
  const bool table = config.mode != Mode::append;
  if (!table && !config.key.empty()) return {};
  return {{config.topic.filter(config.recursive), table ? BTB_KIND_STATE : BTB_KIND_EVENTS}};
}

CsvSource::CsvSource(const plugin::Settings& settings)
    : config_(read_config(settings)),
      selection_(config_),
      watcher_(config_.directory, config_.use_inotify, descends()),
      tracker_(config_.settle_ms, config_.mode == Mode::append || !config_.done_marker.empty(),
               !puts_away()) {}

// Empty if only the directory itself is looked at.
Watcher::Descends CsvSource::descends() const {
  if (!config_.recursive) return {};
  return [this](const std::string& directory) { return selection_.descends_into(directory); };
}

void CsvSource::run(plugin::Host& host, std::string_view resume_token) {
  switch (config_.mode) {
    case Mode::snapshot:
      mode_ = make_snapshot_mode(config_, host);
      break;
    case Mode::delta:
      mode_ = make_delta_mode(config_, host, resume_token);
      break;
    case Mode::append:
      mode_ = make_append_mode(config_, host, resume_token);
      break;
  }
  taken_once_ = !resume_token.empty();
  away_ = taken_once_ && config_.after != After::keep;
  started_ns_ = wall_ns();
  host.set_state(BTB_STATE_SNAPSHOT, "reading what is there");
  shown_state_ = BTB_STATE_SNAPSHOT;
  for (;;) {
    while (host.paused()) host.wait(-1);
    look(host);
    mode_->tick(now_ms());
    take_due_files(host);
    put_files_away(host);
    remove_gone_files();
    if (!live_ && is_all_taken()) {
      live_ = true;
      mode_->all_seen_once();
    }
    tell_complete(host);
    show_state(host);
    wait(host);
  }
}

// --- seeing ---

void CsvSource::look(plugin::Host& host) {
  const Watcher::Events taken = watcher_.take_events();
  // Events of other names count, too: the name may be a marker, or the target of a link.
  const bool moved = std::any_of(
      taken.events.begin(), taken.events.end(),
      [](const DirectoryEvent& event) { return event.kind != DirectoryEvent::Kind::modified; });
  look_again_ = look_again_ || taken.look_again || moved;
  if (look_again_ || now_ms() >= next_look_ms_) look_at_directory(host);
  for (const DirectoryEvent& event : taken.events) handle_event(event);
}

void CsvSource::look_at_directory(plugin::Host& host) {
  const auto listing = watcher_.look();
  const int fault = errno;
  if (!watcher_.complaint().empty() && !inotify_complained_) {
    inotify_complained_ = true;
    host.warning("inotify does not work (" + watcher_.complaint() +
                 "): changes are seen when the directory is looked at, every " +
                 std::to_string(config_.rescan_ms) + " ms");
  }
  const bool again = std::exchange(look_again_, false);
  const std::string unreadable =
      listing ? listing->unreadable
              : absolute_path(config_.directory) + " cannot be read: " + system_text(fault);
  directory_trouble_ =
      unreadable.empty() ? "" : "the directory " + unreadable + "; what is published is kept";
  next_look_ms_ = now_ms() + (listing ? config_.rescan_ms
                                      : std::min(config_.rescan_ms, missing_directory_look_ms));
  if (!listing) return;
  forget_spent_files();
  const bool first = !first_look_ms_;
  note_look();
  if (!again) retry_later();
  something_hidden_ = false;
  Selection::Chosen chosen = selection_.choose(listing->names);
  if (first && config_.mode == Mode::append) meet_others(listing->names, chosen.files);
  for (const std::string& name : std::exchange(chosen.files, {})) {
    if (!look_at_file(name) && leads_nowhere(watcher_.path_of(name))) something_hidden_ = true;
  }
  const auto& names = listing->names;
  for (auto& [name, file] : tracker_.files()) {
    if (!std::binary_search(names.begin(), names.end(), name)) look_at_file(name);
  }
  note_renames();
  note_passed_over(host, chosen);
}

// Forgets files that were put away, and whose rows now belong to other files.
void CsvSource::forget_spent_files() {
  auto& files = tracker_.files();
  for (auto at = files.begin(); at != files.end();) {
    const TrackedFile& file = (at++)->second;
    if (file.away && !file.seen && mode_->is_spent(file)) forget(file);
  }
}

void CsvSource::forget(const TrackedFile& file) {
  (void)mode_->remove({&file}, true);
  tracker_.forget(std::string(file.name));
}

// `names` and `files` are sorted.
void CsvSource::meet_others(const std::vector<std::string>& names,
                            const std::vector<std::string>& files) {
  for (const std::string& name : names) {
    if (!std::binary_search(files.begin(), files.end(), name))
      mode_->meet_other(name, watcher_.path_of(name));
  }
}

// Finds new files that are certainly deleted ones under another name. is_same_file is not enough: a
// new file may have got the inode number of a file that was just deleted.
void CsvSource::note_renames() {
  auto& files = tracker_.files();
  for (auto from = files.begin(); from != files.end();) {
    const TrackedFile& gone = (from++)->second;
    if (gone.seen || gone.away || !gone.taken) continue;
    const auto to = std::find_if(files.begin(), files.end(), [&](const auto& entry) {
      const TrackedFile& file = entry.second;
      return file.seen && !file.taken && file.seen->is_surely_same_file(*gone.taken);
    });
    if (to == files.end()) continue;
    const std::string name = gone.name;
    if (!mode_->renamed(gone, to->second, watcher_.path_of(to->first))) continue;
    troubles_.erase(name);
    tracker_.forget(name);
  }
}

// Tells the journal the first few names, each once. passed_over_text shows them in the state.
void CsvSource::note_passed_over(plugin::Host& host, const Selection::Chosen& chosen) {
  const auto tell = [&](const std::vector<std::string>& now, const std::vector<std::string>& before,
                        const char* why) {
    for (const std::string& name : now) {
      if (std::binary_search(before.begin(), before.end(), name)) continue;
      if (passed_over_told_++ < passed_over_told_max) host.info(name + " is passed over: " + why);
    }
  };
  tell(chosen.scratch, passed_over_.scratch,
       "it looks like what an editor, an office or a download leaves; to read such files name them "
       "in `include`");
  tell(chosen.other_case, passed_over_.other_case, Selection::other_case_text);
  passed_over_ = chosen;
}

// The first look may come when a file is deleted and not yet written again, so there is a second
// look after `settle`.
void CsvSource::note_look() {
  last_look_ms_ = now_ms();
  if (!first_look_ms_) first_look_ms_ = last_look_ms_;
  if (!looked_twice()) next_look_ms_ = std::min(next_look_ms_, *first_look_ms_ + config_.settle_ms);
}

bool CsvSource::looked_twice() const {
  return first_look_ms_ && last_look_ms_ - *first_look_ms_ >= config_.settle_ms;
}

// True if there is a regular file of that name.
bool CsvSource::look_at_file(const std::string& name) {
  const auto found = look_at(watcher_.path_of(name));
  const int64_t age_ms = found ? (wall_ns() - found->changed_ns) / 1'000'000 : 0;
  if (!tracker_.observe(name, found, now_ms(), age_ms))
    directory_trouble_ = "there are more than 60000 files";
  return found.has_value();
}

void CsvSource::handle_event(const DirectoryEvent& event) {
  using Kind = DirectoryEvent::Kind;
  if (event.kind == Kind::other || !tracker_.files().contains(event.name)) return;
  if (event.kind == Kind::modified) look_at_file(event.name);
  const auto note = event.kind == Kind::arrived    ? FileTracker::Event::arrived
                    : event.kind == Kind::modified ? FileTracker::Event::modified
                                                   : FileTracker::Event::closed;
  tracker_.note(event.name, note, now_ms());
}

// Files that were `unreadable` are tried again: the fault may lie outside the file.
void CsvSource::retry_later() {
  for (auto& [name, file] : tracker_.files()) {
    const auto trouble = troubles_.find(name);
    if (trouble != troubles_.end() && trouble->second.kind == Outcome::Kind::unreadable)
      file.taken.reset();
  }
}

// --- taking ---

bool CsvSource::is_all_taken() const {
  return std::none_of(tracker_.files().begin(), tracker_.files().end(), [&](const auto& entry) {
    const TrackedFile& file = entry.second;
    return file.seen && tracker_.due_in(file, now_ms()) != FileTracker::never && is_released(file);
  });
}

void CsvSource::take_due_files(plugin::Host& host) {
  bool more = true;
  while (more) {
    more = false;
    for (auto& [name, file] : tracker_.files()) {
      if (!file.seen) continue;
      const bool due =
          tracker_.due_in(file, now_ms()) == 0 || is_confirmed(file) || mode_->wants_again(file);
      if (due && is_released(file)) more = take_file(host, file) || more;
      if (holds_up_later(file)) break;
    }
    more = more &&
           std::any_of(tracker_.files().begin(), tracker_.files().end(), [&](const auto& entry) {
             return entry.second.seen && mode_->wants_again(entry.second);
           });
  }
}

// In mode delta files are carried out in the order of their names, so a file that has to settle
// holds up the later ones. A file without its marker does not: the marker may never come.
bool CsvSource::holds_up_later(const TrackedFile& file) const {
  return config_.mode == Mode::delta && file.seen && file.seen != file.taken && is_released(file);
}

// True if it was taken.
bool CsvSource::take_file(plugin::Host& host, TrackedFile& file) {
  const Visit visit{is_confirmed(file), tracker_.is_whole(file, now_ms()),
                    now_ms() - file.seen_since_ms, tracker_.is_early(file, now_ms())};
  Signature version = *file.seen;
  const Outcome outcome = mode_->take(file, watcher_.path_of(file.name), visit, version);
  if (visit.early && outcome.kind != Outcome::Kind::taken) {
    FileTracker::doubt(file);  // it is taken again when it has settled
    return false;
  }
  if (visit.early) FileTracker::note_early(file, now_ms());
  if (outcome.kind == Outcome::Kind::cut_off) {
    file.cut_off = true;
    return false;
  }
  if (outcome.kind == Outcome::Kind::undecided) {
    file.not_before_ms = now_ms() + torn_delay_ms;
    return false;
  }
  if (outcome.kind == Outcome::Kind::again) {
    FileTracker::postpone(file, now_ms(), torn_delay_ms);
    next_look_ms_ = std::min(next_look_ms_, now_ms() + torn_delay_ms);
    return false;
  }
  taken_once_ = true;
  file.taken = file.seen = version;
  file.arrived = file.away = false;
  note_done(file, outcome);
  const bool fine = outcome.kind == Outcome::Kind::taken;
  const auto known = troubles_.find(file.name);
  const bool told = known != troubles_.end() && known->second.kind == outcome.kind &&
                    known->second.text == outcome.text;
  troubles_.erase(file.name);
  if (!fine || !outcome.text.empty())
    troubles_[file.name] = {outcome.kind, outcome.text, version, 0, outcome.is_short, outcome.held};
  if (!outcome.text.empty() && !told) {
    host.log(fine ? BTB_LOG_WARNING : BTB_LOG_ERROR,
             file.name + ": " + outcome.text + advice(file.name));
  }
  return true;
}

// An operator confirms a change that the guard or the mode holds: FILE.confirm was made, or
// touched, after the file changed.
bool CsvSource::is_confirmed(const TrackedFile& file) const {
  const auto trouble = troubles_.find(file.name);
  if (trouble == troubles_.end()) return false;
  if (trouble->second.kind != Outcome::Kind::guarded && !trouble->second.held) return false;
  const auto confirm = look_at(watcher_.path_of(confirmation_of(file.name)));
  if (!confirm) return false;
  if (!file.seen) return confirm->changed_ns >= trouble->second.gone_ns;
  return trouble->second.of == file.seen && confirm->changed_ns >= file.seen->changed_ns;
}

// With done_marker: the marker lies beside the file and is not older.
bool CsvSource::is_released(const TrackedFile& file) const {
  if (config_.done_marker.empty()) return true;
  const auto marker = look_at(watcher_.path_of(selection_.marker_of(file.name)));
  return marker && file.seen && marker->modified_ns >= file.seen->modified_ns;
}

// --- putting away ---

// Then a close is not trusted: a writer may close its file and open it again, and must still find
// it.
bool CsvSource::puts_away() const {
  return config_.after != After::keep || !config_.error_dir.empty();
}

void CsvSource::note_done(const TrackedFile& file, const Outcome& outcome) {
  const bool finished = outcome.kind == Outcome::Kind::taken && outcome.published && !outcome.held;
  const bool refused = outcome.kind == Outcome::Kind::refused;
  const bool goes =
      (finished && config_.after != After::keep) || (refused && !config_.error_dir.empty());
  if (goes) done_[file.name] = {refused, refused ? outcome.text : ""};
  if (!goes) done_.erase(file.name);
  away_ = away_ && goes;
}

void CsvSource::put_files_away(plugin::Host& host) {
  if (done_.empty() || now_ms() < next_put_away_ms_) return;
  put_away_trouble_.clear();
  for (auto at = done_.begin(); at != done_.end();) {
    const auto entry = tracker_.files().find(at->first);
    const bool same = entry != tracker_.files().end() && entry->second.seen &&
                      entry->second.seen == entry->second.taken;
    if (!same) {
      at = done_.erase(at);  // it is gone, or will be taken again
      continue;
    }
    if (entry->second.writing) {
      ++at;
      continue;
    }
    const bool gone = put_file_away(host, entry->second, at->second);  // may forget the file
    if (!gone) next_put_away_ms_ = now_ms() + config_.rescan_ms;
    at = gone ? done_.erase(at) : std::next(at);
  }
}

// False if it has to be tried again.
bool CsvSource::put_file_away(plugin::Host& host, TrackedFile& file, const Done& done) {
  const auto go = [&](const std::string& name, const Signature& version) {
    const std::string path = watcher_.path_of(name);
    if (done.refused) return move_away(path, config_.error_dir, version);
    if (config_.after == After::erase) return delete_away(path, version);
    return move_away(path, config_.finished_dir, version);
  };
  const PutAway result = go(file.name, *file.taken);
  if (result.status == PutAway::Status::replaced) return true;
  if (result.status == PutAway::Status::failed) {
    const std::string text = file.name + " was dealt with and cannot be put away: " + result.text;
    if (put_away_told_ != text) host.log(BTB_LOG_ERROR, text);
    put_away_told_ = put_away_trouble_ = text;
    return false;
  }
  if (!config_.done_marker.empty()) {
    const std::string marker = selection_.marker_of(file.name);
    if (const auto version = look_at(watcher_.path_of(marker))) (void)go(marker, *version);
  }
  if (done.refused) {
    ++refused_away_;
    last_refused_ = file.name + ": " + done.text;
    host.log(BTB_LOG_ERROR, file.name + " is now " + result.text);
  }
  troubles_.erase(file.name);
  file.seen.reset();
  file.away = away_ = true;
  mode_->put_away(file);
  if (mode_->is_spent(file)) forget(file);
  look_again_ = true;
  return true;
}

void CsvSource::remove_gone_files() {
  if (!directory_trouble_.empty()) return;
  std::vector<TrackedFile*> gone;
  std::vector<TrackedFile*> confirmed;
  for (auto& [name, file] : tracker_.files()) {
    if (tracker_.gone_in(file, now_ms()) != 0) continue;
    (is_confirmed(file) ? confirmed : gone).push_back(&file);
  }
  if (!confirmed.empty()) remove_files(confirmed, true);
  if (!gone.empty()) remove_files(gone, false);
}

void CsvSource::remove_files(const std::vector<TrackedFile*>& gone, bool confirmed) {
  const Outcome outcome = mode_->remove({gone.begin(), gone.end()}, confirmed);
  for (TrackedFile* file : gone) {
    if (outcome.kind == Outcome::Kind::taken) {
      troubles_.erase(file->name);
      tracker_.forget(std::string(file->name));
      continue;
    }
    troubles_[file->name] = {outcome.kind, outcome.text, std::nullopt,
                             missed_at_ns(*file) - confirm_slack_ns};
    file->taken.reset();
  }
}

// --- waiting ---

// Milliseconds until there is work even if no event comes.
int64_t CsvSource::next_due_ms() const {
  int64_t next = std::max<int64_t>(0, next_look_ms_ - now_ms());
  if (look_again_) next = 0;
  if (!put_away_trouble_.empty())
    next = std::min(next, std::max<int64_t>(0, next_put_away_ms_ - now_ms()));
  if (const auto due = mode_->due_in()) next = std::min(next, *due);
  bool held_up = false;  // the files from here on wait for one before them
  for (const auto& [name, file] : tracker_.files()) {
    if (held_up && file.seen) continue;
    held_up = held_up || holds_up_later(file);
    const int64_t due =
        file.seen ? tracker_.due_in(file, now_ms()) : tracker_.gone_in(file, now_ms());
    if (file.seen && is_released(file) && mode_->wants_again(file))
      next = std::min(next, std::max<int64_t>(0, file.not_before_ms - now_ms()));
    const bool waiting = file.seen ? due != FileTracker::never : due > 0;
    if (waiting && (!file.seen || is_released(file))) next = std::min(next, due);
  }
  return next;
}

void CsvSource::wait(plugin::Host& host) {
  pollfd descriptors[2] = {{host.wake_fd(), POLLIN, 0}, {watcher_.fd(), POLLIN, 0}};
  const int64_t timeout = std::min<int64_t>(next_due_ms(), 3'600'000);
  (void)poll(descriptors, watcher_.fd() >= 0 ? 2 : 1, static_cast<int>(timeout));
}

// --- telling ---

// Tells "unsure" and "complete" at most once in a run each, and never "unsure" after "complete".
void CsvSource::tell_complete(plugin::Host& host) {
  using Coverage = FileMode::Coverage;
  const Coverage now = coverage();
  if (now <= told_) return;
  told_ = now;
  plugin::Batch batch;
  host.publish(now == Coverage::all ? batch.complete() : batch.unsure());
}

// `all` if all rows of all files were published, and it is certain which files there are. A file
// that an operator confirmed counts as `all`.
FileMode::Coverage CsvSource::coverage() const {
  using Coverage = FileMode::Coverage;
  const auto& files = tracker_.files();
  if (!looked_twice() || files.empty() || something_hidden_ || !directory_trouble_.empty())
    return Coverage::no;
  Coverage least = Coverage::all;
  for (const auto& [name, file] : files) {
    const Coverage of = mode_->coverage_of(file);
    const bool meant = of == Coverage::doubtful && is_meant(file);
    least = std::min(least, meant ? Coverage::all : of);
    if (least == Coverage::no) break;
  }
  return least;
}

// True if FILE.confirm was made, or touched, after the file changed and in this run.
bool CsvSource::is_meant(const TrackedFile& file) const {
  if (told_ != FileMode::Coverage::doubtful || !file.seen) return false;
  const auto confirm = look_at(watcher_.path_of(confirmation_of(file.name)));
  return confirm && confirm->changed_ns >= std::max(file.seen->changed_ns, started_ns_);
}

}  // namespace btb::csv
