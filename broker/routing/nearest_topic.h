// nearest_topic: which topics somebody may have meant by a filter that matches none. [loop] thread.
#pragma once

#include <string>
#include <string_view>

#include "broker/routing/router.h"

namespace btb {

// The filter with its words mended after the topic that is nearest ("wrad/#": "ward/#";
// "ward/3A/medicaton": "ward/3A/medication"), or the topic that the filter is the last levels of
// ("medication": "ward/3A/medication"); empty if none is near. Looks at a bounded number of
// topics, the oldest first, for a millisecond at most. REQUIRES: a valid filter.
std::string nearest_topic(const Router& router, std::string_view filter);

}  // namespace btb
