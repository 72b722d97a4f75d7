// Discovery: runs the broker's bluez::Presence and bluez::Enrolment on the loop. It announces the
// Bluetooth endpoints that the broker listens on. If there is no D-Bus or no bluetoothd, it reports
// that and tries again. The sockets work without it, for clients that know the address. Resource;
// [loop] thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/loop/loop.h"
#include "sdk/bluez/enrolment.h"
#include "sdk/bluez/presence.h"
#include "sdk/transport/endpoint.h"

namespace btb {

class Discovery final : private Poll::Events, private bluez::Presence::Events {
 public:
  // Receives events. `what` is the word of the event, `text` is for people. `good`: this change is
  // an improvement.
  using Tell = std::function<void(bool good, const std::string& what, const std::string& text)>;

  // `endpoints`: all that the broker listens on; those that are not Bluetooth are ignored. `site`:
  // see bluez::site_of. `tell` is called from the loop, and by the constructor.
  Discovery(Loop& loop, const std::string& broker_name, uint16_t site,
            const std::vector<Endpoint>& endpoints, Tell tell);
  // Ends the announcement and the pairing.
  ~Discovery();
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // True if at least one of these is a Bluetooth endpoint.
  static bool concerns(const std::vector<Endpoint>& endpoints);

  // These functions do what the functions of bluez::Presence with the same name do. Without a D-Bus
  // they do nothing, but the epoch is kept for later.
  void set_free_places(const std::string& adapter_address, uint8_t free);
  void set_epoch(uint8_t epoch);
  void tick();  // call it once a second
  [[nodiscard]] bool advertises(const std::string& adapter_address) const;
  // Lets devices pair during the next `seconds`. 0: ends this at once. False if there is no D-Bus,
  // or (unless it ends) no adapter.
  bool enrol(uint32_t seconds);
  // True while devices may pair.
  [[nodiscard]] bool is_enrolling() const;
  void drop_link(const std::string& adapter_address, const std::string& device_address);
  void drop_link_of_stranger(const std::string& adapter_address, const std::string& device_address,
                             std::function<bool()> still);
  [[nodiscard]] std::vector<bluez::AdapterState> adapters() const;

 private:
  void on_readable() override { turn(); }
  void on_writable() override { turn(); }
  void presence_event(bool good, const std::string& what, const std::string& text) override;
  void connect();
  void turn();

  Loop& loop_;
  bluez::PresenceOptions options_;
  Tell tell_;
  bool said_unreachable_ = false;
  std::unique_ptr<bluez::Bus> bus_;
  std::unique_ptr<bluez::Presence> presence_;
  std::unique_ptr<bluez::Enrolment> enrolment_;
  std::unique_ptr<Poll> poll_;
  Timer enrolment_timer_;
  Timer timer_;  // with a bus: its timeout; without one: the next attempt to connect
};

}  // namespace btb
