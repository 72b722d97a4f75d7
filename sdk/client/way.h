// Way: one way to reach a broker. Value type.
#pragma once

#include <string>

#include "sdk/transport/endpoint.h"

namespace btb::client {

struct Way {
  Endpoint endpoint;
  std::string adapter = {};  // Bluetooth: our adapter, hci1 or its address; empty: any
  // The way was heard over the air, and nobody named it. Any device may answer there, so a refusal
  // does not stop the client.
  bool heard = false;

  bool operator==(const Way&) const = default;
};

}  // namespace btb::client
