// EventLog: what the broker tells its operator, one line an event, on standard error: as text for
// people, or as JSON for programs. Whatever comes from outside is made safe first: see log_text.h.
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

  // `level` and `format` as in BrokerConfig. `fd` is duplicated.
  EventLog(const std::string& level, const std::string& format, int fd = STDERR_FILENO,
           const LineWriterLimits& limits = {});
  // Waits a moment until all is written: see LineWriter.
  ~EventLog() = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void configure(const std::string& level, const std::string& format);

  // `event` is a fixed word that a program can look for ("session_ended"); `text` says it in words
  // of our own, up to the end of the line. Words of others are the values of `fields`; an empty one
  // is left out.
  void write(Level level, std::string_view event, std::string_view text, const Fields& fields = {});

  // Lines that were not written, because standard error was not read or could not be written to.
  [[nodiscard]] uint64_t lost() const { return writer_.lost(); }

 private:
  Level level_ = Level::info;
  std::shared_ptr<std::atomic<bool>> json_;  // the writer's thread looks at it, too
  LineWriter writer_;
};

}  // namespace btb
