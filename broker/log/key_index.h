// KeyIndex: where the newest frame of each key of a state topic lies.
//
// Open addressing with linear probing; 12 bytes an entry, because the keys themselves lie in the
// frames: whoever looks one up brings the comparison. Resource, owned by its TopicLog; [loop]
// thread.
#pragma once

#include <cstdint>
#include <vector>

#include "sdk/base/assert.h"

namespace btb {

class KeyIndex {
 public:
  struct Location {
    uint32_t segment = 0;  // Segment::id, never 0
    uint32_t offset = 0;
  };

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] size_t memory_bytes() const { return entries_.capacity() * sizeof(Entry); }

  // The location for which same(location) holds among those of this hash; null if there is none.
  // The pointer lives until the next insert or erase.
  template <class Same>
  Location* find(uint32_t hash, Same same) {
    if (entries_.empty()) return nullptr;
    for (size_t i = hash & mask();; i = (i + 1) & mask()) {
      Entry& entry = entries_[i];
      if (entry.location.segment == 0) return nullptr;
      if (entry.hash == hash && same(entry.location)) return &entry.location;
    }
  }

  // REQUIRES: the key is not in it.
  void insert(uint32_t hash, Location location);

  // Takes out what find returned.
  void erase(Location* location);

 private:
  struct Entry {
    uint32_t hash = 0;
    Location location;
  };
  [[nodiscard]] size_t mask() const { return entries_.size() - 1; }
  void grow();
  void place(const Entry& entry);

  std::vector<Entry> entries_;  // a power of two of them, at most three quarters full
  uint32_t size_ = 0;
};

}  // namespace btb
