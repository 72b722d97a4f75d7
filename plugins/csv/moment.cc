// Its parts: seconds and offsets, the reader of one text by one format, the public functions.
#include "plugins/csv/moment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <span>
#include <utility>

#include "plugins/csv/text.h"
#include "plugins/csv/time_format.h"

namespace btb::csv {

namespace {

constexpr const char* not_as_written = "not written as its format says";
constexpr const char* no_such_time = "no such day or time";

constexpr std::array<std::string_view, 12> months{"january",   "february", "march",    "april",
                                                  "may",       "june",     "july",     "august",
                                                  "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> weekdays{"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_real(const Moment& moment) {
  using namespace std::chrono;
  const year_month_day day(year(moment.year), month(static_cast<unsigned>(moment.month)),
                           std::chrono::day(static_cast<unsigned>(moment.day)));
  return day.ok() && moment.hour < 24 && moment.minute < 60 && moment.second <= 60;
}

// Seconds since 1970 of a moment, as if it were in UTC.
int64_t seconds_of(const Moment& moment) {
  using namespace std::chrono;
  const sys_days day(year(moment.year) / moment.month / moment.day);
  return int64_t{day.time_since_epoch().count()} * 86'400 + moment.hour * 3600 +
         moment.minute * 60 + moment.second;
}

// Sets a moment from such seconds. False if its year does not have four digits.
bool set_seconds(Moment& moment, int64_t seconds_in) {
  using namespace std::chrono;
  constexpr int64_t year_0 = -62'167'219'200;
  constexpr int64_t year_10000 = 253'402'300'800;
  if (seconds_in < year_0 || seconds_in >= year_10000) return false;
  const sys_seconds at{seconds(seconds_in)};
  const auto midnight = floor<days>(at);
  const year_month_day day(midnight);
  const hh_mm_ss<seconds> clock(at - midnight);
  moment.year = static_cast<int>(day.year());
  moment.month = static_cast<int>(static_cast<unsigned>(day.month()));
  moment.day = static_cast<int>(static_cast<unsigned>(day.day()));
  moment.hour = static_cast<int>(clock.hours().count());
  moment.minute = static_cast<int>(clock.minutes().count());
  moment.second = static_cast<int>(clock.seconds().count());
  return true;
}

// An offset in the form of ISO 8601. It has seconds only if they are not 0, as in old local times.
std::string shown_offset(int32_t offset_s) {
  const int32_t size = std::abs(offset_s);
  std::array<char, 24> buffer{};
  const int length = std::snprintf(
      buffer.data(), buffer.size(), size % 60 == 0 ? "%c%02d:%02d" : "%c%02d:%02d:%02d",
      offset_s < 0 ? '-' : '+', size / 3600, size / 60 % 60, size % 60);
  return {buffer.data(), static_cast<size_t>(length)};
}

int32_t seconds_of_offset(std::string_view offset) {
  if (offset.size() < 6) return 0;
  const auto two = [&](size_t at) { return (offset[at] - '0') * 10 + (offset[at + 1] - '0'); };
  const int32_t size = two(1) * 3600 + two(4) * 60;
  return offset[0] == '-' ? -size : size;
}

// Reads one text by one format.
class Reading {
 public:
  Reading(std::string_view text, const TimeStyle& style, TimeUse use, Moment& moment)
      : text_(text), style_(style), use_(use), moment_(moment) {}

  // Null, or the reason why the text cannot be read.
  const char* read(std::string_view format) {
    if (const auto digits = unix_digits_of(format)) {
      if (!take_unix(*digits)) return not_as_written;
    } else if (!take(format)) {
      return not_as_written;
    }
    return finish();
  }

  const char* read_iso() {
    if (!take("%Y-%m-%d")) return not_as_written;
    if (!text_.empty()) {
      if (text_.front() == 'T' || text_.front() == 't') {
        text_.remove_prefix(1);
      } else if (!take_space()) {
        return not_as_written;
      }
      if (!take("%H:%M")) return not_as_written;
      if (text_.starts_with(':') && !take(":%S")) return not_as_written;
      if (text_.starts_with('.') || text_.starts_with(',')) {
        text_.remove_prefix(1);
        if (!take_code('f')) return not_as_written;
      }
      while (take_space()) {
      }
      if (!text_.empty() && !take_code('z')) return not_as_written;
    }
    return finish();
  }

 private:
  bool take(std::string_view format) {
    for (size_t i = 0; i < format.size(); ++i) {
      if (format[i] == ' ') {
        if (!take_space()) return false;
      } else if (format[i] != '%') {
        if (!text_.starts_with(format[i])) return false;
        text_.remove_prefix(1);
      } else {
        if (format[++i] == '-') ++i;
        if (!take_code(format[i])) return false;
      }
    }
    return true;
  }

  bool take_space() {
    const size_t bytes = text_.empty() ? 0 : space_bytes(text_);
    text_.remove_prefix(bytes);
    return bytes != 0;
  }

  bool take_code(char code) {
    switch (code) {
      case 'Y':
        return take_int(4, 4, moment_.year);
      case 'y':
        return take_int(2, 2, moment_.year) && (set_century(), true);
      case 'm':
        return take_int(1, 2, moment_.month);
      case 'e':
        (void)take_space();
        return take_int(1, 2, moment_.day);
      case 'd':
        return take_int(1, 2, moment_.day);
      case 'b':
      case 'B':
      case 'h':
        return take_name(months, moment_.month);
      case 'a':
      case 'A': {
        int ignored = 0;
        return take_name(weekdays, ignored);
      }
      default:
        return take_clock_code(code);
    }
  }

  bool take_clock_code(char code) {
    switch (code) {
      case 'H':
        return take_int(1, 2, moment_.hour);
      case 'I':
        return take_int(1, 2, moment_.hour) && moment_.hour >= 1 && moment_.hour <= 12;
      case 'p':
        return take_half();
      case 'M':
        return take_int(1, 2, moment_.minute);
      case 'S':
        return take_int(1, 2, moment_.second);
      case 'f':
        return take_digits(moment_.fraction);
      case 'z':
        return take_offset();
      case 'Z':
        return take_zone();
      case 's':
        return take_unix(0);
      case '%':
        if (!text_.starts_with('%')) return false;
        text_.remove_prefix(1);
        return true;
      default:
        break;
    }
    const std::string_view longer = expansion_of(code);
    return !longer.empty() && take(longer);
  }

  bool take_int(size_t digits_min, size_t digits_max, int& value) {
    size_t count = 0;
    value = 0;
    while (count < digits_max && count < text_.size() && is_digit(text_[count])) {
      value = value * 10 + (text_[count] - '0');
      ++count;
    }
    text_.remove_prefix(count);
    return count >= digits_min;
  }

  bool take_digits(std::string& digits) {
    size_t count = 0;
    while (count < text_.size() && is_digit(text_[count])) ++count;
    digits = text_.substr(0, count);
    text_.remove_prefix(count);
    return count > 0;
  }

  void set_century() {
    const int from = style_.two_digit_years_from;
    moment_.year += from - from % 100;
    if (moment_.year < from) moment_.year += 100;
  }

  // Takes the longest form that fits: a whole name, or its first three letters ("Sept" also
  // counts).
  bool take_name(std::span<const std::string_view> names, int& number) {
    size_t letters = 0;
    while (letters < text_.size() && ((text_[letters] | 0x20) >= 'a') &&
           ((text_[letters] | 0x20) <= 'z'))
      ++letters;
    const std::string word = lower_case(text_.substr(0, letters));
    for (size_t i = 0; i < names.size(); ++i) {
      const bool is_it = word == names[i] || word == names[i].substr(0, 3) ||
                         (word == "sept" && names[i] == "september");
      if (!is_it) continue;
      number = static_cast<int>(i) + 1;
      text_.remove_prefix(letters);
      return true;
    }
    return false;
  }

  bool take_half() {
    for (const char* word : {"a.m.", "p.m.", "am", "pm"}) {
      const std::string_view front = text_.substr(0, std::string_view(word).size());
      if (lower_case(front) != word) continue;
      afternoon_ = word[0] == 'p';
      text_.remove_prefix(front.size());
      return true;
    }
    return false;
  }

  bool take_offset() {
    const size_t end = std::min(text_.find_first_not_of("+-:0123456789ZzUTC"), text_.size());
    moment_.offset = read_utc_offset(text_.substr(0, end));
    text_.remove_prefix(end);
    return !moment_.offset.empty();
  }

  bool take_zone() {
    size_t end = 0;
    while (end < text_.size() &&
           (is_digit(text_[end]) ||
            std::string_view("/_+-").find(text_[end]) != std::string_view::npos ||
            ((text_[end] | 0x20) >= 'a' && (text_[end] | 0x20) <= 'z')))
      ++end;
    const std::string_view word = text_.substr(0, end);
    text_.remove_prefix(end);
    if (word == "UTC" || word == "GMT" || word == "Z") {
      moment_.offset = "Z";
      return true;
    }
    if (style_.zone != nullptr && style_.zone->knows(word)) {
      abbreviation_ = word;
      return true;
    }
    if (word.find('/') == std::string_view::npos) return false;
    named_ = style_.others->find(word);
    return named_ != nullptr;
  }

  // Takes Unix time: seconds or a smaller unit, perhaps with a fraction.
  bool take_unix(size_t unit_digits) {
    const bool negative = text_.starts_with('-');
    if (negative) text_.remove_prefix(1);
    std::string digits;
    std::string fraction;
    if (!take_digits(digits) || digits.size() > 20) return false;
    if (text_.starts_with('.') || text_.starts_with(',')) {
      text_.remove_prefix(1);
      if (!take_digits(fraction)) return false;
    }
    if (digits.size() <= unit_digits) digits.insert(0, unit_digits + 1 - digits.size(), '0');
    fraction.insert(0, digits, digits.size() - unit_digits);
    digits.resize(digits.size() - unit_digits);
    int64_t seconds = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
    if (result.ec != std::errc()) return false;
    if (negative) round_down(seconds, fraction);
    moment_.fraction = fraction;
    unix_s_ = seconds;
    return true;
  }

  // Before 1970 the fraction counts from the second below: -1.25 is second -2 and .75.
  static void round_down(int64_t& seconds, std::string& fraction) {
    seconds = -seconds;
    if (fraction.find_first_not_of('0') == std::string::npos) return;
    --seconds;
    size_t last = fraction.find_last_not_of('0');
    for (size_t i = 0; i < last; ++i) fraction[i] = static_cast<char>('9' - (fraction[i] - '0'));
    fraction[last] = static_cast<char>('0' + 10 - (fraction[last] - '0'));
  }

  const char* finish() {
    if (!text_.empty()) return not_as_written;
    if (unix_s_) return finish_unix();
    if (afternoon_) moment_.hour = moment_.hour % 12 + (*afternoon_ ? 12 : 0);
    if (!is_real(moment_)) return no_such_time;
    if (!moment_.offset.empty() || use_ != TimeUse::datetime) return nullptr;
    const TimeZone* zone = named_ != nullptr ? named_.get() : style_.zone.get();
    if (zone == nullptr) {
      moment_.offset = style_.offset;
      return nullptr;
    }
    const int second = std::exchange(moment_.second, std::min(moment_.second, 59));  // 60: a leap
    const int64_t unix_s = zone->to_unix(seconds_of(moment_), abbreviation_);
    const int32_t offset_s = zone->at(unix_s).offset_s;
    if (!set_seconds(moment_, unix_s + offset_s)) return no_such_time;
    moment_.second += second == 60 ? 1 : 0;
    moment_.offset = shown_offset(offset_s);
    return nullptr;
  }

  const char* finish_unix() {
    if (!set_seconds(moment_, *unix_s_)) return no_such_time;
    int32_t offset_s = seconds_of_offset(style_.offset);
    moment_.offset = style_.offset.empty() ? "Z" : style_.offset;
    if (style_.zone != nullptr) {
      offset_s = style_.zone->at(*unix_s_).offset_s;
      moment_.offset = shown_offset(offset_s);
    }
    return set_seconds(moment_, *unix_s_ + offset_s) ? nullptr : no_such_time;
  }

  std::string_view text_;
  const TimeStyle& style_;
  const TimeUse use_;
  Moment& moment_;
  std::optional<bool> afternoon_;
  std::optional<int64_t> unix_s_;
  std::shared_ptr<const TimeZone> named_;
  std::string_view abbreviation_;
};

}  // namespace

const char* read_moment(std::string_view text, std::string_view format, const TimeStyle& style,
                        TimeUse use, Moment& moment) {
  return Reading(text, style, use, moment).read(format);
}

const char* read_iso_moment(std::string_view text, const TimeStyle& style, Moment& moment) {
  return Reading(text, style, TimeUse::datetime, moment).read_iso();
}

const char* append_service_time(std::string& out, std::string_view text) {
  std::array<int, 3> parts{};
  size_t count = 0;
  while (count < parts.size()) {
    size_t digits = 0;
    while (digits < text.size() && digits < 2 && is_digit(text[digits])) {
      parts[count] = parts[count] * 10 + (text[digits++] - '0');
    }
    if (digits == 0 || (count > 0 && digits != 2))
      return "not a time of a service day, as 25:35:00";
    text.remove_prefix(digits);
    ++count;
    if (text.empty()) break;
    if (!text.starts_with(':')) return "not a time of a service day, as 25:35:00";
    text.remove_prefix(1);
  }
  if (count < 2 || !text.empty()) return "not a time of a service day, as 25:35:00";
  if (parts[1] > 59 || parts[2] > 59) return no_such_time;
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%02d:%02d:%02d", parts[0], parts[1], parts[2]);
  out += buffer.data();
  return nullptr;
}

std::string read_utc_offset(std::string_view text) {
  if (text == "Z" || text == "z" || text == "UTC") return "Z";
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return {};
  std::string digits;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':' && i == 3) continue;
    if (!is_digit(text[i])) return {};
    digits += text[i];
  }
  if (digits.size() == 2) digits += "00";
  if (digits.size() != 4 || digits.substr(0, 2) > "14" || digits.substr(2) > "59") return {};
  return std::string(1, text[0]) + digits.substr(0, 2) + ":" + digits.substr(2);
}

}  // namespace btb::csv
