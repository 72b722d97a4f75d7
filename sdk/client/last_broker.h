// LastBroker: the broker a client of this user was last connected to over Bluetooth, kept in a file
// so that the next one tries it first. Functions; [any] thread.
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

// $XDG_STATE_HOME/btbroker/last_broker, else ~/.local/state/btbroker/last_broker; empty without
// either.
std::string last_broker_file();

// Nothing if there is no such file, or not one that was written here.
std::optional<LastBroker> read_last_broker(const std::string& file);
// Makes its folder, too. Errors: `io`.
Result<void> write_last_broker(const std::string& file, const LastBroker& broker);

}  // namespace btb::client
