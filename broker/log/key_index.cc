#include "broker/log/key_index.h"

#include <cstddef>
#include <utility>

namespace btb {

void KeyIndex::place(const Entry& entry) {
  size_t i = entry.hash & mask();
  while (!entries_[i].location.nowhere()) i = (i + 1) & mask();
  entries_[i] = entry;
}

void KeyIndex::grow() {
  std::vector<Entry> old = std::exchange(entries_, {});
  entries_.resize(old.empty() ? 4 : old.size() * 2);
  for (const Entry& entry : old) {
    if (!entry.location.nowhere()) place(entry);
  }
}

void KeyIndex::insert(uint32_t hash, Location location) {
  BTB_ASSERT(!location.nowhere());
  if ((size_ + 1) * size_t{4} > entries_.size() * 3) grow();
  place({hash, location});
  ++size_;
}

// Closes the hole by moving back every following entry that may stand there (Knuth, vol. 3, 6.4,
// algorithm R).
void KeyIndex::erase(Location* location) {
  auto* entry =
      reinterpret_cast<Entry*>(reinterpret_cast<char*>(location) - offsetof(Entry, location));
  size_t hole = static_cast<size_t>(entry - entries_.data());
  BTB_ASSERT(hole < entries_.size() && !entries_[hole].location.nowhere());
  for (size_t i = (hole + 1) & mask(); !entries_[i].location.nowhere(); i = (i + 1) & mask()) {
    const size_t home = entries_[i].hash & mask();
    if (((i - home) & mask()) >= ((i - hole) & mask())) {
      entries_[hole] = entries_[i];
      hole = i;
    }
  }
  entries_[hole] = Entry{};
  --size_;
}

}  // namespace btb
