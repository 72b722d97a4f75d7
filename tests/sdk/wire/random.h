// Random things for the tests of sdk/wire: frames, bytes, names. Seeded, so that a failure comes
// again. Test code.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "sdk/base/bytes.h"
#include "sdk/wire/frame.h"

namespace btb::wire {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}

  // From 0 up to, not including, `end`.
  uint32_t below(uint32_t end) {
    return std::uniform_int_distribution<uint32_t>(0, end - 1)(engine_);
  }
  std::byte byte() { return static_cast<std::byte>(below(256)); }
  ByteVector bytes(size_t size) {
    ByteVector out(size);
    for (std::byte& b : out) b = byte();
    return out;
  }
  // `size` characters out of `alphabet`.
  std::string text(std::string_view alphabet, size_t size) {
    std::string out;
    for (size_t i = 0; i < size; ++i)
      out += alphabet[below(static_cast<uint32_t>(alphabet.size()))];
    return out;
  }
  // A head with everything but the sizes filled in.
  DataHead head() {
    DataHead head;
    head.topic = 1 + below(1000);
    head.seq = 1 + (static_cast<uint64_t>(below(1000)) << 30);
    head.time_us = static_cast<int64_t>(below(1U << 30)) * 1'000'000 - 7;
    head.flags = static_cast<uint8_t>((below(4) << flag::priority_shift) |
                                      (below(2) != 0 ? flag::batch_more : 0));
    return head;
  }

 private:
  std::mt19937 engine_;
};

}  // namespace btb::wire
