// Clock: the only source of time in the project. It is passed in, so that tests control it.
//
// Two times: `now_us` is wall time (microseconds since 1970-01-01 UTC, may jump, goes into frames)
// and `mono_ms` is monotonic (milliseconds since some start, never jumps, for time-outs).
// Implementations are safe from [any] thread.
#pragma once

#include <chrono>
#include <cstdint>

namespace btb {

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual int64_t now_us() const = 0;
  [[nodiscard]] virtual uint64_t mono_ms() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] int64_t now_us() const override {
    using namespace std::chrono;
    return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  }
  [[nodiscard]] uint64_t mono_ms() const override {
    using namespace std::chrono;
    return static_cast<uint64_t>(
        duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
  }
};

}  // namespace btb
