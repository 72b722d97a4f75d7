// Way: how one broker can be reached. Value type.
#pragma once

#include <string>

#include "sdk/transport/endpoint.h"

namespace btb::client {

struct Way {
  Endpoint endpoint;
  std::string adapter = {};  // Bluetooth: to connect through, hci1 or its address; empty: any
  bool heard = false;        // nobody named it, it was heard: who refuses there may be anybody

  bool operator==(const Way&) const = default;
};

}  // namespace btb::client
