// Parts: the texts of warnings; comparing filters level by level; the two searches.
#include "broker/config/topic_kinds.h"

#include <algorithm>

#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

using Levels = std::vector<std::string_view>;

Levels levels_of(std::string_view filter) {
  Levels levels;
  for (size_t slash = filter.find('/'); slash != std::string_view::npos; slash = filter.find('/')) {
    levels.push_back(filter.substr(0, slash));
    filter.remove_prefix(slash + 1);
  }
  levels.push_back(filter);
  return levels;
}

std::string_view word_of(wire::TopicKind kind) {
  return wire::name_of(kind);
}

std::string text_of(const SourceConfig& source, const host::DeclaredTopics& topics) {
  const bool table = topics.kind == wire::TopicKind::state;
  return "this rule says `kind: " +
         std::string(word_of(table ? wire::TopicKind::events : wire::TopicKind::state)) +
         "`, but the source " + source.name + " makes `" + topics.filter + "` as " +
         std::string(word_of(topics.kind)) + ": " +
         (table ? "its deletions will be refused"
                : "its messages without a key will replace each other") +
         "; without `kind`, the source decides";
}

// True if one rule names the kind of all topics that match the filter.
bool is_ruled(const Config& config, const std::string& filter) {
  for (const TopicRule& rule : config.topics) {
    if (covers(rule.filter, filter)) return rule.names_kind;
  }
  return false;
}

void compare_sources(const Config& config, size_t first, size_t second,
                     std::vector<SourceDisagreement>& found) {
  const SourceConfig& one = config.sources[first];
  const SourceConfig& other = config.sources[second];
  for (const host::DeclaredTopics& a : one.topics) {
    for (const host::DeclaredTopics& b : other.topics) {
      if (a.kind == b.kind || !overlap(a.filter, b.filter)) continue;
      if (is_ruled(config, a.filter) || is_ruled(config, b.filter)) continue;
      found.push_back({second, "the source " + other.name + " makes `" + b.filter + "` as " +
                                   std::string(word_of(b.kind)) + " and the source " + one.name +
                                   " makes `" + a.filter + "` as " + std::string(word_of(a.kind)) +
                                   ": of a topic that both make the first one decides; " +
                                   "a rule of `topics` with `kind` decides for both"});
    }
  }
}

}  // namespace

bool covers(std::string_view outer, std::string_view inner) {
  const Levels wide = levels_of(outer);
  const Levels narrow = levels_of(inner);
  const bool wild_first = wide.front() == "+" || wide.front() == "#";
  if (wild_first && wire::is_reserved(inner)) return false;
  for (size_t i = 0; i < wide.size(); ++i) {
    if (wide[i] == "#") return true;
    if (i >= narrow.size() || narrow[i] == "#") return false;
    if (wide[i] != "+" && wide[i] != narrow[i]) return false;
  }
  return wide.size() == narrow.size();
}

bool overlap(std::string_view a, std::string_view b) {
  const Levels left = levels_of(a);
  const Levels right = levels_of(b);
  const auto is_wild_first = [](const Levels& levels) {
    return levels.front() == "+" || levels.front() == "#";
  };
  if (is_wild_first(left) && wire::is_reserved(b)) return false;
  if (is_wild_first(right) && wire::is_reserved(a)) return false;
  for (size_t i = 0;; ++i) {
    const bool left_ends = i == left.size();
    const bool right_ends = i == right.size();
    if ((!left_ends && left[i] == "#") || (!right_ends && right[i] == "#")) return true;
    if (left_ends || right_ends) return left_ends && right_ends;
    if (left[i] != "+" && right[i] != "+" && left[i] != right[i]) return false;
  }
}

std::vector<KindDisagreement> disagreements_of_kinds(const Config& config) {
  std::vector<KindDisagreement> found;
  for (const SourceConfig& source : config.sources) {
    for (const host::DeclaredTopics& topics : source.topics) {
      for (size_t i = 0; i < config.topics.size(); ++i) {
        const TopicRule& rule = config.topics[i];
        if (!overlap(rule.filter, topics.filter)) continue;
        if (rule.names_kind && rule.options.kind != topics.kind)
          found.push_back({i, text_of(source, topics)});
        if (covers(rule.filter, topics.filter)) break;  // later rules never count for these
      }
    }
  }
  return found;
}

std::vector<SourceDisagreement> disagreements_of_sources(const Config& config) {
  std::vector<SourceDisagreement> found;
  for (size_t second = 1; second < config.sources.size(); ++second) {
    for (size_t first = 0; first < second; ++first) compare_sources(config, first, second, found);
  }
  return found;
}

}  // namespace btb
