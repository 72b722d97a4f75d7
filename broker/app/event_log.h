// EventLog: the broker's journal. It writes one line for each event to standard error: text for
// people, or JSON for programs. Text from outside is made safe first: see log_text.h.
//
// Writing never waits: see LineWriter. If standard error is not read, lines are lost, and a line
// `log_lost` says how many. Resource; [loop] thread.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/app/line_writer.h"

namespace btb {

class EventLog {
 public:
  enum class Level : unsigned char { debug, info, warning, error };
  using Fields = std::vector<std::pair<std::string_view, std::string>>;

  // `level` and `format`: see BrokerConfig. `fd` is duplicated, so the caller may close it.
  EventLog(const std::string& level, const std::string& format, int fd = STDERR_FILENO,
           const LineWriterLimits& limits = {});
  // Waits a moment until all lines are written: see ~LineWriter.
  ~EventLog() = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // For a reload. Lines that wait keep their format.
  void configure(const std::string& level, const std::string& format);

  // Writes one line, unless `level` is below the configured one. `event` is a fixed word that a
  // program can look for ("session_ended"). `text` is for people, and comes last on the line. Names
  // and texts of others belong into `fields`. As text, a field with an empty value is left out.
  void write(Level level, std::string_view event, std::string_view text, const Fields& fields = {});

  // The number of lines that were lost, because standard error was not read or failed.
  [[nodiscard]] uint64_t lost() const { return writer_.lost(); }

 private:
  Level level_ = Level::info;
  std::shared_ptr<std::atomic<bool>> json_;  // shared with the writer's thread, for `log_lost`
  LineWriter writer_;
};

}  // namespace btb
