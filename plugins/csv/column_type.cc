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

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// --- numbers ---

// A number taken apart: digits only, no leading zeros in `whole`.
struct Digits {
  bool negative = false;
  std::string whole;
  std::string fraction;
  std::string exponent;  // "e5", "e-3", empty
};

// The digits in front of the decimal mark, with the thousands marks out. False if these stand where
// they may not.
bool take_whole(std::string_view& text, char thousands, std::string& whole) {
  size_t since_mark = 0;
  bool marked = false;
  while (!text.empty()) {
    const char c = text.front();
    if (is_digit(c)) {
      whole += c;
      ++since_mark;
    } else if (thousands != '\0' && c == thousands) {
      if (since_mark == 0 || since_mark > 3 || (marked && since_mark != 3)) return false;
      marked = true;
      since_mark = 0;
    } else {
      break;
    }
    text.remove_prefix(1);
  }
  return !marked || since_mark == 3;
}

void take_digits(std::string_view& text, std::string& out) {
  while (!text.empty() && is_digit(text.front())) {
    out += text.front();
    text.remove_prefix(1);
  }
}

bool take_exponent(std::string_view& text, std::string& exponent) {
  if (text.empty() || (text.front() != 'e' && text.front() != 'E')) return true;
  text.remove_prefix(1);
  exponent += 'e';
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) {
    if (text.front() == '-') exponent += '-';
    text.remove_prefix(1);
  }
  const size_t before = exponent.size();
  take_digits(text, exponent);
  return exponent.size() > before && exponent.size() <= 6;
}

std::optional<Digits> parse_digits(std::string_view text, const ValueStyle& style) {
  Digits digits;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    digits.negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (!take_whole(text, style.thousands, digits.whole)) return std::nullopt;
  if (!text.empty() && text.front() == style.decimal) {
    text.remove_prefix(1);
    take_digits(text, digits.fraction);
  }
  if (digits.whole.empty() && digits.fraction.empty()) return std::nullopt;
  if (!take_exponent(text, digits.exponent) || !text.empty()) return std::nullopt;
  digits.whole.erase(0, std::min(digits.whole.find_first_not_of('0'), digits.whole.size()));
  if (digits.whole.empty()) digits.whole += '0';
  return digits;
}

const char* append_integer(std::string& out, std::string_view text, const ValueStyle& style) {
  const auto digits = parse_digits(text, style);
  const bool plain =
      digits && digits->exponent.empty() && text.find(style.decimal) == std::string_view::npos;
  if (!plain) return "not an integer";
  const std::string number = (digits->negative ? "-" : "") + digits->whole;
  int64_t value = 0;
  const auto result = std::from_chars(number.data(), number.data() + number.size(), value);
  if (result.ec != std::errc()) return "an integer of more than 64 bits";
  out += std::to_string(value);
  return nullptr;
}

const char* append_number(std::string& out, std::string_view text, const ValueStyle& style) {
  const auto digits = parse_digits(text, style);
  if (!digits) return "not a number";
  if (digits->negative) out += '-';
  out += digits->whole;
  if (!digits->fraction.empty()) out.append(".").append(digits->fraction);
  out += digits->exponent;
  return nullptr;
}

const char* append_decimal(std::string& out, std::string_view text, unsigned decimals,
                           const ValueStyle& style) {
  auto digits = parse_digits(text, style);
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

struct Moment {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::string fraction;  // digits
  std::string offset;    // "Z", "+01:00", empty
};

bool take_int(std::string_view& text, size_t digits_min, size_t digits_max, int& value) {
  size_t count = 0;
  value = 0;
  while (count < digits_max && count < text.size() && is_digit(text[count])) {
    value = value * 10 + (text[count] - '0');
    ++count;
  }
  text.remove_prefix(count);
  return count >= digits_min;
}

bool take_offset(std::string_view& text, std::string& offset) {
  const size_t end = std::min(text.find_first_not_of("+-:0123456789Zz"), text.size());
  const auto parsed = parse_utc_offset(text.substr(0, end));
  if (!parsed) return false;
  offset = *parsed;
  text.remove_prefix(end);
  return true;
}

bool take_part(char part, std::string_view& text, Moment& moment) {
  switch (part) {
    case 'Y':
      return take_int(text, 4, 4, moment.year);
    case 'y':
      if (!take_int(text, 2, 2, moment.year)) return false;
      moment.year += moment.year < 70 ? 2000 : 1900;  // as POSIX reads it
      return true;
    case 'm':
      return take_int(text, 1, 2, moment.month);
    case 'd':
      return take_int(text, 1, 2, moment.day);
    case 'H':
      return take_int(text, 1, 2, moment.hour);
    case 'M':
      return take_int(text, 1, 2, moment.minute);
    case 'S':
      return take_int(text, 1, 2, moment.second);
    case 'f':
      return take_digits(text, moment.fraction), !moment.fraction.empty();
    case 'z':
      return take_offset(text, moment.offset);
    default:
      break;
  }
  const bool percent = part == '%' && text.starts_with('%');
  if (percent) text.remove_prefix(1);
  return percent;
}

bool is_real(const Moment& moment) {
  static constexpr std::array<int, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (moment.month < 1 || moment.month > 12 || moment.day < 1) return false;
  const bool leap = (moment.year % 4 == 0 && moment.year % 100 != 0) || moment.year % 400 == 0;
  const int last =
      days.at(static_cast<size_t>(moment.month) - 1) + (moment.month == 2 && leap ? 1 : 0);
  return moment.day <= last && moment.hour < 24 && moment.minute < 60 && moment.second <= 60;
}

bool parse_moment(std::string_view text, std::string_view format, Moment& moment) {
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%' && i + 1 < format.size()) {
      if (!take_part(format[++i], text, moment)) return false;
    } else {
      if (text.empty() || text.front() != format[i]) return false;
      text.remove_prefix(1);
    }
  }
  return text.empty() && is_real(moment);
}

// 2026-11-22T15:04, with a space for the T, seconds, a fraction (point or comma) and an offset if
// they are there.
bool parse_iso(std::string_view text, Moment& moment) {
  static constexpr std::string_view day = "%Y-%m-%d";
  const size_t middle = text.find_first_of("Tt ");
  if (middle == std::string_view::npos) return parse_moment(text, day, moment);
  if (!parse_moment(text.substr(0, middle), day, moment)) return false;
  text.remove_prefix(middle + 1);
  if (!take_part('H', text, moment) || !text.starts_with(':')) return false;
  text.remove_prefix(1);
  if (!take_part('M', text, moment)) return false;
  if (text.starts_with(':')) {
    text.remove_prefix(1);
    if (!take_part('S', text, moment)) return false;
    if (text.starts_with('.') || text.starts_with(',')) {
      text.remove_prefix(1);
      if (!take_part('f', text, moment)) return false;
    }
  }
  text = trimmed(text);
  return (text.empty() || take_offset(text, moment.offset)) && text.empty() && is_real(moment);
}

void append_printed(std::string& out, const char* format, int a, int b, int c) {
  std::array<char, 40> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), format, a, b, c);
  out.append(buffer.data(), static_cast<size_t>(size));
}

void append_clock(std::string& out, const Moment& moment) {
  append_printed(out, "%02d:%02d:%02d", moment.hour, moment.minute, moment.second);
  if (!moment.fraction.empty()) out.append(".").append(moment.fraction);
}

const char* append_date(std::string& out, std::string_view text, const std::string& format) {
  Moment moment;
  if (!parse_moment(text, format, moment)) return "not a date as date_format says";
  append_printed(out, "\"%04d-%02d-%02d\"", moment.year, moment.month, moment.day);
  return nullptr;
}

const char* append_datetime(std::string& out, std::string_view text, const std::string& format,
                            const ValueStyle& style) {
  Moment moment;
  if (!(format.empty() ? parse_iso(text, moment) : parse_moment(text, format, moment))) {
    return "not a time as datetime_format says";
  }
  append_printed(out, "\"%04d-%02d-%02dT", moment.year, moment.month, moment.day);
  append_clock(out, moment);
  out.append(moment.offset.empty() ? style.timezone : moment.offset).append("\"");
  return nullptr;
}

const char* append_time(std::string& out, std::string_view text, const std::string& format) {
  Moment moment;
  const bool read = format.empty() ? parse_moment(text, "%H:%M:%S", moment) ||
                                         parse_moment(text, "%H:%M", moment = Moment())
                                   : parse_moment(text, format, moment);
  if (!read) return "not a time of day";
  out += '"';
  append_clock(out, moment);
  out += '"';
  return nullptr;
}

}  // namespace

std::optional<ColumnType> parse_column_type(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Kind>, 8> kinds{
      {{"text", Kind::text},
       {"integer", Kind::integer},
       {"number", Kind::number},
       {"decimal", Kind::decimal},
       {"flag", Kind::flag},
       {"date", Kind::date},
       {"datetime", Kind::datetime},
       {"time", Kind::time}}};
  const size_t open = text.find('(');
  const std::string_view word = text.substr(0, open);
  const auto* found = std::find_if(kinds.begin(), kinds.end(),
                                   [&](const auto& kind) { return kind.first == word; });
  if (found == kinds.end()) return std::nullopt;
  ColumnType type{found->second, 0, ""};
  if (open == std::string_view::npos)
    return type.kind == Kind::decimal ? std::nullopt : std::optional(type);
  if (!text.ends_with(')')) return std::nullopt;
  const std::string_view argument = text.substr(open + 1, text.size() - open - 2);
  if (type.kind == Kind::decimal) {
    const auto result =
        std::from_chars(argument.data(), argument.data() + argument.size(), type.decimals);
    const bool whole = result.ec == std::errc() && result.ptr == argument.data() + argument.size();
    return whole && type.decimals <= 18 ? std::optional(type) : std::nullopt;
  }
  if (type.kind != Kind::date && type.kind != Kind::datetime && type.kind != Kind::time)
    return std::nullopt;
  if (time_format_fault(argument) != nullptr) return std::nullopt;
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
      return append_integer(out, trimmed(text), style);
    case Kind::number:
      return append_number(out, trimmed(text), style);
    case Kind::decimal:
      return append_decimal(out, trimmed(text), type.decimals, style);
    case Kind::flag:
      return append_flag(out, trimmed(text), style);
    case Kind::date:
      return append_date(out, trimmed(text), format_or(style.date_format));
    case Kind::datetime:
      return append_datetime(out, trimmed(text), format_or(style.datetime_format), style);
    case Kind::time:
      return append_time(out, trimmed(text), type.format);
  }
  return "of a type nobody knows";
}

const char* time_format_fault(std::string_view format) {
  if (format.empty()) return "empty";
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    if (++i == format.size()) return "a % at the end";
    if (std::string_view("YymdHMSfz%").find(format[i]) == std::string_view::npos) {
      return "knows %Y %y %m %d %H %M %S %f %z and %%";
    }
  }
  return nullptr;
}

std::optional<std::string> parse_utc_offset(std::string_view text) {
  if (text == "Z" || text == "z" || text == "UTC") return "Z";
  if (text.size() < 3 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  std::string digits;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == ':' && i == 3) continue;
    if (!is_digit(text[i])) return std::nullopt;
    digits += text[i];
  }
  if (digits.size() == 2) digits += "00";
  if (digits.size() != 4 || digits.substr(0, 2) > "14" || digits.substr(2) > "59")
    return std::nullopt;
  return std::string(1, text[0]) + digits.substr(0, 2) + ":" + digits.substr(2);
}

}  // namespace btb::csv
