// KeyIndex: where the newest frame of each key of a state topic lies.
//
// A hash table with open addressing and linear probing. An entry takes 12 bytes: the keys lie in
// the frames only, so the caller of find brings the comparison. Resource, owned by its TopicLog;
// [loop] thread.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "sdk/base/assert.h"
#include "sdk/base/limits.h"
#include "sdk/wire/frame.h"

namespace btb {

class KeyIndex {
 public:
  // Where a frame lies: a segment and an offset in it, packed into 8 bytes with an alignment of 4.
  // Frames begin at multiples of 8, so 13 bits are enough for the offset. The other 51 bits are the
  // segment's id; at a million segments a second they last for 71 years. Value type.
  class Location {
   public:
    static constexpr uint32_t offset_bits =
        std::bit_width(limits::segment_bytes_max / wire::frame_alignment - 1);
    static constexpr uint64_t segment_max = UINT64_MAX >> offset_bits;

    Location() = default;  // nowhere
    // REQUIRES: segment is in 1..segment_max, offset a multiple of 8 below segment_bytes_max.
    Location(uint64_t segment, uint32_t offset) {
      BTB_ASSERT(segment != 0 && segment <= segment_max);
      BTB_ASSERT(offset % wire::frame_alignment == 0 && offset < limits::segment_bytes_max);
      const uint64_t both = segment << offset_bits | offset / wire::frame_alignment;
      high_ = static_cast<uint32_t>(both >> 32);
      low_ = static_cast<uint32_t>(both);
    }
    [[nodiscard]] bool nowhere() const { return (high_ | low_) == 0; }
    [[nodiscard]] uint64_t segment() const { return packed() >> offset_bits; }
    [[nodiscard]] uint32_t offset() const {
      return (low_ & ((1U << offset_bits) - 1)) * wire::frame_alignment;
    }
    bool operator==(const Location&) const = default;

   private:
    [[nodiscard]] uint64_t packed() const { return uint64_t{high_} << 32 | low_; }

    uint32_t high_ = 0;
    uint32_t low_ = 0;
  };

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] size_t memory_bytes() const { return entries_.capacity() * sizeof(Entry); }

  // Calls same(location) for the entries with this hash. Returns the first location for which it is
  // true; null if there is none. The caller may change the location through the pointer, which is
  // valid until the next insert or erase.
  template <class Same>
  Location* find(uint32_t hash, Same same) {
    if (entries_.empty()) return nullptr;
    for (size_t i = hash & mask();; i = (i + 1) & mask()) {
      Entry& entry = entries_[i];
      if (entry.location.nowhere()) return nullptr;
      if (entry.hash == hash && same(entry.location)) return &entry.location;
    }
  }

  // REQUIRES: the index has no entry for this key.
  void insert(uint32_t hash, Location location);

  // Removes one entry. REQUIRES: `location` came from find, with no insert or erase since.
  void erase(Location* location);

 private:
  struct Entry {
    uint32_t hash = 0;
    Location location;
  };
  static_assert(sizeof(Entry) == 12);
  [[nodiscard]] size_t mask() const { return entries_.size() - 1; }
  void grow();
  void place(const Entry& entry);

  std::vector<Entry> entries_;  // the size is a power of two; at most three quarters are in use
  uint32_t size_ = 0;
};

}  // namespace btb
