// Parts of the broker as JSON for an operator: in the answers to btctl, and in the rows of
// $SYS/sources. Programs of others read the names in it, so they must not change without need.
// Texts of plugins are in it as they are, and may not be UTF-8. Pure; [loop] thread.
#pragma once

#include <nlohmann/json.hpp>

#include "broker/routing/router.h"
#include "broker/session/sessions.h"
#include "broker/source/sources.h"

namespace btb {

using Json = nlohmann::ordered_json;

Json describe(const Topic& topic);
// `now_ms`: the time of the monotonic clock, for the age of the session.
Json describe(const Session& session, uint64_t now_ms);
Json describe(const Source& source);

}  // namespace btb
