// Discovery: the broker's Presence over Bluetooth, on the loop. From the endpoints that are
// listened on it makes what is announced. Without a D-Bus or a bluetoothd it says so, and the
// sockets work all the same for those who know the address. Resource; [loop] thread.
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
  // `good`: for the better.
  using Tell = std::function<void(bool good, const std::string& what, const std::string& text)>;

  // `tell` is called from the loop, and by the constructor.
  Discovery(Loop& loop, const std::string& broker_name, uint16_t site,
            const std::vector<Endpoint>& endpoints, Tell tell);
  ~Discovery();
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // Whether any of these is announced.
  static bool concerns(const std::vector<Endpoint>& endpoints);

  void set_free_places(const std::string& adapter_address, uint8_t free);
  void set_epoch(uint8_t epoch);
  void tick();  // once a second
  // Whether what is announced at this adapter is on the air.
  [[nodiscard]] bool advertises(const std::string& adapter_address) const;
  // Lets devices pair for so long from now; 0: no longer. False if there is no bluetoothd to ask.
  bool enrol(uint32_t seconds);
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
  Timer timer_;  // of the bus; without one, until the next attempt
};

}  // namespace btb
