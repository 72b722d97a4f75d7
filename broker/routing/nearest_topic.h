// nearest_topic: a guess which topics a person meant by a filter that matches none. [loop] thread.
#pragma once

#include <string>
#include <string_view>

#include "broker/routing/router.h"

namespace btb {

// Returns a filter or a topic to propose; empty if no topic is near.
// - The filter, with its mistyped words corrected after the nearest topic: "ward/#" for "wrad/#",
//   "ward/3A/medication" for "ward/3A/medicaton".
// - The topic whose last levels are the filter: "ward/3A/medication" for "medication".
// Looks at a bounded number of topics, the lowest numbers first, for a millisecond at most.
// REQUIRES: `filter` is valid.
std::string nearest_topic(const Router& router, std::string_view filter);

}  // namespace btb
