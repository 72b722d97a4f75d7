// A line as JSON and as text; the line about lost lines; writing.
#include "broker/app/event_log.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>

#include <nlohmann/json.hpp>

#include "broker/app/log_text.h"

namespace btb {

namespace {

spdlog::level::level_enum level_of(EventLog::Level level) {
  switch (level) {
    case EventLog::Level::debug:
      return spdlog::level::debug;
    case EventLog::Level::info:
      return spdlog::level::info;
    case EventLog::Level::warning:
      return spdlog::level::warn;
    case EventLog::Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string json_line(std::string_view event, std::string_view text,
                      const EventLog::Fields& fields) {
  nlohmann::ordered_json line = {{"event", event}, {"text", text}};
  for (const auto& [name, value] : fields) line[std::string(name)] = value;
  // Without its first brace: `formatted` writes the brace, the time and the level before it.
  const std::string whole = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return escaped_json(std::string_view(whole).substr(1));
}

std::string text_line(std::string_view event, std::string_view text,
                      const EventLog::Fields& fields) {
  std::string line(event);
  for (const auto& [name, value] : fields) {
    if (!value.empty()) line.append(" ").append(name).append("=").append(field_value(value));
  }
  if (!text.empty()) line.append(": ").append(printable(text));
  return line;
}

// The whole line, with the time and the newline. [any]
std::string formatted(bool json, EventLog::Level level, std::string_view event,
                      std::string_view text, const EventLog::Fields& fields) {
  const std::string body = json ? json_line(event, text, fields) : text_line(event, text, fields);
  spdlog::pattern_formatter formatter(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v)"
                                           : "%Y-%m-%d %H:%M:%S.%e %l %v");
  spdlog::memory_buf_t line;
  formatter.format(spdlog::details::log_msg("btbroker", level_of(level), body), line);
  return {line.data(), line.size()};
}

std::string lost_line(bool json, uint64_t count) {
  const std::string number = std::to_string(count);
  return formatted(json, EventLog::Level::warning, "log_lost",
                   number + (count == 1 ? " log line was" : " log lines were") +
                       " lost because standard error was not read",
                   {{"lines", number}});
}

EventLog::Level level_named(const std::string& name) {
  if (name == "debug") return EventLog::Level::debug;
  if (name == "warning") return EventLog::Level::warning;
  if (name == "error") return EventLog::Level::error;
  return EventLog::Level::info;
}

}  // namespace

EventLog::EventLog(const std::string& level, const std::string& format, int fd,
                   const LineWriterLimits& limits)
    : json_(std::make_shared<std::atomic<bool>>(false)),
      writer_(
          fd, [json = json_](uint64_t count) { return lost_line(*json, count); }, limits) {
  configure(level, format);
}

void EventLog::configure(const std::string& level, const std::string& format) {
  *json_ = format == "json";
  level_ = level_named(level);
}

void EventLog::write(Level level, std::string_view event, std::string_view text,
                     const Fields& fields) {
  if (level >= level_) writer_.write(formatted(*json_, level, event, text, fields));
}

}  // namespace btb
