// Times as people write and read them. Pure, apart from the time zone of the process; [any] thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sdk/base/result.h"

namespace btb::cli {

// Appends "2026-11-22T15:31:20.000001Z", always with six digits of microseconds. `time_us`, here
// and below: microseconds since 1970-01-01 UTC.
void append_utc(std::string& out, int64_t time_us);
// Local time in a format of strftime(3), with %N for the six digits of microseconds.
std::string format_local(int64_t time_us, const std::string& format);

// Reads the text behind the "@" of --from, into microseconds since 1970-01-01 UTC. It is one of:
// seconds since then ("1763800000", "1763800000.5"); a date or a time, local or with "Z"
// ("2026-11-22", "2026-11-22T15:31", "2026-11-22T15:31:20Z"); or how long ago ("-90s", "-15m",
// "-2h", "-7d").
Result<int64_t> parse_time_us(std::string_view text, int64_t now_us);

// Reads "90", "0.5", "500ms", "30s", "5m" or "2h" into milliseconds. A bare number is seconds.
Result<uint32_t> parse_wait_ms(std::string_view text);

}  // namespace btb::cli
