// Backoff: how long to wait before connecting again. The wait doubles up to a bound, and is short
// again after a stable session. Jitter spreads the clients: when a broker comes back, a thousand of
// them do not connect in one moment. Value types; times are Clock::mono_ms values.
#pragma once

#include <cstdint>

#include "sdk/base/clock.h"

namespace btb::client {

struct BackoffOptions {
  uint32_t first_ms = 100;      // before jitter
  uint32_t max_ms = 30'000;     // before jitter
  uint32_t stable_ms = 10'000;  // after a session of this length the wait is first_ms again
};

// Random numbers, enough to spread clients in time. Value type.
class Jitter {
 public:
  // `seed` may be any value; give each client another one.
  explicit Jitter(uint64_t seed) : random_(seed | 1) {}
  // A number less than `bound`; 0 if `bound` is 0.
  uint32_t below(uint32_t bound);
  // A number from half of `whole` to `whole`.
  uint32_t of(uint32_t whole) { return whole - below(whole / 2 + 1); }

 private:
  uint64_t random_;
};

// A seed made of the time and an object's address: each client has another one, on any machine.
inline uint64_t jitter_seed(const Clock& clock, const void* object) {
  return static_cast<uint64_t>(clock.now_us()) * 0x9E3779B97F4A7C15U ^
         reinterpret_cast<uintptr_t>(object);
}

class Backoff {
 public:
  // `seed`: see Jitter.
  Backoff(BackoffOptions options, uint64_t seed) : options_(options), jitter_(seed) {}

  // A session began.
  void connected(uint64_t now_ms) { connected_at_ms_ = now_ms; }

  // Call it after an attempt that failed or a session that ended. Returns the milliseconds to wait.
  // After the n-th failure in a row this is a number from half of w to w, where w is
  // first_ms * 2^(n-1), at most max_ms. It is never less than `at_least_ms`, which the broker asks.
  uint32_t next_ms(uint64_t now_ms, uint32_t at_least_ms);

 private:
  BackoffOptions options_;
  Jitter jitter_;
  uint64_t connected_at_ms_ = 0;  // 0: no session since the last next_ms
  uint32_t failures_ = 0;
};

}  // namespace btb::client
