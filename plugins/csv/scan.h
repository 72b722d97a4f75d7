// SpecialScanner: finds the next byte that has a meaning for a CSV parser. It scans 64 bytes in one
// step and keeps a mask with one bit for each special byte of these; further calls of find in the
// same 64 bytes only look at the mask.
//
// Value; one thread. Borrows the window that it scans.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace btb::csv {

class SpecialScanner {
 public:
  static constexpr size_t step = 64;
  using Specials = std::array<char, 5>;  // the same byte may stand there more than once

  explicit SpecialScanner(const Specials& specials) : specials_(specials) {
    for (const char c : specials) is_special_[static_cast<uint8_t>(c)] = 1;
  }

  // Begins with a new window. Borrows it until the next look_at.
  void look_at(const char* data, size_t size) {
    data_ = data;
    size_ = size;
    block_ = none;
  }

  // Position of the first special byte at or behind `from`; the size of the window if there is
  // none.
  size_t find(size_t from) {
    while (from < size_) {
      const size_t block = from & ~(step - 1);
      if (block != block_) load(block);
      const uint64_t rest = mask_ >> (from - block);
      if (rest != 0) return from + static_cast<size_t>(std::countr_zero(rest));
      from = block + step;
    }
    return size_;
  }

 private:
  static constexpr size_t none = ~size_t{0};

  void load(size_t block) {
    block_ = block;
    mask_ =
        size_ - block >= step ? whole_mask(data_ + block) : part_mask(data_ + block, size_ - block);
  }

  uint64_t part_mask(const char* at, size_t count) const {
    uint64_t mask = 0;
    for (size_t i = 0; i < count; ++i) {
      mask |= uint64_t{is_special_[static_cast<uint8_t>(at[i])]} << i;
    }
    return mask;
  }

#if defined(__SSE2__)
  uint64_t whole_mask(const char* at) const {
    uint64_t mask = 0;
    for (size_t i = 0; i < step; i += 16) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i));
      __m128i hits = _mm_setzero_si128();
      for (const char c : specials_)
        hits = _mm_or_si128(hits, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
      mask |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(hits))} << i;
    }
    return mask;
  }
#else
  uint64_t whole_mask(const char* at) const {
    return part_mask(at, step);
  }
#endif

  Specials specials_;
  std::array<uint8_t, 256> is_special_{};
  const char* data_ = nullptr;
  size_t size_ = 0;
  size_t block_ = none;
  uint64_t mask_ = 0;
};

}  // namespace btb::csv
