// Presence: the advertisement as an object on D-Bus (Presence::Adapter); following what bluetoothd
// says about adapters; making them discoverable and advertising; links to devices; the SDP record.
#include "sdk/bluez/presence.h"

#include <systemd/sd-bus.h>

#include <algorithm>
#include <utility>

#include "sdk/bluez/dict.h"

namespace btb::bluez {

namespace {

constexpr const char* adapter_interface = "org.bluez.Adapter1";
constexpr const char* device_interface = "org.bluez.Device1";
constexpr const char* advertising_interface = "org.bluez.LEAdvertisingManager1";
constexpr uint32_t retry_ticks = 10;
constexpr const char* profile_path = "/org/btbroker/profile";

// The name, cut to the room in a scan response of 31 bytes, never within a UTF-8 sequence.
std::string advertised_name(std::string name) {
  constexpr size_t bytes_max = 28;
  if (name.size() <= bytes_max) return name;
  size_t end = bytes_max;
  while (end != 0 && (static_cast<uint8_t>(name[end]) & 0xC0U) == 0x80U) --end;
  name.resize(end);
  return name;
}

std::string to_end_link_of(const std::string& device) {
  return "to end the link of " + device + ", which carries nothing";
}

int nothing(sd_bus_message* message, void*, sd_bus_error*) {
  return sd_bus_reply_method_return(message, nullptr);
}

// The broker listens on sockets of its own, so it takes no connections from bluetoothd.
int reject(sd_bus_message* message, void*, sd_bus_error*) {
  return sd_bus_reply_method_errorf(message, "org.bluez.Error.Rejected",
                                    "this broker listens itself");
}

const sd_bus_vtable profile_table[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Release", "", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("NewConnection", "oha{sv}", "", reject, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RequestDisconnection", "o", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

}  // namespace

// One adapter's advertisement, as bluetoothd reads it from us.
struct Presence::Adapter {
  Announcement announcement;
  std::string name;  // of the broker, cut to the room there is
  std::string path;  // of our object on D-Bus
  sd_bus_slot* slot = nullptr;
  bool registered = false;
  bool changed = true;  // bluetoothd does not have the newest version

  ~Adapter() { sd_bus_slot_unref(slot); }

  static int get_type(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*,
                      sd_bus_error*) {
    return sd_bus_message_append(reply, "s", "peripheral");
  }
  static int get_uuids(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*,
                       sd_bus_error*) {
    return sd_bus_message_append(reply, "as", 1, std::string(service_uuid).c_str());
  }
  static int get_name(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply,
                      void* data, sd_bus_error*) {
    return sd_bus_message_append(reply, "s", static_cast<const Adapter*>(data)->name.c_str());
  }
  static int get_data(sd_bus*, const char*, const char*, const char*, sd_bus_message* reply,
                      void* data, sd_bus_error*) {
    const auto bytes = encode(static_cast<const Adapter*>(data)->announcement);
    sd_bus_message_open_container(reply, 'a', "{qv}");
    sd_bus_message_open_container(reply, 'e', "qv");
    sd_bus_message_append(reply, "q", company);
    sd_bus_message_open_container(reply, 'v', "ay");
    sd_bus_message_append_array(reply, 'y', bytes.data(), bytes.size());
    sd_bus_message_close_container(reply);
    sd_bus_message_close_container(reply);
    return sd_bus_message_close_container(reply);
  }
  static const sd_bus_vtable table[];
};

const sd_bus_vtable Presence::Adapter::table[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Release", "", "", nothing, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_PROPERTY("Type", "s", get_type, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("ServiceUUIDs", "as", get_uuids, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("LocalName", "s", get_name, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_PROPERTY("ManufacturerData", "a{qv}", get_data, 0, 0),
    SD_BUS_VTABLE_END,
};

Presence::Presence(Bus& bus, PresenceOptions options, Events& events)
    : bus_(bus), options_(std::move(options)), events_(events) {}

Presence::~Presence() {
  sd_bus_slot_unref(profile_);
}

void Presence::start() {
  bus_.listen(
      "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='org.bluez'",
      [this](sd_bus_message* signal) {
        const char *name = nullptr, *before = nullptr, *after = nullptr;
        if (sd_bus_message_read(signal, "sss", &name, &before, &after) < 0) return;
        owner_changed(*after != '\0');
      });
  bus_.listen(
      "type='signal',sender='org.bluez',member='InterfacesAdded'", [this](sd_bus_message* signal) {
        const char* path = nullptr;
        if (sd_bus_message_read(signal, "o", &path) < 0) return;
        for_each_interface(
            signal, [&](const std::string& name) { return interface_there(path, name, signal); });
      });
  bus_.listen("type='signal',sender='org.bluez',member='InterfacesRemoved'",
              [this](sd_bus_message* signal) {
                const char *path = nullptr, *interface = nullptr;
                if (sd_bus_message_read(signal, "o", &path) < 0) return;
                if (sd_bus_message_enter_container(signal, 'a', "s") <= 0) return;
                while (sd_bus_message_read(signal, "s", &interface) > 0) gone(path, interface);
              });
  bus_.listen(
      "type='signal',sender='org.bluez',member='PropertiesChanged',arg0='org.bluez.Adapter1'",
      [this](sd_bus_message* signal) {
        const char* interface = nullptr;
        if (sd_bus_message_read(signal, "s", &interface) < 0) return;
        changed(sd_bus_message_get_path(signal), signal);
      });
  look();
}

// --- adapters that come, change and go ---

void Presence::look() {
  bus_.call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", {},
            [this](sd_bus_message* answer, const std::string& error) {
              if (!error.empty()) {
                return events_.presence_event(false, "bluetoothd_missing", error);
              }
              if (!bluetoothd_there_) register_profile();
              bluetoothd_there_ = true;
              for_each_object(answer, [&](const std::string& path, const std::string& name) {
                return interface_there(path, name, answer);
              });
            });
}

// While bluetoothd starts, an adapter and its advertising manager appear one after the other.
// Returns whether the properties were read.
bool Presence::interface_there(const std::string& path, const std::string& interface,
                               sd_bus_message* properties) {
  if (interface == advertising_interface) {
    advertising_managers_.insert(path);
    advertise(path);
  }
  if (interface != adapter_interface) return false;
  appeared(path, properties);
  return true;
}

void Presence::owner_changed(bool there) {
  advertising_managers_.clear();
  for (const auto& [path, state] : std::exchange(states_, {})) leave_out(path);
  profile_registered_ = false;
  if (!there) {
    bluetoothd_there_ = false;
    events_.presence_event(false, "bluetoothd_gone",
                           "nobody new finds this broker until it is back");
    return;
  }
  events_.presence_event(true, "bluetoothd_there", "");
  look();
}

void Presence::read_properties(AdapterState& state, sd_bus_message* properties) {
  for_each_property(properties, [&](const std::string& name) {
    if (name == "Address") {
      const char* address = nullptr;
      sd_bus_message_read(properties, "v", "s", &address);
      if (address != nullptr) state.address = address;
      return true;
    }
    bool* flag = name == "Powered"        ? &state.powered
                 : name == "Discoverable" ? &state.discoverable
                 : name == "Pairable"     ? &state.pairable
                                          : nullptr;
    int value = 0;
    if (flag == nullptr || sd_bus_message_read(properties, "v", "b", &value) < 0) return false;
    *flag = value != 0;
    return true;
  });
}

bool Presence::wants(const AdapterState& state) const {
  return options_.adapters.empty() || options_.adapters.contains(state.name) ||
         options_.adapters.contains(state.address);
}

void Presence::appeared(const std::string& path, sd_bus_message* properties) {
  if (states_.contains(path)) return changed(path, properties);
  AdapterState state;
  state.name = last_of(path);
  read_properties(state, properties);
  if (!wants(state)) return;
  before_.try_emplace(state.address, Before{state.discoverable, state.pairable});
  states_[path] = state;
  events_.presence_event(true, "adapter_there", state.name + " " + state.address);
  if (state.powered) {
    arm(path);
  } else {
    events_.presence_event(false, "adapter_off",
                           state.name +
                               " is switched off; bluetoothctl power on (or rfkill "
                               "unblock bluetooth) switches it on");
  }
}

void Presence::changed(const std::string& path, sd_bus_message* properties) {
  const auto found = states_.find(path);
  if (found == states_.end()) return;
  AdapterState& state = found->second;
  const AdapterState before = state;
  read_properties(state, properties);
  if (!state.powered) {
    leave_out(path);
    if (before.powered) events_.presence_event(false, "adapter_off", state.name);
  } else if (!before.powered) {
    events_.presence_event(true, "adapter_on", state.name);
    arm(path);
  } else if (before.discoverable && !state.discoverable) {
    arm(path);  // its time-out is over
  }
}

void Presence::gone(const std::string& path, const std::string& interface) {
  if (interface == advertising_interface) {
    advertising_managers_.erase(path);
    leave_out(path);
  }
  if (interface != adapter_interface) return;
  const auto found = states_.find(path);
  if (found == states_.end()) return;
  const std::string name = found->second.name;
  states_.erase(found);
  events_.presence_event(false, "adapter_gone", name);
}

// --- being found ---

// Tells an error of a request (`what`), unless it is the same as last time.
void Presence::settled(const std::string& what, const std::string& error) {
  if (error.empty()) {
    refusals_.erase(what);
    return;
  }
  std::string& told = refusals_[what];
  if (error != told) events_.presence_event(false, "bluetooth_refused", what + ": " + error);
  told = error;
}

// The adapter cannot advertise any more: forgets its advertisement and its open requests.
void Presence::leave_out(const std::string& path) {
  own_.erase(path);
  arming_.erase(path);
  not_now_.erase(path);
  if (registering_ != path) return;
  ++registration_;
  registering_.clear();
  for (const auto& [next, state] : states_) advertise(next);
}

// Discoverable also makes an adapter connectable. Its time-out stays as it is, so that bluetoothd
// does not keep the setting for ever. When the time is over, changed() asks again. The adapter is
// asked to advertise only after the answer: bluetoothd may not answer while Discoverable changes.
void Presence::arm(const std::string& path) {
  bus_.set_property(path, adapter_interface, "Pairable", pairing_allowed_, {});
  arming_.insert(path);
  bus_.set_property(path, adapter_interface, "Discoverable", true,
                    [this, path](sd_bus_message*, const std::string& error) {
                      arming_.erase(path);
                      settled(last_of(path) + ": to be discoverable", error);
                      advertise(path);
                    });
}

void Presence::allow_pairing(bool allowed) {
  pairing_allowed_ = allowed;
  for (const auto& [path, state] : states_) {
    bus_.set_property(path, adapter_interface, "Pairable", allowed, {});
  }
}

bool Presence::advertises(const std::string& adapter_address) const {
  return std::any_of(own_.begin(), own_.end(), [&](const auto& entry) {
    const auto state = states_.find(entry.first);
    return entry.second->registered && state != states_.end() &&
           state->second.address == adapter_address;
  });
}

void Presence::leave() {
  for (const auto& [path, state] : states_) {
    const Before& before = before_[state.address];
    if (!before.discoverable) {
      bus_.set_property(path, adapter_interface, "Discoverable", false, {});
    }
    if (before.pairable) bus_.set_property(path, adapter_interface, "Pairable", true, {});
  }
  states_.clear();  // so that the coming signals about them do not arm them again
}

// Every change is a new registration. A signal about a changed property would be simpler, but
// bluetoothd 5.66 aborts on it if the adapter has just been pulled out or switched off.
void Presence::advertise(const std::string& path) {
  const auto state = states_.find(path);
  const bool can =
      state != states_.end() && state->second.powered && advertising_managers_.contains(path);
  if (!can || options_.announcement.le_psm == 0) return;
  if (arming_.contains(path) || not_now_.contains(path)) return;
  if (!registering_.empty()) return;  // bluetoothd answers only the first of several at once
  const auto own = own_.contains(path) ? own_.find(path) : exported(path);
  if (own == own_.end() || !std::exchange(own->second->changed, false)) return;
  registering_ = path;
  const uint32_t number = ++registration_;
  const std::string object = own->second->path;
  // bluetoothd also keeps an advertisement from before the adapter was switched off, with its old
  // contents.
  bus_.call(path, advertising_interface, "UnregisterAdvertisement",
            [&](sd_bus_message* call) { sd_bus_message_append(call, "o", object.c_str()); }, {});
  bus_.call(
      path, advertising_interface, "RegisterAdvertisement",
      [&](sd_bus_message* call) { sd_bus_message_append(call, "oa{sv}", object.c_str(), 0); },
      [this, path, number](sd_bus_message*, const std::string& error) {
        if (number == registration_) registered(path, error);
      });
}

Presence::OwnAdapters::iterator Presence::exported(const std::string& path) {
  auto adapter = std::make_unique<Adapter>();
  adapter->announcement = options_.announcement;
  adapter->name = advertised_name(options_.name);
  adapter->path = "/org/btbroker/advertisement/" + last_of(path);
  if (sd_bus_add_object_vtable(bus_.raw(), &adapter->slot, adapter->path.c_str(),
                               "org.bluez.LEAdvertisement1", Adapter::table, adapter.get()) < 0) {
    return own_.end();
  }
  return own_.emplace(path, std::move(adapter)).first;
}

void Presence::registered(const std::string& path, const std::string& error) {
  registering_.clear();
  settled(last_of(path) + ": to advertise", error);
  const auto own = own_.find(path);
  if (!error.empty()) {
    if (own != own_.end()) own_.erase(own);
    not_now_.insert(path);
  } else if (own != own_.end() && !std::exchange(own->second->registered, true)) {
    events_.presence_event(true, "advertising", last_of(path));
  }
  for (const auto& [next, known] : states_) advertise(next);
}

void Presence::tick() {
  if (!bluetoothd_there_ || ++ticks_ % retry_ticks != 0) return;
  not_now_.clear();
  if (!profile_registered_) register_profile();
  for (const auto& [path, state] : states_) {
    if (state.powered && !state.discoverable && !arming_.contains(path)) arm(path);
    advertise(path);
  }
}

// The D-Bus path of a device; empty if the adapter is not one of ours.
std::string Presence::device_path(const std::string& adapter_address,
                                  std::string device_address) const {
  for (char& letter : device_address) {
    if (letter == ':') letter = '_';
  }
  for (const auto& [path, state] : states_) {
    if (state.address == adapter_address) return path + "/dev_" + device_address;
  }
  return {};
}

void Presence::drop_link(const std::string& adapter_address, const std::string& device_address) {
  const std::string path = device_path(adapter_address, device_address);
  if (!path.empty()) bus_.call(path, device_interface, "Disconnect", {}, {});
}

void Presence::drop_link_of_stranger(const std::string& adapter_address,
                                     const std::string& device_address,
                                     std::function<bool()> still) {
  const std::string path = device_path(adapter_address, device_address);
  if (path.empty()) return;
  bus_.call(
      path, "org.freedesktop.DBus.Properties", "Get",
      [](sd_bus_message* call) { sd_bus_message_append(call, "ss", device_interface, "Paired"); },
      [this, path, device_address, still = std::move(still)](sd_bus_message* answer,
                                                             const std::string& error) {
        int paired = 1;
        if (error.empty() && sd_bus_message_read(answer, "v", "b", &paired) < 0) return;
        if (!error.empty() || paired != 0) {
          return settled(
              to_end_link_of(device_address),
              error.empty() ? "it has paired; `bluetoothctl disconnect` ends it" : error);
        }
        if (still()) drop_lost_link(path, device_address);
      });
}

void Presence::drop_lost_link(const std::string& path, const std::string& device_address) {
  bus_.call(path, device_interface, "Disconnect", {},
            [this, device_address](sd_bus_message*, const std::string& error) {
              settled(to_end_link_of(device_address), error);
              if (!error.empty()) return;
              events_.presence_event(true, "link_dropped",
                                     device_address +
                                         " opened a link that carries nothing; its kernel may "
                                         "have lost it");
            });
}

void Presence::set_epoch(uint8_t epoch) {
  if (options_.announcement.epoch == epoch) return;
  options_.announcement.epoch = epoch;
  for (const auto& [path, adapter] : own_) {
    adapter->announcement.epoch = epoch;
    adapter->changed = true;
  }
  for (const auto& [path, state] : states_) advertise(path);
}

void Presence::set_free_places(const std::string& adapter_address, uint8_t free) {
  for (const auto& [path, state] : states_) {
    const auto own = own_.find(path);
    if (state.address != adapter_address || own == own_.end()) continue;
    Adapter& adapter = *own->second;
    if (std::exchange(adapter.announcement.free_places, free) == free) continue;
    adapter.changed = true;
    advertise(path);
  }
}

// --- the SDP record ---

ServiceRecord Presence::service_record() const {
  return {options_.name, options_.l2cap_psm, options_.rfcomm_channel, options_.announcement.site};
}

void Presence::register_profile() {
  if (options_.l2cap_psm == 0 && options_.rfcomm_channel == 0) return;
  if (profile_ == nullptr &&
      sd_bus_add_object_vtable(bus_.raw(), &profile_, profile_path, "org.bluez.Profile1",
                               profile_table, this) < 0) {
    return;
  }
  bus_.call(
      "/org/bluez", "org.bluez.ProfileManager1", "RegisterProfile",
      [&](sd_bus_message* call) {
        sd_bus_message_append(call, "osa{sv}", profile_path, std::string(service_uuid).c_str(), 5,
                              "Role", "s", "server", "Name", "s", "btbroker", "ServiceRecord", "s",
                              to_xml(service_record()).c_str(), "RequireAuthentication", "b", 0,
                              "RequireAuthorization", "b", 0);
      },
      [this](sd_bus_message*, const std::string& error) {
        settled("the service record", error);
        profile_registered_ = error.empty();
        if (error.empty()) events_.presence_event(true, "service_record", "registered");
      });
}

}  // namespace btb::bluez
