// Moment: dates and times as people write them. They are read by a format (time_format.h), as ISO
// 8601, or as Unix time. Values. Pure, except that %Z may read a zone file. [any], but one
// TimeStyle is for one thread at a time.
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
  // The offset of times that name none: fixed, or that of a zone. At most one of these two is set.
  std::string offset;                    // "Z", "+01:00"; empty: the time gets no offset
  std::shared_ptr<const TimeZone> zone;  // null: no zone
  // Zones that %Z named.
  std::shared_ptr<ZoneCache> others = std::make_shared<ZoneCache>();
  int two_digit_years_from = 1969;  // %y is one of the hundred years that begin here
};

struct Moment {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
  std::string fraction;  // digits of a fraction of a second; empty: none
  std::string offset;    // "Z", "+01:00"; empty: not known
};

// Reads the whole of `text` into `moment`. Returns null, or the reason why it cannot be read
// (static). A datetime that names no offset gets it from `style`. Unix time is shown with the
// offset of `style`, or as UTC. REQUIRES: time_format_fault finds no fault in `format`.
const char* read_moment(std::string_view text, std::string_view format, const TimeStyle& style,
                        TimeUse use, Moment& moment);
// The same for ISO 8601: 2026-11-22T15:04, or with a space in place of the T. Seconds, a fraction
// (behind a point or a comma) and an offset may follow.
const char* read_iso_moment(std::string_view text, const TimeStyle& style, Moment& moment);

// Appends a time of a service day ("25:35:00": hours up to 99, minutes, perhaps seconds) to `out`
// as HH:MM:SS. A service day of public transport may end after midnight. Returns null, or the
// reason why `text` cannot be read (static).
const char* append_service_time(std::string& out, std::string_view text);

// The offset "Z" or "+01:00" for "UTC", "Z", "+01:00", "-0330" and the like. Empty if `text` is no
// such offset.
std::string read_utc_offset(std::string_view text);

}  // namespace btb::csv
