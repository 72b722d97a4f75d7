// The two clocks of a source: a steady one for waiting, and the wall clock, with which the times of
// files are compared. [any]
#pragma once

#include <chrono>
#include <cstdint>

namespace btb::csv {

// Milliseconds since some moment before the program began.
inline int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

// Nanoseconds since 1970.
inline int64_t wall_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

}  // namespace btb::csv
