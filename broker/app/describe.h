// What the broker's parts look like to an operator, as JSON: the bodies of btctl's answers and the
// rows of $SYS. Pure; [loop] thread.
#pragma once

#include <nlohmann/json.hpp>

#include "broker/routing/router.h"
#include "broker/session/sessions.h"
#include "broker/source/sources.h"

namespace btb {

using Json = nlohmann::ordered_json;

Json describe(const Topic& topic);
Json describe(const Session& session, uint64_t now_ms);
Json describe(const Source& source);

}  // namespace btb
