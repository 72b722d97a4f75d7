// Kinds of topics: where the rules of a configuration and what its sources declare meet. Pure;
// [any] thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/app/config.h"

namespace btb {

// True if every name that the filter `inner` matches is matched by `outer`.
bool covers(std::string_view outer, std::string_view inner);
// True if there is a name that both filters match.
bool overlap(std::string_view a, std::string_view b);

// A rule that names another kind than a source declares for topics it counts for.
struct KindDisagreement {
  size_t rule = 0;  // index in Config::topics
  std::string text;
};
std::vector<KindDisagreement> disagreements_of_kinds(const Config& config);

// Two sources that can make a topic of one name as different kinds, where no rule names its kind.
struct SourceDisagreement {
  size_t source = 0;  // the later one: index in Config::sources
  std::string text;
};
std::vector<SourceDisagreement> disagreements_of_sources(const Config& config);

}  // namespace btb
