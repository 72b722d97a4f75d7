// LostLinks: finds BR/EDR links that the kernel of the device at the other end has lost.
//
// Linux 6.12 has a bug: if a program on the device gives up a connection that waits in the queue,
// the kernel takes the next connection to the same address for given up, too, and ignores that it
// was made. The device does not know this link and cannot end it, and every other connection of it
// fails while the link exists. So the broker has to end the link.
//
// A lost link was opened by the device, is not encrypted, and carries no session. Two others look
// the same: a look at service records, which is short, and a device older than Bluetooth 2.1. So
// the caller checks whether the device has paired before it ends a link.
//
// Value, part of UnusedLinks; [loop] thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "sdk/transport/bluetooth.h"

namespace btb {

class LostLinks {
 public:
  // Longer than a slow device takes from opening a link to its session.
  static constexpr uint64_t after_ms = 20'000;

  // `unused`: all links without a session. Returns the links that have looked lost for `after_ms`.
  // A link that still exists is returned again each time after `after_ms`. Call it about once a
  // second, with a monotonic time.
  std::vector<bluetooth::ClassicLink> due(const std::vector<bluetooth::ClassicLink>& unused,
                                          uint64_t now_ms);

 private:
  // Since when a link has looked lost, by adapter, device and handle.
  std::map<std::tuple<std::string, std::string, uint16_t>, uint64_t> known_;
};

}  // namespace btb
