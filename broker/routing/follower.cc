#include "broker/routing/follower.h"

#include <utility>

#include "sdk/base/assert.h"

namespace btb {

size_t FollowerIndex::home(const Topic* topic) const {
  const auto bits = reinterpret_cast<uintptr_t>(topic);
  return static_cast<size_t>((bits * 0x9E3779B97F4A7C15ULL) >> 32) & mask();
}

Follower* FollowerIndex::find(const Topic& topic) const {
  if (places_.empty()) return nullptr;
  for (size_t i = home(&topic); places_[i] != nullptr; i = (i + 1) & mask()) {
    if (places_[i]->topic == &topic) return places_[i];
  }
  return nullptr;
}

void FollowerIndex::place(Follower* follower) {
  size_t i = home(follower->topic);
  while (places_[i] != nullptr) i = (i + 1) & mask();
  places_[i] = follower;
}

void FollowerIndex::insert(Follower* follower) {
  if ((size_ + 1) * size_t{4} > places_.size() * 3) {
    std::vector<Follower*> old = std::exchange(places_, {});
    places_.resize(old.empty() ? 4 : old.size() * 2);
    for (Follower* each : old) {
      if (each != nullptr) place(each);
    }
  }
  place(follower);
  ++size_;
}

// Closes the hole as KeyIndex::erase does.
void FollowerIndex::erase(const Follower* follower) {
  size_t hole = home(follower->topic);
  while (places_[hole] != follower) {
    BTB_ASSERT(places_[hole] != nullptr);
    hole = (hole + 1) & mask();
  }
  for (size_t i = (hole + 1) & mask(); places_[i] != nullptr; i = (i + 1) & mask()) {
    if (((i - home(places_[i]->topic)) & mask()) >= ((i - hole) & mask())) {
      places_[hole] = places_[i];
      hole = i;
    }
  }
  places_[hole] = nullptr;
  if (--size_ == 0) clear();
}

}  // namespace btb
