// Who else is in reach, for a client whose broker has no place for it. The main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sdk/cli/event_loop.h"
#include "sdk/cli/program.h"
#include "sdk/client/finder.h"

namespace btb::cli {

// If the client stopped because the broker that was named is full, and is on the air: listens for
// three seconds, at most until `deadline_ms` (Clock::mono_ms), and says who has places. The signal
// that ended it early, else 0.
int tell_who_is_in_reach(const Program& program, const client::Client& client, EventLoop& loop,
                         std::optional<uint64_t> deadline_ms = std::nullopt);

// "in reach: annexe at le:... (5 places free), ...": of each broker the best way that was not
// `tried`, and, if a broker said that there is no place (`by_broker`), to no adapter that was:
// its announcement may be older. Pure.
std::string in_reach_text(const std::vector<client::NearBroker>& brokers,
                          const std::vector<client::Way>& tried, bool by_broker);

}  // namespace btb::cli
