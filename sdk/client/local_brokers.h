// Finding a broker that was not named. Functions; [any] thread; reads the environment and two
// directories.
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

// The sockets in these directories, in the order of their names, on which somebody listens. What
// kept the others from it is appended to `reasons`.
std::vector<Endpoint> local_brokers(const std::vector<std::string>& directories,
                                    std::string& reasons);

// The endpoint in $BTB_BROKER, if it is set; nothing if not. Errors: `invalid`.
Result<std::optional<Endpoint>> named_broker();

// The endpoint in $BTB_BROKER, if it is set; else the first *.sock of these directories, in the
// order of their names, on which somebody listens. TCP is never guessed: what answers on a port may
// be anybody's. Errors: `invalid` ($BTB_BROKER is not an endpoint), `not_found` (with the places
// that were looked at).
Result<Endpoint> find_broker(const std::vector<std::string>& directories);

}  // namespace btb::client
