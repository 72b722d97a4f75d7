// Brokers that are found over Bluetooth: what was heard of them, as endpoints to connect to.
// Functions; [any] thread.
#pragma once

#include <string>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/bluez/scan.h"
#include "sdk/transport/endpoint.h"

namespace btb::client {

// How it can be reached, best first: L2CAP carries most, then LE.
std::vector<Endpoint> endpoints_of(const bluez::Found& found);

// The nearest broker that is heard within three seconds and has a place. Waits. Errors: `not_found`
// (with what was heard: nobody, or brokers that are full), and those of bluez::scan.
Result<Endpoint> find_broker_on_air(const std::string& adapter);

}  // namespace btb::client
