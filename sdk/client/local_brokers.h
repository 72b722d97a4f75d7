// Finds a broker on this machine that was not named. Functions; [any] thread. They read the
// environment and the directories.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/transport/endpoint.h"

namespace btb::client {

// Where local brokers have their sockets: $XDG_RUNTIME_DIR/btbroker (if the variable is set), then
// /run/btbroker.
std::vector<std::string> local_broker_directories();

// The *.sock in these directories that accept a connection, in the order of their names. For each
// other socket, the reason is appended to `reasons`.
std::vector<Endpoint> local_brokers(const std::vector<std::string>& directories,
                                    std::string& reasons);

// The endpoint in $BTB_BROKER. Nothing if the variable is not set. Error `invalid`: it is not an
// endpoint.
Result<std::optional<Endpoint>> named_broker();

// The endpoint in $BTB_BROKER if it is set, otherwise the first of local_brokers(). TCP is never
// guessed, because any program may answer on a port. Errors: `invalid` ($BTB_BROKER is not an
// endpoint), `not_found` (the text lists the places that were searched).
Result<Endpoint> find_broker(const std::vector<std::string>& directories);

}  // namespace btb::client
