#include "sdk/cli/time_text.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <time.h>

using namespace btb::cli;

namespace {

constexpr int64_t second = 1'000'000;
constexpr int64_t now = 1'795'361'480 * second;  // 2026-11-22T15:31:20Z

struct Utc {
  Utc() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
} utc;

}  // namespace

TEST_CASE("times are written in UTC, to the microsecond, also those before 1970") {
  std::string out;
  append_utc(out, now + 1);
  CHECK(out == "2026-11-22T15:31:20.000001Z");
  out.clear();
  append_utc(out, -1);
  CHECK(out == "1969-12-31T23:59:59.999999Z");
  CHECK(format_local(now + 42, "%H:%M:%S.%N") == "15:31:20.000042");
}

TEST_CASE("times are read as dates, as seconds and as how long ago") {
  CHECK(*parse_time_us("2026-11-22T15:31:20Z", 0) == now);
  CHECK(*parse_time_us("2026-11-22 15:31:20", 0) == now);
  CHECK(*parse_time_us("2026-11-22T15:31", 0) == now - 20 * second);
  CHECK(*parse_time_us("2026-11-22", 0) == now - now % (86'400 * second));
  CHECK(*parse_time_us("1795361480", 0) == now);
  CHECK(*parse_time_us("0.5", 0) == second / 2);
  CHECK(*parse_time_us("-90s", now) == now - 90 * second);
  CHECK(*parse_time_us("-15m", now) == now - 900 * second);
  CHECK(*parse_time_us("-2h", now) == now - 7'200 * second);
  CHECK(*parse_time_us("-7d", now) == now - 7 * 86'400 * second);
  for (const char* text : {"", "-", "-5", "-5x", "yesterday", "2026-13-01", "2026-11-22T", "1e5",
                           "nan", "-nan", "99999999999999"}) {
    CAPTURE(text);
    CHECK(!parse_time_us(text, now).ok());
  }
}

TEST_CASE("waits are seconds unless they say otherwise") {
  CHECK(*parse_wait_ms("5") == 5'000);
  CHECK(*parse_wait_ms("0.25") == 250);
  CHECK(*parse_wait_ms("500ms") == 500);
  CHECK(*parse_wait_ms("2m") == 120'000);
  for (const char* text : {"", "-1", "x", "1x", "inf", "9999999999"})
    CHECK(!parse_wait_ms(text).ok());
}
