#include "plugins/csv/key_table.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>

using btb::csv::KeyTable;

TEST_CASE("a key table holds what a map would, through any order of adding and erasing") {
  KeyTable table;
  std::map<std::pair<uint32_t, std::string>, uint32_t> model;
  std::mt19937 random(5);
  for (int round = 0; round < 100'000; ++round) {
    const uint32_t scope = random() % 2;
    const std::string key = "key " + std::to_string(random() % 500);
    const auto known = model.find({scope, key});
    if (random() % 3 == 0) {
      const uint32_t index = table.find(scope, key);
      REQUIRE((index == KeyTable::none) == (known == model.end()));
      if (index == KeyTable::none) continue;
      REQUIRE(index == known->second);
      table.erase(index);
      model.erase(known);
    } else {
      const auto [index, added] = table.find_or_add(scope, key, 1);
      REQUIRE(added == (known == model.end()));
      if (added) {
        model[{scope, key}] = index;
        table.set_topic(index, "topic/" + std::to_string(random() % 50));
      }
      REQUIRE(table.key_of(table[index]) == key);
      REQUIRE(table.topic_of(table[index]).starts_with("topic/"));
    }
    if (round % 1000 == 0) table.tidy();
    REQUIRE(table.size() == model.size());
  }
}

TEST_CASE("memory of keys that are gone is given back") {
  KeyTable table;
  const std::string long_key(1000, 'k');
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 1000; ++i) table.find_or_add(0, long_key + std::to_string(i), 1);
    for (int i = 0; i < 1000; ++i) table.erase(table.find(0, long_key + std::to_string(i)));
    table.tidy();
  }
  const auto [index, added] = table.find_or_add(0, "x", 1);
  CHECK(added);
  CHECK(table[index].key_offset < 4'000'000);
  CHECK(table.slots_end() <= 1001);
}

TEST_CASE("an entry's topic can change and a topic nobody has is forgotten") {
  KeyTable table;
  const uint32_t a = table.find_or_add(0, "a", 1).index;
  const uint32_t b = table.find_or_add(0, "b", 1).index;
  table.set_topic(a, "one");
  table.set_topic(b, "one");
  CHECK(table[a].topic == table[b].topic);
  table.set_topic(a, "two");
  CHECK(table.topic_of(table[a]) == "two");
  CHECK(table.topic_of(table[b]) == "one");
  table.erase(b);
  table.set_topic(a, "three");
  CHECK(table[a].topic <= 2);  // the place of "one" is used again
}
