#include "broker/app/event_log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "sdk/wire/topic_name.h"

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
  // The braces are closed around the time and the level by the pattern: see configure.
  const std::string whole = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return whole.substr(1);
}

std::string text_line(std::string_view event, std::string_view text,
                      const EventLog::Fields& fields) {
  std::string line(event);
  for (const auto& [name, value] : fields) {
    if (!value.empty()) line.append(" ").append(name).append("=").append(printable(value));
  }
  if (!text.empty()) line.append(": ").append(printable(text));
  return line;
}

}  // namespace

EventLog::EventLog(const std::string& level, const std::string& format)
    : logger_(std::make_shared<spdlog::logger>("btbroker",
                                               std::make_shared<spdlog::sinks::stderr_sink_st>())) {
  configure(level, format);
}

EventLog::~EventLog() = default;

void EventLog::configure(const std::string& level, const std::string& format) {
  json_ = format == "json";
  logger_->set_level(level == "warning" ? spdlog::level::warn : spdlog::level::from_str(level));
  logger_->set_pattern(json_ ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v)"
                             : "%Y-%m-%d %H:%M:%S.%e %l %v");
  logger_->flush_on(spdlog::level::debug);
}

void EventLog::write(Level level, std::string_view event, std::string_view text,
                     const Fields& fields) {
  if (!logger_->should_log(level_of(level))) return;
  logger_->log(level_of(level), "{}",
               json_ ? json_line(event, text, fields) : text_line(event, text, fields));
}

std::string printable(std::string_view text) {
  std::string out(text);
  const bool utf8 = wire::is_utf8(text);
  const auto at = [&](size_t k) { return k < out.size() ? static_cast<unsigned char>(out[k]) : 0; };
  for (size_t i = 0; i < out.size(); ++i) {
    if (at(i) < 0x20 || at(i) == 0x7F || (!utf8 && at(i) >= 0x80)) out[i] = '?';
    if (!utf8) continue;
    // C1: U+0080..U+009F. Direction of text: U+200E, U+200F, U+202A..U+202E, U+2066..U+2069.
    const bool c1 = at(i) == 0xC2 && at(i + 1) < 0xA0;
    const bool mark =
        at(i) == 0xE2 && at(i + 1) == 0x80 &&
        (at(i + 2) == 0x8E || at(i + 2) == 0x8F || (at(i + 2) >= 0xAA && at(i + 2) <= 0xAE));
    const bool isolate =
        at(i) == 0xE2 && at(i + 1) == 0x81 && at(i + 2) >= 0xA6 && at(i + 2) <= 0xA9;
    if (c1) out.replace(i, 2, "?");
    if (mark || isolate) out.replace(i, 3, "?");
  }
  return out;
}

}  // namespace btb
