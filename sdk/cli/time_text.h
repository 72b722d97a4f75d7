// Times as people write and read them. Pure but for the time zone; [any] thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sdk/base/result.h"

namespace btb::cli {

// "2026-11-22T15:31:20.000001Z", with the microseconds always there.
void append_utc(std::string& out, int64_t time_us);
// Local time in the form strftime(3) takes; %N is the microseconds, six digits.
std::string format_local(int64_t time_us, const std::string& format);

// What may follow the "@" of --from, in microseconds since 1970-01-01 UTC: seconds since then
// ("1763800000", "1763800000.5"), a date or a time in local time or with "Z" ("2026-11-22",
// "2026-11-22T15:31", "2026-11-22T15:31:20Z"), or how long ago ("-90s", "-15m", "-2h", "-7d").
Result<int64_t> parse_time_us(std::string_view text, int64_t now_us);

// "90", "0.5", "500ms", "30s", "5m", "2h": milliseconds. A bare number is seconds.
Result<uint32_t> parse_wait_ms(std::string_view text);

}  // namespace btb::cli
