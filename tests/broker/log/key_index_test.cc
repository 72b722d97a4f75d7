#include "broker/log/key_index.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

namespace btb {

TEST_CASE("a location holds segment numbers beyond 32 bits, with any offset of a frame") {
  using Location = KeyIndex::Location;
  CHECK(Location().nowhere());
  for (const uint64_t segment : {uint64_t{1}, (uint64_t{1} << 32) - 1, uint64_t{1} << 32,
                                 (uint64_t{1} << 32) + 1, Location::segment_max}) {
    for (const uint32_t offset : {0U, 8U, limits::segment_bytes_max - 8}) {
      const Location location(segment, offset);
      CHECK(!location.nowhere());
      CHECK(location.segment() == segment);
      CHECK(location.offset() == offset);
    }
  }
}

TEST_CASE(
    "a key index agrees with a map through random inserts and erases, also with colliding hashes") {
  std::mt19937 random(7);
  KeyIndex index;
  std::map<uint32_t, KeyIndex::Location> model;  // key -> location; the offset stands for the key
  const auto hash_of = [](uint32_t key) { return (key % 13) * 0x20000000U; };
  for (int step = 0; step < 20'000; ++step) {
    const uint32_t key = random() % 500;
    const auto same = [&](const KeyIndex::Location& at) { return at.offset() == key * 8; };
    KeyIndex::Location* found = index.find(hash_of(key), same);
    REQUIRE((found != nullptr) == model.contains(key));
    if (found == nullptr) {
      model[key] = {1 + random() % 100, key * 8};
      index.insert(hash_of(key), model[key]);
    } else {
      REQUIRE(*found == model[key]);
      index.erase(found);
      model.erase(key);
    }
    REQUIRE(index.size() == model.size());
  }
}

}  // namespace btb
