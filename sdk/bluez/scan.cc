#include "sdk/bluez/scan.h"

#include <poll.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include <algorithm>
#include <climits>

#include "sdk/bluez/dict.h"

namespace btb::bluez {

namespace {

constexpr const char* adapter_interface = "org.bluez.Adapter1";
constexpr const char* device_interface = "org.bluez.Device1";
constexpr size_t found_max = 256;
constexpr int answer_ms = 5'000;

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1000} + now.tv_nsec / 1'000'000;
}

class Scan {
 public:
  Scan(Bus& bus, const ScanOptions& options) : bus_(bus), options_(options) {}

  Result<std::vector<Found>> run();
  Result<std::vector<KnownAdapter>> adapters();

 private:
  struct Device {
    Found found;
    bool ours = false;
    bool seen = false;  // in this scan
  };

  void look();
  void wait(int ms, const std::function<bool()>& done);
  void begin(const char* transport);
  void end();
  void read_adapter(const std::string& path, sd_bus_message* properties);
  void read_device(const std::string& path, sd_bus_message* properties, bool now);
  void read_announcement(sd_bus_message* variant, Found& found);
  static bool has_service(sd_bus_message* variant);
  [[nodiscard]] bool found_one() const;

  Bus& bus_;
  const ScanOptions& options_;
  bool answered_ = false;
  bool classic_ = false;  // the inquiry is on
  std::string error_;
  std::vector<KnownAdapter> known_;
  std::vector<std::string> adapters_;  // paths of those to scan with
  size_t stopping_ = 0;                // answers that are awaited
  std::vector<std::string> scanning_;  // of these
  std::map<std::string, Device> devices_;
};

// Waits in the loop of its own until then or until it is done.
void Scan::wait(int ms, const std::function<bool()>& done) {
  const int64_t until = now_ms() + ms;
  while (bus_.process() && !done()) {
    const int64_t left = until - now_ms();
    if (left <= 0) return;
    pollfd entry{bus_.fd(), bus_.events(), 0};
    const int own = bus_.timeout_ms();
    ::poll(&entry, 1, static_cast<int>(own < 0 ? left : std::min<int64_t>(left, own)));
  }
}

void Scan::look() {
  bus_.listen("type='signal',sender='org.bluez',member='InterfacesAdded'",
              [this](sd_bus_message* signal) {
                const char* path = nullptr;
                if (sd_bus_message_read(signal, "o", &path) < 0) return;
                for_each_interface(signal, [&](const std::string& name) {
                  if (name != device_interface) return false;
                  read_device(path, signal, true);
                  return true;
                });
              });
  bus_.listen(
      "type='signal',sender='org.bluez',member='PropertiesChanged',arg0='org.bluez.Device1'",
      [this](sd_bus_message* signal) {
        const char* interface = nullptr;
        if (sd_bus_message_read(signal, "s", &interface) < 0) return;
        read_device(sd_bus_message_get_path(signal), signal, true);
      });
  bus_.call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", {},
            [this](sd_bus_message* answer, const std::string& error) {
              answered_ = true;
              error_ = error;
              if (!error.empty()) return;
              for_each_object(answer, [&](const std::string& path, const std::string& name) {
                if (name == adapter_interface) return read_adapter(path, answer), true;
                if (name == device_interface) return read_device(path, answer, false), true;
                return false;
              });
            });
  wait(answer_ms, [&] { return answered_; });
}

void Scan::read_adapter(const std::string& path, sd_bus_message* properties) {
  std::string address;
  int powered = 0;
  for_each_property(properties, [&](const std::string& name) {
    const char* text = nullptr;
    if (name == "Powered") return sd_bus_message_read(properties, "v", "b", &powered) >= 0;
    if (name != "Address" || sd_bus_message_read(properties, "v", "s", &text) < 0) return false;
    address = text;
    return true;
  });
  const std::string name = path.substr(path.rfind('/') + 1);
  known_.push_back({name, address, powered != 0});
  const bool wanted =
      options_.adapter.empty() || options_.adapter == name || options_.adapter == address;
  if (wanted && powered != 0) adapters_.push_back(path);
}

bool Scan::has_service(sd_bus_message* variant) {
  bool found = false;
  if (sd_bus_message_enter_container(variant, 'v', "as") <= 0) return false;
  if (sd_bus_message_enter_container(variant, 'a', "s") > 0) {
    const char* uuid = nullptr;
    while (sd_bus_message_read(variant, "s", &uuid) > 0) found = found || service_uuid == uuid;
    sd_bus_message_exit_container(variant);
  }
  sd_bus_message_exit_container(variant);
  return found;
}

void Scan::read_announcement(sd_bus_message* variant, Found& found) {
  if (sd_bus_message_enter_container(variant, 'v', "a{qv}") <= 0) return;
  if (sd_bus_message_enter_container(variant, 'a', "{qv}") > 0) {
    while (sd_bus_message_enter_container(variant, 'e', "qv") > 0) {
      uint16_t number = 0;
      const void* data = nullptr;
      size_t size = 0;
      sd_bus_message_read(variant, "q", &number);
      if (sd_bus_message_enter_container(variant, 'v', "ay") > 0) {
        sd_bus_message_read_array(variant, 'y', &data, &size);
        sd_bus_message_exit_container(variant);
      }
      if (number == company) {
        found.announcement = decode_announcement({static_cast<const std::byte*>(data), size});
      }
      sd_bus_message_exit_container(variant);
    }
    sd_bus_message_exit_container(variant);
  }
  sd_bus_message_exit_container(variant);
}

// `now`: it was heard in this scan; else bluetoothd remembers it, and where from is not known. What
// says how strong it is was heard.
void Scan::read_device(const std::string& path, sd_bus_message* properties, bool now) {
  if (devices_.size() >= found_max && !devices_.contains(path)) {
    std::erase_if(devices_, [](const auto& entry) { return !entry.second.ours; });
    if (devices_.size() >= found_max) return;
  }
  Device& device = devices_[path];
  bool heard = false;
  for_each_property(properties, [&](const std::string& name) {
    const char* text = nullptr;
    int16_t rssi = 0;
    if (name == "UUIDs") return device.ours = has_service(properties), true;
    if (name == "ManufacturerData") {
      heard = true;
      return read_announcement(properties, device.found), true;
    }
    if (name == "RSSI" && sd_bus_message_read(properties, "v", "n", &rssi) >= 0) {
      heard = true;
      device.found.rssi = rssi;
      return true;
    }
    if (name != "Address" && name != "AddressType" && name != "Name") return false;
    if (sd_bus_message_read(properties, "v", "s", &text) < 0) return false;
    if (name == "Address") device.found.address = text;
    if (name == "AddressType") device.found.random_address = std::string(text) == "random";
    if (name == "Name") device.found.name = text;
    return true;
  });
  if (!now || !heard) return;
  device.seen = true;
  device.found.classic = device.found.classic || classic_;
}

void Scan::begin(const char* transport) {
  scanning_.clear();
  for (const std::string& adapter : adapters_) {
    bus_.call(adapter, adapter_interface, "SetDiscoveryFilter",
              [&](sd_bus_message* call) {
                sd_bus_message_append(call, "a{sv}", 2, "Transport", "s", transport, "UUIDs", "as",
                                      1, std::string(service_uuid).c_str());
              },
              {});
    bus_.call(adapter, adapter_interface, "StartDiscovery", {},
              [this, adapter](sd_bus_message*, const std::string& error) {
                if (error.empty()) {
                  scanning_.push_back(adapter);
                } else {
                  error_ = error;
                }
              });
  }
}

void Scan::end() {
  stopping_ = scanning_.size();
  for (const std::string& adapter : scanning_) {
    bus_.call(adapter, adapter_interface, "StopDiscovery", {},
              [this](sd_bus_message*, const std::string&) { --stopping_; });
  }
  wait(answer_ms, [&] { return stopping_ == 0; });
  scanning_.clear();
}

bool Scan::found_one() const {
  return std::any_of(devices_.begin(), devices_.end(), [this](const auto& entry) {
    const Device& device = entry.second;
    const auto& said = device.found.announcement;
    return device.ours && device.seen && (classic_ || (said && said->free_places != 0));
  });
}

Result<std::vector<KnownAdapter>> Scan::adapters() {
  look();
  if (!answered_ || !error_.empty()) {
    return Error{Errc::unavailable, "bluetoothd: " + (error_.empty() ? "no answer" : error_)};
  }
  return known_;
}

Result<std::vector<Found>> Scan::run() {
  const auto known = adapters();
  if (!known) return known.error();
  if (adapters_.empty()) {
    return Error{Errc::not_found,
                 options_.adapter.empty()
                     ? "no Bluetooth adapter that is switched on"
                     : "no Bluetooth adapter " + options_.adapter + " that is switched on"};
  }
  const auto enough = [&] { return options_.first_only && found_one(); };
  begin("le");
  wait(options_.le_ms, enough);
  end();
  if (options_.classic_ms > 0 && !enough()) {
    classic_ = true;
    begin("bredr");
    wait(options_.classic_ms, enough);
    end();
  }
  std::vector<Found> all;
  for (const auto& [path, device] : devices_) {
    if (device.ours && device.seen) all.push_back(device.found);
  }
  if (all.empty() && !error_.empty()) return Error{Errc::refused, "bluetoothd: " + error_};
  const auto strength = [](const Found& found) { return found.rssi == 0 ? INT_MIN : found.rssi; };
  std::sort(all.begin(), all.end(),
            [&](const Found& a, const Found& b) { return strength(a) > strength(b); });
  return all;
}

}  // namespace

Result<std::vector<KnownAdapter>> known_adapters() {
  auto bus = Bus::open_system();
  if (!bus) return bus.error();
  const ScanOptions options;
  return Scan(**bus, options).adapters();
}

Result<std::vector<Found>> scan(const ScanOptions& options) {
  auto bus = Bus::open_system();
  if (!bus) return bus.error();
  return Scan(**bus, options).run();
}

}  // namespace btb::bluez
