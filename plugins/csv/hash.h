// Hashes of bytes, to find out whether something changed. They are written into resume tokens, so
// another hash would make old tokens useless. Pure; [any].
#pragma once

#include <cstdint>
#include <string_view>

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

namespace btb::csv {

inline uint64_t hash_of(std::string_view bytes, uint64_t seed = 0) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace btb::csv
