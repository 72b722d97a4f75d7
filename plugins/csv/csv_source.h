// CsvSource: rows of CSV files as messages. Waits for files to change, lets a FileMode take them,
// and tells the operator how it stands. Everything on its own thread; README.md says what it
// promises.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/mode.h"
#include "plugins/csv/options.h"
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

  explicit CsvSource(const plugin::Settings& settings);
  void run(plugin::Host& host, std::string_view resume_token) override;

 private:
  // How it stands with one file.
  struct Trouble {
    Outcome::Kind kind = Outcome::Kind::taken;
    std::string text;
    std::optional<Signature> of;  // the version it is about
    int64_t gone_ns = 0;          // when a file that is gone was missed
  };

  void look(plugin::Host& host);
  void look_at_directory(plugin::Host& host);
  void look_at_file(const std::string& name);
  [[nodiscard]] bool is_ours(const std::string& name, const std::vector<std::string>& names) const;
  [[nodiscard]] std::string marker_of(const std::string& name) const;
  void handle_event(const DirectoryEvent& event);

  [[nodiscard]] int64_t due_in(const TrackedFile& file) const;
  [[nodiscard]] bool is_all_taken() const;
  void take_due_files(plugin::Host& host);
  bool take_file(plugin::Host& host, TrackedFile& file);
  void remove_gone_files();
  void remove_files(const std::vector<TrackedFile*>& gone, bool confirmed);
  [[nodiscard]] bool is_confirmed(const TrackedFile& file) const;
  [[nodiscard]] bool is_released(const TrackedFile& file) const;
  void retry_later();

  [[nodiscard]] int64_t next_due_ms() const;
  void wait(plugin::Host& host);
  void show_state(plugin::Host& host);
  [[nodiscard]] std::string trouble_text() const;
  [[nodiscard]] std::string advice(const std::string& name) const;

  Config config_;
  Watcher watcher_;
  FileTracker tracker_;
  std::unique_ptr<FileMode> mode_;
  std::map<std::string, Trouble> troubles_;  // by name of the file
  std::string directory_trouble_;
  bool look_again_ = true;
  bool inotify_complained_ = false;
  bool live_ = false;
  int64_t next_look_ms_ = 0;
  btb_source_state shown_state_ = BTB_STATE_STARTING;
  std::string shown_text_;
};

}  // namespace btb::csv
