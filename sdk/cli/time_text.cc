#include "sdk/cli/time_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <optional>

namespace btb::cli {

namespace {

constexpr int64_t second_us = 1'000'000;
constexpr double wait_seconds_max = 4'000'000;  // 46 days: their milliseconds fit into 32 bits

int64_t floor_seconds(int64_t time_us) {
  return time_us >= 0 ? time_us / second_us : -((-time_us + second_us - 1) / second_us);
}

std::optional<double> parse_decimal(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
  if (text.empty() || fault != std::errc{} || at != end || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// Reads "15m" and so on into seconds. `bare_unit`: the seconds of a number without a unit.
std::optional<double> parse_duration(std::string_view text, double bare_unit) {
  double unit = bare_unit;
  const auto ends_with = [&](std::string_view suffix, double seconds) {
    if (!text.ends_with(suffix)) return false;
    text.remove_suffix(suffix.size());
    unit = seconds;
    return true;
  };
  ends_with("ms", 0.001) || ends_with("s", 1) || ends_with("m", 60) || ends_with("h", 3'600) ||
      ends_with("d", 86'400);
  const auto value = parse_decimal(text);
  if (!value || *value < 0 || unit == 0) return std::nullopt;
  return *value * unit;
}

std::optional<int64_t> parse_calendar(std::string text) {
  const bool utc = text.ends_with('Z');
  if (utc) text.pop_back();
  for (const char* format :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const char* end = strptime(text.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') {
      return static_cast<int64_t>(utc ? timegm(&parts) : mktime(&parts)) * second_us;
    }
  }
  return std::nullopt;
}

}  // namespace

void append_utc(std::string& out, int64_t time_us) {
  const int64_t seconds = floor_seconds(time_us);
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 96> buffer{};
  const int size =
      std::snprintf(buffer.data(), buffer.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                    parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                    parts.tm_min, parts.tm_sec, static_cast<int>(time_us - seconds * second_us));
  out.append(buffer.data(), static_cast<size_t>(size));
}

std::string format_local(int64_t time_us, const std::string& format) {
  const int64_t seconds = floor_seconds(time_us);
  const std::time_t time = seconds;
  std::tm parts{};
  localtime_r(&time, &parts);
  std::string with_micros = format;
  for (size_t at = 0; (at = with_micros.find("%N", at)) != std::string::npos;) {
    std::array<char, 16> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%06d",
                  static_cast<int>(time_us - seconds * second_us));
    with_micros.replace(at, 2, buffer.data());
  }
  std::array<char, 256> buffer{};
  return {buffer.data(), strftime(buffer.data(), buffer.size(), with_micros.c_str(), &parts)};
}

Result<int64_t> parse_time_us(std::string_view text, int64_t now_us) {
  if (text.starts_with('-')) {
    const auto ago = parse_duration(text.substr(1), 0);
    if (ago) return now_us - static_cast<int64_t>(*ago * second_us);
  } else if (const auto seconds = parse_decimal(text); seconds && *seconds < 9e12) {
    return static_cast<int64_t>(*seconds * second_us);
  } else if (const auto calendar = parse_calendar(std::string(text))) {
    return *calendar;
  }
  return Error{Errc::invalid,
               "\"" + std::string(text) +
                   "\" is not a time: expected 2026-11-22T15:31, seconds since 1970, or -15m"};
}

Result<uint32_t> parse_wait_ms(std::string_view text) {
  const auto seconds = parse_duration(text, 1);
  if (!seconds || *seconds > wait_seconds_max) {
    return Error{Errc::invalid, "\"" + std::string(text) +
                                    "\" is not a time: expected seconds, or 500ms, 30s, 5m, 2h"};
  }
  return static_cast<uint32_t>(std::llround(*seconds * 1'000));
}

}  // namespace btb::cli
