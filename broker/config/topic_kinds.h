// Compares the kinds of topics that the rules of a configuration name with the kinds that its
// sources declare. Pure; [any] thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config.h"

namespace btb {

// True if every name that the filter `inner` matches is matched by `outer`.
bool covers(std::string_view outer, std::string_view inner);
// True if there is a name that both filters match.
bool overlap(std::string_view a, std::string_view b);

// A rule names one kind, and a source declares the other kind for topics that the rule decides
// about.
struct KindDisagreement {
  size_t rule = 0;   // index in Config::topics
  std::string text;  // the warning, for people
};
std::vector<KindDisagreement> disagreements_of_kinds(const Config& config);

// Two sources declare different kinds for topics that both can make, and no rule names the kind.
struct SourceDisagreement {
  size_t source = 0;  // the second one of the two: index in Config::sources
  std::string text;   // the warning, for people
};
std::vector<SourceDisagreement> disagreements_of_sources(const Config& config);

}  // namespace btb
