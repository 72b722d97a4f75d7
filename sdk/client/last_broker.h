// LastBroker: the last broker that a client of this user was connected to over Bluetooth. It is
// kept in a file, and the next client tries it first. Functions; [any] thread; they read and write
// files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sdk/base/result.h"
#include "sdk/transport/endpoint.h"

namespace btb::client {

struct LastBroker {
  Endpoint endpoint;
  std::string name;     // as it called itself
  uint16_t site = 0;    // see bluez::Announcement; 0: not known
  int64_t seen_us = 0;  // when it worked, since 1970-01-01 UTC

  bool operator==(const LastBroker&) const = default;
};

// $XDG_STATE_HOME/btbroker/last_broker, or ~/.local/state/btbroker/last_broker if that variable is
// not set. Empty if $HOME is not set either.
std::string last_broker_file();

// Nothing if there is no such file, or if write_last_broker did not write it.
std::optional<LastBroker> read_last_broker(const std::string& file);
// Makes its folder, too. Errors: `io`.
Result<void> write_last_broker(const std::string& file, const LastBroker& broker);

}  // namespace btb::client
