// Names other brokers in reach, for a client whose broker is full. The main thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sdk/cli/event_loop.h"
#include "sdk/cli/program.h"
#include "sdk/client/finder.h"

namespace btb::cli {

// Does nothing unless the client stopped because its broker is full, that broker was named by the
// user, and it is reached over Bluetooth. Then it listens for three seconds, at most until
// `deadline_ms` (Clock::mono_ms), and prints the brokers that have places. Blocks meanwhile.
// Returns the signal that ended it early, or 0.
int tell_who_is_in_reach(const Program& program, const client::Client& client, EventLoop& loop,
                         std::optional<uint64_t> deadline_ms = std::nullopt);

// "in reach: annexe at le:... (5 places free), ...". Names the best way to each broker that has a
// place and was not `tried`. With `by_broker` (a broker said that it is full) adapters that were
// tried are left out, too: their announcements may be older than that answer. Pure.
std::string in_reach_text(const std::vector<client::NearBroker>& brokers,
                          const std::vector<client::Way>& tried, bool by_broker);

}  // namespace btb::cli
