// Backoff: how long to wait before connecting again. Grows exponentially up to a bound, with jitter
// so that a thousand clients of a broker that came back do not all come in the same moment, and
// starts anew after a session that was stable. Value type; times are Clock::mono_ms values.
#pragma once

#include <cstdint>

#include "sdk/base/clock.h"

namespace btb::client {

struct BackoffOptions {
  uint32_t first_ms = 100;      // before jitter
  uint32_t max_ms = 30'000;     // before jitter
  uint32_t stable_ms = 10'000;  // a session of at least this length starts anew
};

// Random numbers, enough to spread clients in time. Value type.
class Jitter {
 public:
  // `seed` tells one client's from another's; any value.
  explicit Jitter(uint64_t seed) : random_(seed | 1) {}
  // Less than `bound`; 0 if that is 0.
  uint32_t below(uint32_t bound);
  // Between half of and the whole of it.
  uint32_t of(uint32_t whole) { return whole - below(whole / 2 + 1); }

 private:
  uint64_t random_;
};

// Of now and of the object that has it: another one for each client, wherever it runs.
inline uint64_t jitter_seed(const Clock& clock, const void* object) {
  return static_cast<uint64_t>(clock.now_us()) * 0x9E3779B97F4A7C15U ^
         reinterpret_cast<uintptr_t>(object);
}

class Backoff {
 public:
  // As of Jitter.
  Backoff(BackoffOptions options, uint64_t seed) : options_(options), jitter_(seed) {}

  void connected(uint64_t now_ms) { connected_at_ms_ = now_ms; }

  // Milliseconds to wait after an attempt that failed or a session that ended: the n-th one in a
  // row between half of and the whole of first_ms * 2^(n-1), at most max_ms; and never less than
  // `at_least_ms`, which the broker asked for.
  uint32_t next_ms(uint64_t now_ms, uint32_t at_least_ms);

 private:
  BackoffOptions options_;
  Jitter jitter_;
  uint64_t connected_at_ms_ = 0;  // 0: not since the last next_ms
  uint32_t failures_ = 0;
};

}  // namespace btb::client
