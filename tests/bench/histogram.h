// Histogram: times in nanoseconds, counted in buckets whose width is at most 1/128 of their value.
// Recording costs a shift and an increment, however many there are. Value; one thread.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace btb::bench {

class Histogram {
 public:
  void record(int64_t value_ns) {
    const auto value = static_cast<uint64_t>(value_ns < 0 ? 0 : value_ns);
    ++buckets_[index_of(value)];
    ++count_;
    if (value > max_) max_ = value;
  }
  [[nodiscard]] uint64_t count() const { return count_; }
  // The smallest bucket's upper bound that at least `share` (0 to 1) of all values do not exceed; 0
  // without values.
  [[nodiscard]] uint64_t quantile_ns(double share) const;
  // A JSON object: samples, and p50_us, p99_us, p999_us, max_us.
  [[nodiscard]] std::string json() const;

 private:
  static constexpr unsigned fine_bits = 7;
  static size_t index_of(uint64_t value) {
    const auto width = static_cast<unsigned>(std::bit_width(value));
    if (width <= fine_bits + 1) return value;
    const unsigned shift = width - fine_bits - 1;
    return (static_cast<size_t>(shift) << fine_bits) + (value >> shift);
  }

  std::vector<uint64_t> buckets_ = std::vector<uint64_t>((64 - fine_bits) << fine_bits);
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace btb::bench
