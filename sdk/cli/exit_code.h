// The exit codes of the programs; docs/clients.md and every --help list the same ones. Pure
// functions; [any] thread.
#pragma once

#include <string>
#include <string_view>

#include "sdk/client/handler.h"

namespace btb::cli {

enum class Exit : int {
  ok = 0,
  error = 1,
  usage = 2,
  timeout = 3,      // too few messages came in time
  unreachable = 4,  // no broker was found, or it does not answer
  refused = 5,      // the broker said no
  interrupted = 130,
};

// The exit code for a client that stopped with this ending.
Exit exit_of(const client::Ending& ending);

// For people: "full (all 7 places of this adapter are taken)".
std::string reason_text(wire::Reason reason, std::string_view text);

// For people: "connection lost: the broker closed without a goodbye". `last`: the client has
// stopped. Then an ending by the broker reads "the broker ended the session" or "the broker
// refused".
std::string ending_text(const client::Ending& ending, bool last);

}  // namespace btb::cli
