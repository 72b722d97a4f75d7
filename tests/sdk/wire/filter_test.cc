#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "sdk/wire/topic_name.h"
#include "tests/sdk/wire/random.h"

namespace btb::wire {
namespace {

TEST_CASE("a filter without wildcards matches its own name only") {
  CHECK(filter_matches("ward/3", "ward/3"));
  CHECK_FALSE(filter_matches("ward/3", "ward/33"));
  CHECK_FALSE(filter_matches("ward/3", "ward"));
  CHECK_FALSE(filter_matches("ward", "ward/3"));
  CHECK_FALSE(filter_matches("ward/3", "Ward/3"));
}

TEST_CASE("+ stands for exactly one level") {
  CHECK(filter_matches("+", "ward"));
  CHECK_FALSE(filter_matches("+", "ward/3"));
  CHECK(filter_matches("ward/+", "ward/3"));
  CHECK_FALSE(filter_matches("ward/+", "ward"));
  CHECK_FALSE(filter_matches("ward/+", "ward/3/medication"));
  CHECK(filter_matches("+/3/+", "ward/3/medication"));
}

TEST_CASE("# stands for the level above it and everything below") {
  CHECK(filter_matches("#", "ward"));
  CHECK(filter_matches("#", "ward/3/medication"));
  CHECK(filter_matches("ward/#", "ward"));
  CHECK(filter_matches("ward/#", "ward/3/medication"));
  CHECK_FALSE(filter_matches("ward/#", "wards"));
  CHECK(filter_matches("+/#", "ward"));
  CHECK(filter_matches("ward/+/#", "ward/3"));
  CHECK_FALSE(filter_matches("ward/+/#", "ward"));
}

TEST_CASE("what belongs to the broker is matched only by filters that say so") {
  CHECK_FALSE(filter_matches("#", "$SYS/uptime"));
  CHECK_FALSE(filter_matches("+/uptime", "$SYS/uptime"));
  CHECK_FALSE(filter_matches("+", "$SYS"));
  CHECK(filter_matches("$SYS/#", "$SYS/uptime"));
  CHECK(filter_matches("$SYS/#", "$SYS"));
  CHECK(filter_matches("$SYS/+", "$SYS/uptime"));
  CHECK_FALSE(filter_matches("$SYS/#", "$dead/uptime"));
  CHECK(filter_matches("ward/#", "ward/$3"));
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == '/') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

// The definition, word by word, over lists of levels.
bool slow_matches(const std::vector<std::string>& filter, const std::vector<std::string>& name) {
  if (name[0][0] == '$' && (filter[0] == "+" || filter[0] == "#")) return false;
  size_t fixed = filter.size();
  const bool tail = filter.back() == "#";
  if (tail) --fixed;
  if (tail ? name.size() < fixed : name.size() != fixed) return false;
  for (size_t i = 0; i < fixed; ++i) {
    if (filter[i] != "+" && filter[i] != name[i]) return false;
  }
  return true;
}

TEST_CASE("random filters match random names exactly as the definition says") {
  Random random(8);
  int matched = 0;
  int valid = 0;
  for (int round = 0; round < 400'000; ++round) {
    const std::string filter = random.text("ab//++#$", 1 + random.below(8));
    const std::string name = random.text("aab//$", 1 + random.below(8));
    if (topic_filter_fault(filter) != nullptr || topic_name_fault(name) != nullptr) continue;
    ++valid;
    const bool expected = slow_matches(split(filter), split(name));
    matched += expected ? 1 : 0;
    if (filter_matches(filter, name) != expected) FAIL_CHECK(filter << " and " << name);
    if (expected) CHECK(name.starts_with(literal_prefix(filter)));
  }
  CHECK(valid > 10'000);
  CHECK(matched > 1'000);
}

}  // namespace
}  // namespace btb::wire
