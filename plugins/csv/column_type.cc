#include "plugins/csv/column_type.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

using Kind = ColumnType::Kind;

const char* append_integer(std::string& out, std::string_view text, const ValueStyle& style) {
  const auto digits = read_digits(text, style.number);
  if (!digits || !digits->exponent.empty() || digits->has_mark) return "not an integer";
  const std::string number = (digits->negative ? "-" : "") + digits->whole;
  int64_t value = 0;
  const auto result = std::from_chars(number.data(), number.data() + number.size(), value);
  if (result.ec != std::errc()) return "an integer of more than 64 bits";
  out += std::to_string(value);
  return nullptr;
}

const char* append_number(std::string& out, std::string_view text, const ValueStyle& style) {
  const auto digits = read_digits(text, style.number);
  if (!digits) return "not a number";
  if (digits->negative) out += '-';
  out += digits->whole;
  if (!digits->fraction.empty()) out.append(".").append(digits->fraction);
  out += digits->exponent;
  return nullptr;
}

const char* append_decimal(std::string& out, std::string_view text, unsigned decimals,
                           const ValueStyle& style) {
  auto digits = read_digits(text, style.number);
  if (!digits || !digits->exponent.empty()) return "not a decimal number";
  std::string& fraction = digits->fraction;
  if (fraction.size() > decimals &&
      fraction.find_first_not_of('0', decimals) != std::string::npos) {
    return "more decimals than its type has";
  }
  fraction.resize(decimals, '0');
  const bool zero = digits->whole == "0" && fraction.find_first_not_of('0') == std::string::npos;
  out += '"';
  if (digits->negative && !zero) out += '-';
  out += digits->whole;
  if (decimals > 0) out.append(".").append(fraction);
  out += '"';
  return nullptr;
}

const char* append_flag(std::string& out, std::string_view text, const ValueStyle& style) {
  const std::string word = lower_case(text);
  const auto is_in = [&](const std::vector<std::string>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (is_in(style.true_values)) return out += "true", nullptr;
  if (is_in(style.false_values)) return out += "false", nullptr;
  return "neither true nor false";
}

// --- dates and times ---

void append_printed(std::string& out, const char* format, int a, int b, int c) {
  std::array<char, 40> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), format, a, b, c);
  out.append(buffer.data(), static_cast<size_t>(size));
}

void append_clock(std::string& out, const Moment& moment) {
  append_printed(out, "%02d:%02d:%02d", moment.hour, moment.minute, moment.second);
  if (!moment.fraction.empty()) out.append(".").append(moment.fraction);
}

const char* append_date(std::string& out, std::string_view text, const std::string& format,
                        const TimeStyle& style) {
  Moment moment;
  if (const char* why = read_moment(text, format, style, TimeUse::date, moment)) return why;
  append_printed(out, "\"%04d-%02d-%02d\"", moment.year, moment.month, moment.day);
  return nullptr;
}

// Without a format: ISO 8601.
const char* append_datetime(std::string& out, std::string_view text, const std::string& format,
                            const TimeStyle& style) {
  Moment moment;
  const char* why = format.empty() ? read_iso_moment(text, style, moment)
                                   : read_moment(text, format, style, TimeUse::datetime, moment);
  if (why != nullptr) return why;
  append_printed(out, "\"%04d-%02d-%02dT", moment.year, moment.month, moment.day);
  append_clock(out, moment);
  out.append(moment.offset).append("\"");
  return nullptr;
}

const char* append_time(std::string& out, std::string_view text, const std::string& format,
                        const TimeStyle& style) {
  Moment moment;
  const bool seconds = std::count(text.begin(), text.end(), ':') > 1;
  const char* standard = seconds ? "%H:%M:%S" : "%H:%M";
  const char* why =
      read_moment(text, format.empty() ? standard : format, style, TimeUse::time_of_day, moment);
  if (why != nullptr) return why;
  out += '"';
  append_clock(out, moment);
  out += '"';
  return nullptr;
}

// The fault of a text that is no type, in words that go behind that text.
std::string no_type() {
  return "is no type; expected text, integer, number, decimal(N), flag, date, datetime, time or "
         "service_time, and date, datetime and time also with a format as in date(%d.%m.%Y)";
}

TimeUse use_of(Kind kind) {
  return kind == Kind::date   ? TimeUse::date
         : kind == Kind::time ? TimeUse::time_of_day
                              : TimeUse::datetime;
}

}  // namespace

std::optional<ColumnType> parse_column_type(std::string_view text, std::string* fault) {
  static constexpr std::array<std::pair<std::string_view, Kind>, 9> kinds{
      {{"text", Kind::text},
       {"integer", Kind::integer},
       {"number", Kind::number},
       {"decimal", Kind::decimal},
       {"flag", Kind::flag},
       {"date", Kind::date},
       {"datetime", Kind::datetime},
       {"time", Kind::time},
       {"service_time", Kind::service_time}}};
  const auto none = [&](std::string why) {
    if (fault != nullptr) *fault = std::move(why);
    return std::nullopt;
  };
  const size_t open = text.find('(');
  const std::string_view word = text.substr(0, open);
  const auto* found = std::find_if(kinds.begin(), kinds.end(),
                                   [&](const auto& kind) { return kind.first == word; });
  if (found == kinds.end()) return none(no_type());
  ColumnType type{found->second, 0, ""};
  const bool bare = open == std::string_view::npos;
  if (bare && type.kind != Kind::decimal) return type;
  if (bare || !text.ends_with(')')) return none(no_type());
  const std::string_view argument = text.substr(open + 1, text.size() - open - 2);
  if (type.kind == Kind::decimal) {
    const auto result =
        std::from_chars(argument.data(), argument.data() + argument.size(), type.decimals);
    const bool whole = result.ec == std::errc() && result.ptr == argument.data() + argument.size();
    if (!whole || type.decimals > 18)
      return none("is no type; decimal takes from 0 to 18 decimals");
    return type;
  }
  if (type.kind != Kind::date && type.kind != Kind::datetime && type.kind != Kind::time)
    return none(no_type());
  if (const std::string why = time_format_fault(argument, use_of(type.kind)); !why.empty())
    return none("has no format: " + why);
  type.format = argument;
  return type;
}

const char* append_value(std::string& out, const ColumnType& type, std::string_view text,
                         const ValueStyle& style) {
  const auto format_or = [&](const std::string& standard) -> const std::string& {
    return type.format.empty() ? standard : type.format;
  };
  switch (type.kind) {
    case Kind::text:
      out += '"';
      append_json_escaped(out, text);
      out += '"';
      return nullptr;
    case Kind::integer:
      return append_integer(out, trimmed_wide(text), style);
    case Kind::number:
      return append_number(out, trimmed_wide(text), style);
    case Kind::decimal:
      return append_decimal(out, trimmed_wide(text), type.decimals, style);
    case Kind::flag:
      return append_flag(out, trimmed_wide(text), style);
    case Kind::date:
      return append_date(out, trimmed_wide(text), format_or(style.date_format), style.time);
    case Kind::datetime:
      return append_datetime(out, trimmed_wide(text), format_or(style.datetime_format), style.time);
    case Kind::time:
      return append_time(out, trimmed_wide(text), type.format, style.time);
    case Kind::service_time: {
      out += '"';
      const char* why = append_service_time(out, trimmed_wide(text));
      out += '"';
      return why;
    }
  }
  return "of a type nobody knows";
}

}  // namespace btb::csv
