// Presence: how a broker is found over Bluetooth. On each adapter it listens on: connectable and
// discoverable, and, if it listens on LE, an advertisement with its Announcement; the SDP record on
// all of them. Goes along with what happens: adapters that come and go, are switched off and on, a
// bluetoothd that is restarted.
//
// Pairing is not allowed meanwhile, but while an operator wants it (allow_pairing). It never
// switches an adapter on: who switched it off had a reason. Nothing it asks needs root (the D-Bus
// policy of bluetoothd lets every user ask it).
//
// Resource; one thread, in which the Bus is processed. Borrows the Bus and the events.
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
  std::set<std::string> adapters;  // names (hci0) or addresses; empty: all there are
};

// What is known of an adapter.
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
    // Something changed that a person may want to know. `good`: for the better.
    virtual void presence_event(bool good, const std::string& what, const std::string& text) = 0;

   protected:
    ~Events() = default;
  };

  Presence(Bus& bus, PresenceOptions options, Events& events);
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;

  void start();
  // Whether devices may pair; at first they may not.
  void allow_pairing(bool allowed);
  // Whether this adapter's announcement is on the air.
  [[nodiscard]] bool advertises(const std::string& adapter_address) const;
  // Asks for adapters to be as they were before. To be called before it is destroyed; the Bus is to
  // be processed until its output is written.
  void leave();
  // Once a second: asks again, now and then, for what was refused.
  void tick();
  // The number of free places on an adapter is another now.
  void set_free_places(const std::string& adapter_address, uint8_t free);
  // Ends the link of an adapter to a device (both addresses), whoever uses it.
  void drop_link(const std::string& adapter_address, const std::string& device_address);
  // The same, if the device has not paired and `still` says so just before. Told as `link_dropped`,
  // or why it was not.
  void drop_link_of_stranger(const std::string& adapter_address, const std::string& device_address,
                             std::function<bool()> still);
  // Announced on all adapters; see Announcement.
  void set_epoch(uint8_t epoch);

  // By D-Bus path.
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
  std::set<std::string> advertising_managers_;  // paths that can be asked to advertise
  OwnAdapters own_;                             // what is exported for each
  sd_bus_slot* profile_ = nullptr;
  // By address: what adapters were before we came, however often bluetoothd is started meanwhile.
  struct Before {
    bool discoverable = false;
    bool pairable = false;
  };
  std::map<std::string, Before> before_;
  bool pairing_allowed_ = false;
  bool bluetoothd_there_ = false;
  uint32_t ticks_ = 0;
  std::set<std::string> arming_;   // asked to be discoverable
  std::set<std::string> not_now_;  // refused to advertise, and not asked until tick() says so
  std::string registering_;        // whose advertisement is; empty: none
  uint32_t registration_ = 0;      // the answers to others are not heeded
  bool profile_registered_ = false;
  std::map<std::string, std::string> refusals_;  // by what was asked: told once
};

}  // namespace btb::bluez
