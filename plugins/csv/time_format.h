// Formats of dates and times, in the manner of strftime:
//
//   %Y 2026  %y 26  %m %d %e 1 or 2 digits  %b %B %h a month in English, whole or its first three
//   letters, in any case  %a %A a weekday, likewise (not compared with the date)
//   %H 0 to 23  %I 1 to 12 with %p AM, PM, a.m., p.m.  %M %S  %f digits of a fraction of a second
//   %z +01:00, +0100, Z, UTC  %Z UTC, GMT, a zone (Europe/Berlin), or what the zone that is set
//   calls its times (CEST)  %s Unix time in seconds, also with a fraction  %%
//   %F is %Y-%m-%d, %D is %m/%d/%y, %T is %H:%M:%S, %R is %H:%M. "%-d" is the same as "%d".
//
// A whole format may also be one of the words unix, unix_ms, unix_us, unix_ns. A space stands for
// any one space, those that do not break a line included. Pure; [any] thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace btb::csv {

// What a value has to name.
enum class TimeUse : uint8_t { date, datetime, time_of_day };

// Why `format` is none, in words that continue "date_format: "; empty if it is one. An unknown code
// is answered with the codes there are; so is a format that leaves out what its use needs (a year).
std::string time_format_fault(std::string_view format, TimeUse use);

// Of unix, unix_ms, unix_us, unix_ns: how many digits of a second are behind the point. Nothing for
// any other format.
std::optional<size_t> unix_digits_of(std::string_view format);

// What the codes F, D, T and R stand for; empty for others.
std::string_view expansion_of(char code);

}  // namespace btb::csv
