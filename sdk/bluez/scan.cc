// Scan: reading adapters, services and announcements from D-Bus messages; known_adapters; the
// stages of a scan (enter, next); the messages of bluetoothd; the result.
#include "sdk/bluez/scan.h"

#include <poll.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <climits>

#include "sdk/bluez/dict.h"

namespace btb::bluez {

namespace {

constexpr const char* adapter_interface = "org.bluez.Adapter1";
constexpr const char* device_interface = "org.bluez.Device1";
// The most devices that are kept: with our service, and in all. At a fair there are thousands of
// other devices.
constexpr size_t found_max = 256, devices_max = 1'024;
constexpr uint32_t answer_ms = 5'000;

// "02:BB:00:00:00:00" for "/org/bluez/hci0/dev_02_BB_00_00_00_00"; empty for another path.
std::string address_in(const std::string& path) {
  std::string address = last_of(path);
  if (!address.starts_with("dev_")) return {};
  address.erase(0, 4);
  std::replace(address.begin(), address.end(), '_', ':');
  return address;
}

KnownAdapter read_known(const std::string& path, sd_bus_message* properties) {
  KnownAdapter adapter;
  adapter.name = last_of(path);
  for_each_property(properties, [&](const std::string& name) {
    const char* text = nullptr;
    int powered = 0;
    if (name == "Powered" && sd_bus_message_read(properties, "v", "b", &powered) >= 0) {
      adapter.powered = powered != 0;
      return true;
    }
    if (name != "Address" || sd_bus_message_read(properties, "v", "s", &text) < 0) return false;
    adapter.address = text;
    return true;
  });
  return adapter;
}

bool has_service(sd_bus_message* variant) {
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

// False if there is an announcement that cannot be read.
bool read_announcement(sd_bus_message* variant, Found& found) {
  bool good = true;
  if (sd_bus_message_enter_container(variant, 'v', "a{qv}") <= 0) return good;
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
        good = found.announcement.has_value();
      }
      sd_bus_message_exit_container(variant);
    }
    sd_bus_message_exit_container(variant);
  }
  sd_bus_message_exit_container(variant);
  return good;
}

}  // namespace

Result<std::vector<KnownAdapter>> known_adapters() {
  auto bus = Bus::open_system();
  if (!bus) return bus.error();
  std::vector<KnownAdapter> all;
  std::optional<std::string> answer;
  (*bus)->call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", {},
               [&](sd_bus_message* message, const std::string& error) {
                 answer = error;
                 if (!error.empty()) return;
                 for_each_object(message, [&](const std::string& path, const std::string& name) {
                   if (name != adapter_interface) return false;
                   all.push_back(read_known(path, message));
                   return true;
                 });
               });
  const SystemClock clock;
  const uint64_t until = clock.mono_ms() + answer_ms;
  while ((*bus)->process() && !answer && clock.mono_ms() < until) {
    pollfd entry{(*bus)->fd(), (*bus)->events(), 0};
    ::poll(&entry, 1, static_cast<int>(until - std::min(until, clock.mono_ms())));
  }
  if (!answer || !answer->empty()) {
    return Error{Errc::unavailable, "bluetoothd: " + answer.value_or("no answer")};
  }
  return all;
}

Result<std::unique_ptr<Scan>> Scan::begin(ScanOptions options, const Clock& clock) {
  auto bus = Bus::open_system();
  if (!bus) return bus.error();
  std::unique_ptr<Scan> scan(new Scan(std::move(*bus), std::move(options), clock));
  scan->look();
  return scan;
}

Scan::Scan(std::unique_ptr<Bus> bus, ScanOptions options, const Clock& clock)
    : bus_(std::move(bus)),
      options_(std::move(options)),
      clock_(clock),
      until_ms_(clock.mono_ms() + answer_ms) {}

Scan::~Scan() = default;

int Scan::timeout_ms() const {
  if (stage_ == Stage::over) return -1;
  const uint64_t now = clock_.mono_ms();
  const int left = now >= until_ms_ ? 0 : static_cast<int>(until_ms_ - now);
  const int own = bus_->timeout_ms();
  return own < 0 ? left : std::min(left, own);
}

bool Scan::turn() {
  if (stage_ == Stage::over) return false;
  if (!bus_->process()) fail(Errc::unavailable, "the connection to the system's D-Bus is lost");
  if (stage_ != Stage::over && clock_.mono_ms() >= until_ms_) next();
  return stage_ != Stage::over;
}

void Scan::stop() {
  if (stopped_ || stage_ == Stage::over) return;
  stopped_ = true;
  enter(stage_ == Stage::asking ? Stage::over : Stage::stopping);
}

void Scan::enter(Stage stage) {
  stage_ = stage;
  uint32_t time_ms = answer_ms;
  if (stage == Stage::advertisements) time_ms = options_.le_ms;
  if (stage == Stage::classic) time_ms = options_.classic_ms;
  until_ms_ = clock_.mono_ms() + time_ms;
  refused_ = 0;
  if (stage == Stage::advertisements) discover("le");
  if (stage == Stage::stopping) stop_discovering();
  if (stage == Stage::classic) discover("bredr");
}

// Goes to the next stage: the time of this one is over, or its work is done.
void Scan::next() {
  switch (stage_) {
    case Stage::asking:
      return fail(Errc::unavailable, "bluetoothd: no answer");
    case Stage::advertisements:
      return enter(options_.classic_ms > 0 ? Stage::stopping : Stage::over);
    case Stage::stopping:
      return enter(stopped_ ? Stage::over : Stage::classic);
    case Stage::classic:
    case Stage::over:
      return enter(Stage::over);
  }
}

void Scan::fail(Errc code, std::string text) {
  fault_ = Error{code, std::move(text)};
  stage_ = Stage::over;
}

void Scan::look() {
  bus_->listen("type='signal',sender='org.bluez',member='InterfacesAdded'",
               [this](sd_bus_message* signal) {
                 const char* path = nullptr;
                 if (sd_bus_message_read(signal, "o", &path) < 0) return;
                 for_each_interface(signal, [&](const std::string& name) {
                   if (name != device_interface) return false;
                   read_device(path, signal, true);
                   return true;
                 });
               });
  bus_->listen(
      "type='signal',sender='org.bluez',member='PropertiesChanged',arg0='org.bluez.Device1'",
      [this](sd_bus_message* signal) {
        const char* interface = nullptr;
        if (sd_bus_message_read(signal, "s", &interface) < 0) return;
        read_device(sd_bus_message_get_path(signal), signal, true);
      });
  bus_->call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", {},
             [this](sd_bus_message* answer, const std::string& error) {
               if (stage_ != Stage::asking) return;
               if (!error.empty()) return fail(Errc::unavailable, "bluetoothd: " + error);
               for_each_object(answer, [&](const std::string& path, const std::string& name) {
                 if (name == adapter_interface) return read_adapter(path, answer), true;
                 if (name == device_interface) return read_device(path, answer, false), true;
                 return false;
               });
               const std::string& wanted = options_.adapter;
               if (!adapters_.empty()) return enter(Stage::advertisements);
               fail(Errc::not_found, "no Bluetooth adapter " + wanted +
                                         (wanted.empty() ? "" : " ") + "that is switched on");
             });
}

void Scan::read_adapter(const std::string& path, sd_bus_message* properties) {
  const KnownAdapter adapter = read_known(path, properties);
  const bool wanted = options_.adapter.empty() || options_.adapter == adapter.name ||
                      options_.adapter == adapter.address;
  if (wanted && adapter.powered) adapters_.insert(path);
}

// `now`: a signal of this scan brought these properties. Otherwise bluetoothd has them from
// earlier, and the device may be gone. Only RSSI and ManufacturerData prove that the device was
// heard.
void Scan::read_device(const std::string& path, sd_bus_message* properties, bool now) {
  const std::string adapter_path = path.substr(0, path.rfind('/'));
  const bool known = devices_.contains(path);
  if (!known && devices_.size() >= devices_max) {
    std::erase_if(devices_, [](const auto& entry) { return !is_ours(entry.second); });
    if (devices_.size() >= found_max) return;
  }
  Device& device = devices_[path];
  device.found.adapter = last_of(adapter_path);
  if (!known) device.found.address = address_in(path);
  bool heard = false;
  for_each_property(properties, [&](const std::string& name) {
    const char* text = nullptr;
    int16_t rssi = 0;
    if (name == "UUIDs") return device.has_service = has_service(properties), true;
    if (name == "ManufacturerData") {
      heard = true;
      device.says_nonsense = !read_announcement(properties, device.found);
      return true;
    }
    if (name == "RSSI" && sd_bus_message_read(properties, "v", "n", &rssi) >= 0) {
      heard = true;
      device.found.rssi = rssi;
      return true;
    }
    if (name != "AddressType" && name != "Name") return false;
    if (sd_bus_message_read(properties, "v", "s", &text) < 0) return false;
    if (name == "AddressType") device.found.random_address = std::string(text) == "random";
    if (name == "Name") device.found.name = text;
    return true;
  });
  if (!now || !heard || !adapters_.contains(adapter_path)) return;
  device.heard = true;
  device.found.heard_ms = clock_.mono_ms();
  device.found.classic = device.found.classic || stage_ == Stage::classic;
}

void Scan::discover(const char* transport) {
  for (const std::string& adapter : adapters_) {
    bus_->call(adapter, adapter_interface, "SetDiscoveryFilter",
               [&](sd_bus_message* call) {
                 sd_bus_message_append(call, "a{sv}", 2, "Transport", "s", transport, "UUIDs", "as",
                                       1, std::string(service_uuid).c_str());
               },
               {});
    bus_->call(adapter, adapter_interface, "StartDiscovery", {},
               [this](sd_bus_message*, const std::string& error) {
                 if (stopped_ || error.empty() || ++refused_ < adapters_.size()) return;
                 if (found().empty()) return fail(Errc::refused, "bluetoothd: " + error);
                 enter(Stage::over);
               });
  }
}

void Scan::stop_discovering() {
  stopping_ = adapters_.size();
  for (const std::string& adapter : adapters_) {
    bus_->call(adapter, adapter_interface, "StopDiscovery", {},
               [this](sd_bus_message*, const std::string&) {
                 if (--stopping_ == 0 && stage_ == Stage::stopping) next();
               });
  }
}

// If bluetoothd was once connected to a device over LE, it no longer reports the services in its
// advertisement. It still reports the announcement.
bool Scan::is_ours(const Device& device) {
  return device.has_service || device.found.announcement.has_value();
}

size_t Scan::left_out() const {
  std::set<std::string> addresses;  // several adapters may hear one device
  for (const auto& [path, device] : devices_) {
    const bool counts = device.has_service && device.heard && device.says_nonsense;
    if (counts) addresses.insert(device.found.address);
  }
  return addresses.size();
}

std::vector<Found> Scan::found() const {
  std::vector<Found> all;
  for (const auto& [path, device] : devices_) {
    if (is_ours(device) && device.heard) all.push_back(device.found);
  }
  const auto strength = [](const Found& found) { return found.rssi == 0 ? INT_MIN : found.rssi; };
  std::stable_sort(all.begin(), all.end(),
                   [&](const Found& a, const Found& b) { return strength(a) > strength(b); });
  return all;
}

}  // namespace btb::bluez
