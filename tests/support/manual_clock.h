// ManualClock: time that stands still until a test moves it. Value type; both times move together.
#pragma once

#include "sdk/base/clock.h"

namespace btb::test {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] int64_t now_us() const override { return now_us_; }
  [[nodiscard]] uint64_t mono_ms() const override { return mono_ms_; }
  void advance_ms(uint64_t ms) {
    mono_ms_ += ms;
    now_us_ += static_cast<int64_t>(ms) * 1000;
  }

 private:
  int64_t now_us_ = 1'700'000'000'000'000;
  uint64_t mono_ms_ = 1'000;
};

}  // namespace btb::test
