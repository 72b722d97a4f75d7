// Reads values of options from text, and shows them as text. Pure functions; [any] thread. The
// errors are `invalid`; their text continues "`VALUE` ".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sdk/base/result.h"

namespace btb::host {

// Reads "30s", "500ms", "5m", "2h", "7d" or "0" into milliseconds.
Result<int64_t> parse_duration_ms(std::string_view text);
// Reads "512", "64KiB", "1MiB", "2GiB", "10kB" or "1MB" into bytes.
Result<int64_t> parse_size_bytes(std::string_view text);
// Reads true, yes, on, false, no or off; capitals do not matter.
Result<bool> parse_flag(std::string_view text);

// "90s", "64KiB", "0". The functions above read the result back as the same number.
std::string show_duration(int64_t ms);
std::string show_size(int64_t bytes);

// "; did you mean `WORD`?" with the nearest candidate, or "" if none is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace btb::host
