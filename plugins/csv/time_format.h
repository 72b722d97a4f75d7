// Formats of dates and times, in the manner of strftime:
//
//   %Y 2026  %y 26  %m %d %e 1 or 2 digits  %b %B %h a month in English, whole or its first three
//   letters, in any case  %a %A a weekday, likewise (not compared with the date)
//   %H 0 to 23  %I 1 to 12 with %p AM, PM, a.m., p.m.  %M %S  %f digits of a fraction of a second
//   %z +01:00, +0100, Z, UTC  %Z UTC, GMT, a zone (Europe/Berlin), or an abbreviation of the
//   source's own zone (CEST)  %s Unix time in seconds, also with a fraction  %% a percent sign
//   %F is %Y-%m-%d, %D is %m/%d/%y, %T is %H:%M:%S, %R is %H:%M. "%-d" is the same as "%d".
//
// A whole format may also be one of the words unix, unix_ms, unix_us, unix_ns. A space stands for
// one space of any kind, also a no-break space. Pure; [any].
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace btb::csv {

// The kind of value that a format is for.
enum class TimeUse : uint8_t { date, datetime, time_of_day };

// Why `format` cannot be used, in words that go behind "date_format: "; empty if it can. The fault
// may be an unknown code, or a part that `use` needs and the format lacks (a year). Then the text
// lists the codes.
std::string time_format_fault(std::string_view format, TimeUse use);

// For unix, unix_ms, unix_us and unix_ns: the number of decimals of a second that its unit has (0,
// 3, 6, 9). Nothing for any other format.
std::optional<size_t> unix_digits_of(std::string_view format);

// The longer format for the codes F, D, T and R; empty for others. Static.
std::string_view expansion_of(char code);

}  // namespace btb::csv
