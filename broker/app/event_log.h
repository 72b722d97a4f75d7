// EventLog: what the broker tells its operator, one line an event, on standard error: as text for
// people, or as JSON for programs. Whatever comes from outside is freed of control characters
// first. Resource; [loop] thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spdlog {
class logger;
}

namespace btb {

class EventLog {
 public:
  enum class Level : unsigned char { debug, info, warning, error };
  using Fields = std::vector<std::pair<std::string_view, std::string>>;

  // `level` and `format` as in BrokerConfig.
  EventLog(const std::string& level, const std::string& format);
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  void configure(const std::string& level, const std::string& format);

  // `event` is a fixed word that a program can look for ("session_ended"); `text` says it in words.
  void write(Level level, std::string_view event, std::string_view text, const Fields& fields = {});

 private:
  std::shared_ptr<spdlog::logger> logger_;
  bool json_ = false;
};

// `text` with control characters (those of C1 and of the direction of text included) and bytes that
// are no UTF-8 replaced by "?": safe for a terminal and for one line.
std::string printable(std::string_view text);

}  // namespace btb
