#include "tests/bench/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace btb::bench {

// Index i stands for i itself below 256, else for the 128 steps of an octave: shift = i/128 - 1,
// value = (i%128 + 128)
// << shift.
uint64_t Histogram::quantile_ns(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen < std::max<uint64_t>(wanted, 1)) continue;
    if (i < (2U << fine_bits)) return i;
    const size_t shift = (i >> fine_bits) - 1;
    const uint64_t low = (static_cast<uint64_t>(i) - (shift << fine_bits)) << shift;
    return std::min(max_, low + (uint64_t{1} << shift) - 1);
  }
  return max_;
}

std::string Histogram::json() const {
  char text[200];
  const auto us = [this](double share) { return static_cast<double>(quantile_ns(share)) / 1000; };
  std::snprintf(text, sizeof text,
                R"({"samples":%llu,"p50_us":%.1f,"p99_us":%.1f,"p999_us":%.1f,"max_us":%.1f})",
                static_cast<unsigned long long>(count_), us(0.5), us(0.99), us(0.999),
                static_cast<double>(max_) / 1000);
  return text;
}

}  // namespace btb::bench
