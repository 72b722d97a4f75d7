// Scan: looking for brokers over Bluetooth. It asks bluetoothd for devices with our service: LE
// advertisements first, then an inquiry if that is wanted. Devices nearby are not trusted. Names
// are given as they came, so escape them before a terminal. Any device can claim our UUID: it is a
// broker only once it has answered a connection with WELCOME.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sdk/base/clock.h"
#include "sdk/bluez/announcement.h"
#include "sdk/bluez/bus.h"

namespace btb::bluez {

// A device with our service.
struct Found {
  std::string address;
  bool random_address = false;
  std::string name;  // its own name for itself; empty: not known
  int rssi = 0;      // dBm; 0: not known
  std::optional<Announcement> announcement;
  bool classic = false;   // answered an inquiry
  uint64_t heard_ms = 0;  // when it was heard last, as Clock::mono_ms
  std::string adapter;    // the adapter that heard it: hci0

  bool operator==(const Found&) const = default;
};

struct ScanOptions {
  std::string adapter;      // hci1 or its address; empty: all
  uint32_t le_ms = 3'000;   // time for advertisements
  uint32_t classic_ms = 0;  // time for the inquiry after them; 0: no inquiry
};

// An adapter that bluetoothd knows.
struct KnownAdapter {
  std::string name;  // hci0
  std::string address;
  bool powered = false;
};

// All adapters that bluetoothd knows. Blocks for up to five seconds. Errors: `unavailable` (no
// D-Bus, no bluetoothd, no answer). [any] thread.
Result<std::vector<KnownAdapter>> known_adapters();

// One scan, on the loop of its owner: poll fd() for events() for up to timeout_ms(), then call
// turn(). The destructor closes the connection, and bluetoothd then ends the scan. Resource; one
// thread; never waits.
class Scan {
 public:
  // Errors: `unavailable` (no D-Bus). The clock outlives it.
  static Result<std::unique_ptr<Scan>> begin(ScanOptions options, const Clock& clock);
  ~Scan();
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  [[nodiscard]] int fd() const { return bus_->fd(); }
  [[nodiscard]] short events() const { return bus_->events(); }
  [[nodiscard]] int timeout_ms() const;
  // False once the scan is over: the time is up, or there is a fault().
  bool turn();
  // Ends the scan early. turn() returns false once bluetoothd has stopped, at most five seconds
  // later.
  void stop();

  // Whether the inquiry for classic devices is running.
  [[nodiscard]] bool classic() const { return stage_ == Stage::classic; }
  // The devices heard so far, strongest signal first.
  [[nodiscard]] std::vector<Found> found() const;
  // The number of devices that advertise our UUID with an announcement that we cannot read. It may
  // have a newer version.
  [[nodiscard]] size_t left_out() const;
  // Why it ended early: `unavailable` (no bluetoothd, or the D-Bus is lost), `not_found` (no
  // adapter that is switched on), `refused` (bluetoothd refuses to scan; its error is in the text).
  // To hear no broker is not a fault.
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

 private:
  enum class Stage : uint8_t { asking, advertisements, stopping, classic, over };
  struct Device {
    Found found;
    bool has_service = false;    // its list of services has our UUID
    bool heard = false;          // in this scan, by an adapter that we use
    bool says_nonsense = false;  // its announcement cannot be read
  };

  Scan(std::unique_ptr<Bus> bus, ScanOptions options, const Clock& clock);
  void look();
  void enter(Stage stage);
  void next();
  void fail(Errc code, std::string text);
  void discover(const char* transport);
  void stop_discovering();
  [[nodiscard]] static bool is_ours(const Device& device);
  void read_adapter(const std::string& path, sd_bus_message* properties);
  void read_device(const std::string& path, sd_bus_message* properties, bool now);

  std::unique_ptr<Bus> bus_;
  const ScanOptions options_;
  const Clock& clock_;
  Stage stage_ = Stage::asking;
  uint64_t until_ms_ = 0;  // the end of this stage, as Clock::mono_ms
  std::optional<Error> fault_;
  std::set<std::string> adapters_;         // D-Bus paths of the adapters that scan
  size_t refused_ = 0;                     // how many of them refused, in this stage
  size_t stopping_ = 0;                    // how many have not answered StopDiscovery
  bool stopped_ = false;                   // stop() was called
  std::map<std::string, Device> devices_;  // by D-Bus path
};

}  // namespace btb::bluez
