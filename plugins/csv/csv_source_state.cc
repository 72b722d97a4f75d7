// CsvSource: the state that an operator sees, and the text beside it. One function makes each part
// of the text.
#include <algorithm>
#include <string>

#include "plugins/csv/clock.h"
#include "plugins/csv/csv_source.h"

namespace btb::csv {

void CsvSource::show_state(plugin::Host& host) {
  btb_source_state state = live_ ? BTB_STATE_LIVE : BTB_STATE_SNAPSHOT;
  for (const auto& [name, trouble] : troubles_) {
    const bool guard = trouble.kind == Outcome::Kind::guarded;
    const bool well = trouble.kind == Outcome::Kind::taken && !trouble.is_short && !trouble.held;
    if (!well && state != BTB_STATE_GUARD) {
      state = guard ? BTB_STATE_GUARD : BTB_STATE_DEGRADED;
    }
  }
  const bool missing = tracker_.files().empty() && !(config_.many_files && taken_once_) && !away_;
  if (state != BTB_STATE_GUARD && (missing || !directory_trouble_.empty()))
    state = BTB_STATE_DEGRADED;
  if (state != BTB_STATE_GUARD && !put_away_trouble_.empty()) state = BTB_STATE_DEGRADED;
  if (state == BTB_STATE_LIVE && !taken_once_) state = BTB_STATE_DEGRADED;
  std::string text = directory_trouble_;
  if (text.empty() && missing) text = missing_text();
  if (text.empty()) text = trouble_text();
  if (text.empty()) text = put_away_trouble_;
  if (text.empty()) text = waiting_text();
  if (text.empty()) text = mode_->summary() + refused_away_text() + passed_over_text();
  if (state == shown_state_ && text == shown_text_) return;
  host.set_state(state, text);
  shown_state_ = state;
  shown_text_ = text;
}

std::string CsvSource::missing_text() const {
  const std::string pattern = (config_.recursive ? "**/" : "") + config_.pattern;
  const std::string path = absolute_path(watcher_.path_of(pattern));
  return (config_.many_files ? "no file fits " : "there is no file ") + path + passed_over_text();
}

// "; 2 files were moved to error_dir, the last: a.csv: why"
std::string CsvSource::refused_away_text() const {
  if (refused_away_ == 0) return "";
  const std::string files = refused_away_ == 1 ? " file was" : " files were";
  return "; " + std::to_string(refused_away_) + files +
         " moved to error_dir, the last: " + last_refused_;
}

// "; passed over: a.csv~ and 2 more (leftovers of a program)"
std::string CsvSource::passed_over_text() const {
  const auto& [files, scratch, other_case] = passed_over_;
  const auto listed = [](const std::vector<std::string>& names, const std::string& what) {
    if (names.empty()) return std::string();
    const std::string others =
        names.size() == 1 ? "" : " and " + std::to_string(names.size() - 1) + " more";
    return "; passed over: " + names.front() + others + what;
  };
  return listed(scratch, " (leftovers of a program)") +
         listed(other_case, " (capital and small letters differ)");
}

// About a file that is there and not taken. Once a file was taken, only a missing marker is told:
// files that settle are taken without help.
std::string CsvSource::waiting_text() const {
  for (const auto& [name, file] : tracker_.files()) {
    if (!file.seen || tracker_.due_in(file, now_ms()) == FileTracker::never) continue;
    if (!is_released(file)) {
      const std::string text = name + " waits for " + selection_.marker_of(name);
      return taken_once_ ? mode_->summary() + "; " + text : text;
    }
    if (taken_once_) continue;
    return "waiting for " + name + (file.cut_off ? ": its last line has no end" : " to settle");
  }
  return "";
}

// The worst trouble first, and how many others there are.
std::string CsvSource::trouble_text() const {
  const auto weight = [](Outcome::Kind kind) {
    switch (kind) {
      case Outcome::Kind::guarded:
        return 3;
      case Outcome::Kind::refused:
      case Outcome::Kind::unreadable:
        return 2;
      case Outcome::Kind::undecided:
      case Outcome::Kind::again:
      case Outcome::Kind::cut_off:
      case Outcome::Kind::taken:
        return 1;
    }
    return 0;
  };
  const auto worst = std::max_element(
      troubles_.begin(), troubles_.end(),
      [&](const auto& a, const auto& b) { return weight(a.second.kind) < weight(b.second.kind); });
  if (worst == troubles_.end()) return "";
  std::string text = worst->first + ": " + worst->second.text + advice(worst->first);
  if (troubles_.size() > 1)
    text += " (and " + std::to_string(troubles_.size() - 1) + " other files)";
  if (worst->second.kind == Outcome::Kind::taken) text = mode_->summary() + "; " + text;
  return text;
}

// What an operator can do about it.
std::string CsvSource::advice(const std::string& name) const {
  const auto trouble = troubles_.find(name);
  if (trouble == troubles_.end()) return "";
  switch (trouble->second.kind) {
    case Outcome::Kind::guarded:
      return "; nothing was deleted. Put a whole file there, or, if it is meant, run: touch " +
             watcher_.path_of(confirmation_of(name)) + " (or change max_delete_ratio, allow_empty)";
    case Outcome::Kind::refused:
      return "; what was published of it before is kept";
    case Outcome::Kind::taken:
      if (!trouble->second.held) break;
      return ". If they are gone, run: touch " + watcher_.path_of(confirmation_of(name));
    case Outcome::Kind::unreadable:
    case Outcome::Kind::undecided:
    case Outcome::Kind::again:
    case Outcome::Kind::cut_off:
      break;
  }
  return "";
}

}  // namespace btb::csv
