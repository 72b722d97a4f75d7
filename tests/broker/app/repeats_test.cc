#include "broker/app/repeats.h"

#include <doctest/doctest.h>

#include <string>

namespace btb {
namespace {

constexpr uint64_t shown = limits::log_repeats_shown;
constexpr uint64_t window_ms = limits::log_repeat_window_ms;

uint64_t admitted(Repeats& repeats, uint64_t times, const std::string& cause, uint64_t now_ms) {
  uint64_t count = 0;
  for (uint64_t i = 0; i < times; ++i) count += repeats.admit("event", cause, now_ms) ? 1 : 0;
  return count;
}

TEST_CASE("the first lines of a kind are shown, and the others counted once their window is over") {
  Repeats repeats;
  CHECK(admitted(repeats, 1'000, "uid 7", 50) == shown);
  CHECK(repeats.due(50 + window_ms - 1).empty());
  const auto held = repeats.due(50 + window_ms);
  REQUIRE(held.size() == 1);
  CHECK(held[0].event == "event");
  CHECK(held[0].cause == "uid 7");
  CHECK(held[0].count == 1'000 - shown);
  CHECK(held[0].window_ms == window_ms);
  CHECK(repeats.due(50 + window_ms).empty());
  CHECK(repeats.held() == 1'000 - shown);
}

TEST_CASE("after its window a kind is shown again from the first line on") {
  Repeats repeats;
  admitted(repeats, 100, "uid 7", 0);
  (void)repeats.due(window_ms);
  CHECK(admitted(repeats, 1, "uid 7", window_ms) == 1);
}

TEST_CASE("one who repeats himself hides no line of another, nor another event") {
  Repeats repeats;
  admitted(repeats, 100, "uid 7", 0);
  CHECK(admitted(repeats, 1, "uid 8", 0) == 1);
  CHECK(repeats.admit("another", "uid 7", 0));
}

TEST_CASE("what never was too much is not told of") {
  Repeats repeats;
  admitted(repeats, shown, "uid 7", 0);
  CHECK(repeats.due(window_ms).empty());
  CHECK(repeats.held() == 0);
}

TEST_CASE("nothing that was counted is lost when the broker stops before the window is over") {
  Repeats repeats;
  admitted(repeats, shown + 3, "uid 7", 0);
  const auto held = repeats.due(1, true);
  REQUIRE(held.size() == 1);
  CHECK(held[0].count == 3);
}

TEST_CASE("a thousand addresses get as many lines as there are kinds, and then as one") {
  Repeats repeats;
  uint64_t count = 0;
  for (int i = 0; i < 1'000; ++i) count += admitted(repeats, 10, "ip " + std::to_string(i), 0);
  CHECK(count == (limits::log_repeat_kinds_max + 1) * shown);
  uint64_t told = 0;
  for (const Repeats::Held& held : repeats.due(0, true)) told += held.count;
  CHECK(told == 10'000 - count);
}

}  // namespace
}  // namespace btb
