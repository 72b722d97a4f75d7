// Who else is in reach, for a client whose broker has no place for it. The main thread.
#pragma once

#include <string>
#include <vector>

#include "sdk/cli/event_loop.h"
#include "sdk/cli/program.h"
#include "sdk/client/finder.h"

namespace btb::cli {

// If the client stopped because the broker that was named is full, and is on the air: listens for
// three seconds and says who has places. A signal ends it early.
void tell_who_is_in_reach(const Program& program, const client::Client& client, EventLoop& loop);

// "in reach: annexe at le:... (5 places free), ...": of each broker the best way that was not
// `tried`. Pure.
std::string in_reach_text(const std::vector<client::NearBroker>& brokers,
                          const std::vector<client::Way>& tried);

}  // namespace btb::cli
