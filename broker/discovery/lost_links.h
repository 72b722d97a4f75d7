// LostLinks: BR/EDR links that the kernel of the device at their other end has lost.
//
// Linux 6.12 loses one when a connection is given up while it waits its turn: the next one to the
// same device is then taken for given up, too, and that it was made is ignored. The device cannot
// end what it does not know, and every other connection of it fails as long as the link lives, so
// this side has to end it. Such a link was opened by the device and carries nothing, not even
// encryption. So does a look at service records, which is short, and what is older than Bluetooth
// 2.1; who is told of a link here has to see whether its device has paired.
//
// Value; one thread.
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
  // Longer than opening a session takes, with all that a slow device does before.
  static constexpr uint64_t after_ms = 20'000;

  // Of the links there are that carry no session, those that have been as a lost one is for
  // `after_ms`. One that is there still is told again after as long.
  std::vector<bluetooth::ClassicLink> due(const std::vector<bluetooth::ClassicLink>& unused,
                                          uint64_t now_ms);

 private:
  // By adapter, device and handle: since when.
  std::map<std::tuple<std::string, std::string, uint16_t>, uint64_t> known_;
};

}  // namespace btb
