#include "sdk/client/backoff.h"

#include <algorithm>

namespace btb::client {

namespace {

constexpr uint32_t doublings_max = 20;

}  // namespace

// xorshift64 (Marsaglia, "Xorshift RNGs", 2003, the triple 13, 7, 17).
uint32_t Jitter::below(uint32_t bound) {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return bound == 0 ? 0 : static_cast<uint32_t>((random_ >> 16) % bound);
}

uint32_t Backoff::next_ms(uint64_t now_ms, uint32_t at_least_ms) {
  if (connected_at_ms_ != 0 && now_ms - connected_at_ms_ >= options_.stable_ms) failures_ = 0;
  connected_at_ms_ = 0;
  const uint64_t doubled = static_cast<uint64_t>(options_.first_ms)
                           << std::min(failures_, doublings_max);
  if (failures_ < doublings_max) ++failures_;
  const auto whole = static_cast<uint32_t>(std::min<uint64_t>(doubled, options_.max_ms));
  return std::max(jitter_.of(whole), at_least_ms);
}

}  // namespace btb::client
