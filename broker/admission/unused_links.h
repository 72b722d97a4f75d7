// UnusedLinks: finds and ends Bluetooth links that no session uses. Such a link takes a place of
// its adapter for nothing. There are two kinds: BR/EDR links that the device at the other end has
// lost (see LostLinks), and LE links whose session ended. Resource; [loop] thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "broker/admission/lost_links.h"
#include "sdk/transport/bluetooth.h"

namespace btb {

class UnusedLinks {
 public:
  // Ends links. `adapter` and `device` are addresses.
  class Radio {
   public:
    virtual void drop_link(const std::string& adapter, const std::string& device) = 0;
    // Ends the link only if the device has not paired. That may be known later: then the link is
    // ended only if still() is true.
    virtual void drop_link_of_stranger(const std::string& adapter, const std::string& device,
                                       std::function<bool()> still) = 0;

   protected:
    ~Radio() = default;
  };
  // Whether a device has a session at an adapter.
  using InUse = std::function<bool(const std::string& adapter, const std::string& device)>;

  explicit UnusedLinks(InUse in_use) : in_use_(std::move(in_use)) {}
  UnusedLinks(const UnusedLinks&) = delete;
  UnusedLinks& operator=(const UnusedLinks&) = delete;

  // A session over LE ended. The kernel ends a BR/EDR link when nothing uses it any more. An LE
  // link stays, because bluetoothd on both sides keeps it and begins to talk GATT on it.
  void le_session_ended(std::string adapter, std::string device, uint64_t now_ms);
  // Ends LE links that no session has used for a while. If `radio` is null, it forgets them. Call
  // it once a second.
  void end_le_links(Radio* radio, uint64_t now_ms);
  // `links`: all BR/EDR links. Ends those that their device has lost. `spare`: ends none, because a
  // person may be pairing a device now. Call it about once a second.
  void end_lost_links(const std::vector<bluetooth::ClassicLink>& links, bool spare, Radio& radio,
                      uint64_t now_ms);

 private:
  struct LeLink {
    std::string adapter;
    std::string device;
    uint64_t since_ms = 0;  // since then no session has used it
  };

  InUse in_use_;
  std::vector<LeLink> le_links_;
  LostLinks lost_links_;
};

}  // namespace btb
