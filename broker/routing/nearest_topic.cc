#include "broker/routing/nearest_topic.h"

#include <algorithm>
#include <vector>

#include "sdk/base/nearest_word.h"

namespace btb {

namespace {

constexpr uint32_t topics_looked_at_max = 4'096;
// Cells in all tables for computing edit distances: the bound on time.
constexpr size_t cells_max = 200'000;

using Levels = std::vector<std::string_view>;

Levels levels_of(std::string_view name) {
  Levels levels;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    levels.push_back(name.substr(begin, end - begin));
    begin = end + 1;
  }
  return levels;
}

std::string joined(const Levels& levels) {
  std::string text;
  for (size_t i = 0; i < levels.size(); ++i) {
    if (i != 0) text += '/';
    text += levels[i];
  }
  return text;
}

struct Candidate {
  std::string filled;  // the filter with the topic's own levels where it has wildcards
  std::string mended;  // the text to propose
};

// The filter that is nearest to `filter` and matches the topic. `rest`: it ends with "#".
Candidate candidate_of(const Levels& filter, bool rest, std::string_view topic) {
  Levels name = levels_of(topic);
  if (rest && name.size() > filter.size()) name.resize(filter.size());
  Levels filled = filter;
  Levels mended = name;
  for (size_t i = 0; i < filled.size() && i < name.size(); ++i) {
    if (filled[i] != "+") continue;
    filled[i] = name[i];
    if (filter.size() == name.size()) mended[i] = "+";
  }
  Candidate candidate{joined(filled), joined(mended)};
  if (rest) candidate.mended += "/#";
  return candidate;
}

}  // namespace

std::string nearest_topic(const Router& router, std::string_view filter) {
  Levels levels = levels_of(filter);
  const bool rest = levels.back() == "#";
  if (rest) levels.pop_back();
  const bool has_words = std::any_of(levels.begin(), levels.end(),
                                     [](std::string_view level) { return level != "+"; });
  if (!has_words || filter.size() > nearest::word_bytes_max) return {};
  const std::string ending = "/" + std::string(filter);
  size_t best = std::max<size_t>(1, filter.size() / 3) + 1;
  size_t cells = 0;
  std::string found;
  const auto looked_at = std::min<size_t>(router.last_number(), topics_looked_at_max);
  for (uint32_t number = 1; number <= looked_at && cells < cells_max; ++number) {
    const Topic* topic = router.find(number);
    if (topic == nullptr || topic->name.starts_with('$') != filter.starts_with('$')) continue;
    if (topic->name.ends_with(ending) && best > 1) {
      best = 1;
      found = topic->name;
      continue;
    }
    const Candidate candidate = candidate_of(levels, rest, topic->name);
    const std::string name =
        rest ? candidate.mended.substr(0, candidate.mended.size() - 2) : std::string(topic->name);
    const size_t longer = std::max(name.size(), candidate.filled.size());
    const size_t shorter = std::min(name.size(), candidate.filled.size());
    if (longer > nearest::word_bytes_max || longer - shorter >= best) continue;
    cells += longer * longer;
    const size_t edits = nearest::distance(candidate.filled, name);
    if (edits >= best || edits >= longer) continue;
    best = edits;
    found = candidate.mended;
  }
  return found;
}

}  // namespace btb
