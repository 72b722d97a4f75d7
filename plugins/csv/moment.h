// Moment: dates and times as people write them, read by a format (time_format.h), as ISO 8601, or
// as Unix time. Values; pure but for a zone that %Z names; [any] thread, one at a time for one
// style.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "plugins/csv/time_format.h"
#include "plugins/csv/time_zone.h"

namespace btb::csv {

// How times are written in this file.
struct TimeStyle {
  // Of an instant, or of local times that name no offset: at most one of both is set.
  std::string offset;                    // "Z", "+01:00"; empty: left open
  std::shared_ptr<const TimeZone> zone;  // a named one
  std::shared_ptr<ZoneCache> others = std::make_shared<ZoneCache>();  // that %Z names
  int two_digit_years_from = 1969;  // %y is one of the hundred years that begin here
};

struct Moment {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::string fraction;  // digits
  std::string offset;    // "Z", "+01:00", empty
};

// Reads the whole of `text`. Null, or why it cannot be read (static). The offset of a datetime that
// names none is taken from `style`; Unix time is shown with that offset, or as UTC. REQUIRES:
// `format` has no fault.
const char* read_moment(std::string_view text, std::string_view format, const TimeStyle& style,
                        TimeUse use, Moment& moment);
// 2026-11-22T15:04, with a space for the T; seconds, a fraction (point or comma) and an offset if
// they are there.
const char* read_iso_moment(std::string_view text, const TimeStyle& style, Moment& moment);

// "25:35:00": hours, minutes and, perhaps, seconds of a service day, which ends when its last ride
// does; hours up to 99. Appends it as HH:MM:SS to `out`. Null, or why it cannot be read (static).
const char* append_service_time(std::string& out, std::string_view text);

// "UTC", "Z", "+01:00", "-0330" as it stands behind a time; empty if it is none of these.
std::string read_utc_offset(std::string_view text);

}  // namespace btb::csv
