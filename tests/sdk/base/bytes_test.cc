#include "sdk/base/bytes.h"

#include <doctest/doctest.h>

#include "sdk/base/clock.h"
#include "sdk/base/limits.h"

namespace btb {
namespace {

TEST_CASE("text becomes bytes and comes back with zeros in the middle") {
  const std::string text("a\0b", 3);
  CHECK(as_bytes(text).size() == 3);
  CHECK(as_text(as_bytes(text)) == text);
}

TEST_CASE("bytes are equal by content, and nothing equals nothing") {
  CHECK(equal({}, as_bytes("")));
  CHECK(equal(as_bytes("ward"), as_bytes(std::string("ward"))));
  CHECK_FALSE(equal(as_bytes("ward"), as_bytes("warD")));
  CHECK_FALSE(equal(as_bytes("ward"), as_bytes("war")));
}

TEST_CASE("appending puts bytes behind those that are there") {
  ByteVector out;
  append(out, as_bytes("bed "));
  append(out, {});
  append(out, as_bytes("3"));
  CHECK(as_text(out) == "bed 3");
}

TEST_CASE("aligning goes up to the next multiple and leaves multiples alone") {
  CHECK(align_up(0, 8) == 0);
  CHECK(align_up(1, 8) == 8);
  CHECK(align_up(8, 8) == 8);
  CHECK(align_up(4097, 4096) == 8192);
}

TEST_CASE("the monotonic clock does not go back and wall time is in this century") {
  const SystemClock clock;
  const uint64_t before = clock.mono_ms();
  CHECK(clock.mono_ms() >= before);
  constexpr int64_t year_2024_us = 1'704'067'200'000'000;
  constexpr int64_t year_2100_us = 4'102'444'800'000'000;
  CHECK(clock.now_us() > year_2024_us);
  CHECK(clock.now_us() < year_2100_us);
}

}  // namespace
}  // namespace btb
