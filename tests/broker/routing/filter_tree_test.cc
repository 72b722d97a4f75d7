#include "broker/routing/filter_tree.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "sdk/wire/topic_name.h"

namespace btb::test {
namespace {

// Values are the addresses of these.
struct Entry {
  std::string filter;
};

std::vector<std::string> matches(const FilterTree& tree, std::string_view name) {
  std::vector<std::string> out;
  tree.match(name, [&](FilterTree::Value value) {
    out.push_back(static_cast<const Entry*>(value)->filter);
  });
  std::sort(out.begin(), out.end());
  return out;
}

std::string random_text(std::mt19937& random, bool filter) {
  static constexpr std::array<const char*, 5> words{"a", "b", "c", "ab", "$s"};
  std::string out;
  const size_t levels = 1 + random() % 4;
  for (size_t i = 0; i < levels; ++i) {
    if (i != 0) out += '/';
    if (filter && i + 1 == levels && random() % 4 == 0) {
      out += '#';
    } else if (filter && random() % 3 == 0) {
      out += '+';
    } else {
      out += words[random() % words.size()];
    }
  }
  return out;
}

TEST_CASE("a tree of filters finds what the filters match one by one, each value once") {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    FilterTree tree;
    std::vector<std::unique_ptr<Entry>> entries;
    for (int step = 0; step < 60; ++step) {
      if (entries.empty() || random() % 3 != 0) {
        entries.push_back(std::make_unique<Entry>(Entry{random_text(random, true)}));
        tree.insert(entries.back()->filter, entries.back().get());
      } else {
        const size_t at = random() % entries.size();
        tree.erase(entries[at]->filter, entries[at].get());
        entries.erase(entries.begin() + static_cast<ptrdiff_t>(at));
      }
      REQUIRE(tree.size() == entries.size());
      const std::string name = random_text(random, false);
      std::vector<std::string> expected;
      for (const auto& entry : entries) {
        if (wire::filter_matches(entry->filter, name)) expected.push_back(entry->filter);
      }
      std::sort(expected.begin(), expected.end());
      CAPTURE(name);
      REQUIRE(matches(tree, name) == expected);
    }
  }
}

TEST_CASE("a filter with # matches the level above it, and wildcards leave reserved names alone") {
  FilterTree tree;
  Entry all{"#"}, below{"a/#"}, one{"+"}, reserved{"$SYS/#"}, deep{"+/x"};
  for (Entry* entry : {&all, &below, &one, &reserved, &deep}) tree.insert(entry->filter, entry);
  CHECK(matches(tree, "a") == std::vector<std::string>{"#", "+", "a/#"});
  CHECK(matches(tree, "a/x") == std::vector<std::string>{"#", "+/x", "a/#"});
  CHECK(matches(tree, "$SYS/x") == std::vector<std::string>{"$SYS/#"});
  CHECK(matches(tree, "$SYS") == std::vector<std::string>{"$SYS/#"});
  CHECK(matches(tree, "$other").empty());
}

TEST_CASE("one value may stand several times under one filter, and goes once at a time") {
  FilterTree tree;
  Entry entry{"a/+"};
  tree.insert("a/+", &entry);
  tree.insert("a/+", &entry);
  CHECK(matches(tree, "a/b").size() == 2);
  tree.erase("a/+", &entry);
  CHECK(matches(tree, "a/b").size() == 1);
  tree.erase("a/+", &entry);
  CHECK(matches(tree, "a/b").empty());
  CHECK(tree.size() == 0);
}

}  // namespace
}  // namespace btb::test
