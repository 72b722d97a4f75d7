// Presence: how a broker is found over Bluetooth. It makes each adapter that the broker listens on
// connectable and discoverable. If the broker listens on LE, each adapter also advertises its
// Announcement. One SDP record serves all adapters. All this is done again when an adapter appears
// or is switched on, and when bluetoothd is restarted.
//
// Devices cannot pair unless an operator wants it (allow_pairing). Presence never switches an
// adapter on: the person that switched it off had a reason. It does not need root: the D-Bus policy
// of bluetoothd lets every user do these things.
//
// Nothing here waits: results come later, as events. Resource; one thread, in which the Bus is
// processed. Borrows the Bus and the events. The Bus must not be processed after it is destroyed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "sdk/bluez/announcement.h"
#include "sdk/bluez/bus.h"
#include "sdk/bluez/service_record.h"

struct sd_bus_slot;

namespace btb::bluez {

struct PresenceOptions {
  std::string name;  // of the broker, for people
  Announcement announcement;
  uint16_t l2cap_psm = 0;          // 0: does not listen on L2CAP
  uint8_t rfcomm_channel = 0;      // 0: does not listen on RFCOMM
  std::set<std::string> adapters;  // names (hci0) or addresses; empty: all adapters
};

struct AdapterState {
  std::string name;  // hci0
  std::string address;
  bool powered = false;
  bool discoverable = false;
  bool pairable = false;
};

class Presence {
 public:
  class Events {
   public:
    // For the journal. `good`: this change is an improvement. `what`: a fixed word, such as
    // "adapter_there". `text`: details for people, may be empty.
    virtual void presence_event(bool good, const std::string& what, const std::string& text) = 0;

   protected:
    ~Events() = default;
  };

  Presence(Bus& bus, PresenceOptions options, Events& events);
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  void start();
  // Whether devices may pair, from now on. At first they may not.
  void allow_pairing(bool allowed);
  // Whether this adapter's announcement is on the air.
  [[nodiscard]] bool advertises(const std::string& adapter_address) const;
  // Asks bluetoothd to make the adapters discoverable and pairable as they were before. Call it
  // before the destructor, and process the Bus until its output is written.
  void leave();
  // To be called once a second. Every tenth call repeats requests that bluetoothd refused.
  void tick();
  // Announces the number of free places on an adapter, if it has changed.
  void set_free_places(const std::string& adapter_address, uint8_t free);
  // Ends the link of an adapter to a device, even if another program uses it. Does nothing for an
  // adapter that is not in adapters().
  void drop_link(const std::string& adapter_address, const std::string& device_address);
  // The same, if the device has not paired. `still` is asked just before; false keeps the link. The
  // event is `link_dropped`, or `bluetooth_refused` with the reason.
  void drop_link_of_stranger(const std::string& adapter_address, const std::string& device_address,
                             std::function<bool()> still);
  // Announces this epoch on all adapters; see Announcement.
  void set_epoch(uint8_t epoch);

  // The adapters that the broker listens on, by D-Bus path. Valid until the Bus is processed.
  [[nodiscard]] const std::map<std::string, AdapterState>& adapters() const { return states_; }

 private:
  struct Adapter;
  using OwnAdapters = std::map<std::string, std::unique_ptr<Adapter>>;

  void look();
  bool interface_there(const std::string& path, const std::string& interface,
                       struct sd_bus_message* properties);
  void appeared(const std::string& path, struct sd_bus_message* properties);
  void changed(const std::string& path, struct sd_bus_message* properties);
  void gone(const std::string& path, const std::string& interface);
  void owner_changed(bool there);
  void arm(const std::string& path);
  void advertise(const std::string& path);
  void register_profile();
  void read_properties(AdapterState& state, struct sd_bus_message* properties);
  void drop_lost_link(const std::string& path, const std::string& device_address);
  [[nodiscard]] std::string device_path(const std::string& adapter_address,
                                        std::string device_address) const;
  void settled(const std::string& what, const std::string& error);
  void leave_out(const std::string& path);
  OwnAdapters::iterator exported(const std::string& path);
  void registered(const std::string& path, const std::string& error);
  [[nodiscard]] bool wants(const AdapterState& state) const;
  [[nodiscard]] ServiceRecord service_record() const;

  Bus& bus_;
  PresenceOptions options_;
  Events& events_;
  std::map<std::string, AdapterState> states_;
  std::set<std::string> advertising_managers_;  // paths of adapters that can advertise
  OwnAdapters own_;                             // our advertisement on each adapter, by path
  sd_bus_slot* profile_ = nullptr;
  // The state of adapters when we first saw them, by address. It is kept over restarts of
  // bluetoothd.
  struct Before {
    bool discoverable = false;
    bool pairable = false;
  };
  std::map<std::string, Before> before_;
  bool pairing_allowed_ = false;
  bool bluetoothd_there_ = false;
  uint32_t ticks_ = 0;
  std::set<std::string> arming_;   // adapters with an open request to be discoverable
  std::set<std::string> not_now_;  // adapters that refused to advertise; tick() empties it
  std::string registering_;        // the adapter whose registration is not answered; empty: none
  uint32_t registration_ = 0;      // number of the newest; answers to older ones are ignored
  bool profile_registered_ = false;
  std::map<std::string, std::string> refusals_;  // the last error of each request, told once
};

}  // namespace btb::bluez
