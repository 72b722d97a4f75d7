// CsvSource: rows of CSV files as messages. It waits for files to change, lets a FileMode take
// them, and shows its state to the operator. README.md lists its promises.
//
// The host makes it and calls run on the source's thread; only run works with it. [source]
// csv_source.cc has the loop; csv_source_state.cc has the state and its text.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/examine.h"
#include "plugins/csv/mode.h"
#include "plugins/csv/options.h"
#include "plugins/csv/selection.h"
#include "plugins/csv/tracker.h"
#include "plugins/csv/watcher.h"
#include "sdk/plugin/source.h"

namespace btb::csv {

class CsvSource final : public plugin::Source {
 public:
  static std::vector<plugin::Option> options() { return declare_options(); }
  static void validate(const plugin::Settings& settings, const plugin::Report& report) {
    csv::validate(settings, report);
  }

  static void examine(const plugin::Settings& settings, const plugin::Report& report) {
    csv::examine(settings, report);
  }

  // The topics that the source will make, and their kind. Modes snapshot and delta make tables,
  // mode append without keys makes events. Empty for mode append with keys: its topics may be of
  // either kind. REQUIRES: the settings passed validate.
  static std::vector<plugin::DeclaredTopics> topics(const plugin::Settings& settings);

  // REQUIRES: the settings passed validate. Throws plugin::OptionFailure otherwise.
  explicit CsvSource(const plugin::Settings& settings);
  // Returns only by an exception: plugin::Stopped when the host ends the source. `resume_token` is
  // the last one that an earlier run published; empty at the first start.
  void run(plugin::Host& host, std::string_view resume_token) override;

 private:
  // What the operator has to know about one file.
  struct Trouble {
    Outcome::Kind kind = Outcome::Kind::taken;
    std::string text;
    std::optional<Signature> of;  // the version with this trouble; none: the file is gone
    int64_t gone_ns = 0;          // when the file was first missed, with some slack; since 1970
    bool is_short = false;        // as in Outcome
    bool held = false;            // as in Outcome
  };

  [[nodiscard]] Watcher::Descends descends() const;
  void look(plugin::Host& host);
  void look_at_directory(plugin::Host& host);
  void meet_others(const std::vector<std::string>& names, const std::vector<std::string>& files);
  void note_renames();
  void note_passed_over(plugin::Host& host, const Selection::Chosen& chosen);
  void note_look();
  [[nodiscard]] bool looked_twice() const;
  bool look_at_file(const std::string& name);
  void handle_event(const DirectoryEvent& event);

  [[nodiscard]] bool is_all_taken() const;
  void take_due_files(plugin::Host& host);
  [[nodiscard]] bool holds_up_later(const TrackedFile& file) const;
  bool take_file(plugin::Host& host, TrackedFile& file);
  // A file that may be put away.
  struct Done {
    bool refused = false;
    std::string text;  // why it was refused; else empty
  };
  [[nodiscard]] bool puts_away() const;
  void note_done(const TrackedFile& file, const Outcome& outcome);
  void put_files_away(plugin::Host& host);
  bool put_file_away(plugin::Host& host, TrackedFile& file, const Done& done);
  void forget_spent_files();
  void forget(const TrackedFile& file);
  void remove_gone_files();
  void remove_files(const std::vector<TrackedFile*>& gone, bool confirmed);
  [[nodiscard]] bool is_confirmed(const TrackedFile& file) const;
  [[nodiscard]] bool is_released(const TrackedFile& file) const;
  void retry_later();

  [[nodiscard]] int64_t next_due_ms() const;
  void wait(plugin::Host& host);
  void tell_complete(plugin::Host& host);
  [[nodiscard]] FileMode::Coverage coverage() const;
  [[nodiscard]] bool is_meant(const TrackedFile& file) const;
  void show_state(plugin::Host& host);
  [[nodiscard]] std::string missing_text() const;
  [[nodiscard]] std::string waiting_text() const;
  [[nodiscard]] std::string passed_over_text() const;
  [[nodiscard]] std::string refused_away_text() const;
  [[nodiscard]] std::string trouble_text() const;
  [[nodiscard]] std::string advice(const std::string& name) const;

  Config config_;
  Selection selection_;
  Watcher watcher_;
  FileTracker tracker_;
  std::unique_ptr<FileMode> mode_;
  std::map<std::string, Trouble> troubles_;  // by name of the file
  std::map<std::string, Done> done_;         // by name of the file
  int64_t next_put_away_ms_ = 0;
  std::string put_away_trouble_, put_away_told_;
  uint64_t refused_away_ = 0;  // files that this run moved to error_dir
  std::string last_refused_;
  std::string directory_trouble_;
  Selection::Chosen passed_over_;  // as of the last look; `files` is empty
  size_t passed_over_told_ = 0;
  bool something_hidden_ = false;  // a name that fits leads nowhere, as a link to an unmounted disk
  bool look_again_ = true;
  bool inotify_complained_ = false;
  bool live_ = false;
  bool taken_once_ = false;  // this run or an earlier one has taken a file
  bool away_ = false;        // the last file that was taken was put away: it is not missing
  FileMode::Coverage told_ = FileMode::Coverage::no;
  int64_t started_ns_ = 0;  // when this run began, by wall_ns
  int64_t next_look_ms_ = 0;
  int64_t last_look_ms_ = 0;
  std::optional<int64_t> first_look_ms_;
  btb_source_state shown_state_ = BTB_STATE_STARTING;
  std::string shown_text_;
};

}  // namespace btb::csv
