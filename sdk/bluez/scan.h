// Scan: looking for brokers over Bluetooth. Asks bluetoothd to look for devices with our service:
// LE advertisements first, then, if asked, inquiry. What others nearby say is not believed: text is
// given as it came (escape it before a terminal), and a device that only claims our UUID is one
// candidate more, which will not say WELCOME.
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
  std::string name;  // as it calls itself; empty: it did not say
  int rssi = 0;      // dBm; 0: not known
  std::optional<Announcement> announcement;
  bool classic = false;   // answered an inquiry
  uint64_t heard_ms = 0;  // when it was heard last, as Clock::mono_ms
  std::string adapter;    // that heard it: hci0

  bool operator==(const Found&) const = default;
};

struct ScanOptions {
  std::string adapter;      // hci1 or its address; empty: all
  uint32_t le_ms = 3'000;   // how long for advertisements
  uint32_t classic_ms = 0;  // how long for inquiry behind it; 0: not at all
};

// An adapter that bluetoothd knows.
struct KnownAdapter {
  std::string name;  // hci0
  std::string address;
  bool powered = false;
};

// All adapters, as bluetoothd sees them. Waits for the answer, up to five seconds. Errors:
// `unavailable` (no D-Bus, no bluetoothd).
Result<std::vector<KnownAdapter>> known_adapters();

// One look around. It lives in the loop of its owner: poll fd() for events() for up to
// timeout_ms(), then call turn(). Going away ends the looking, some time later. Resource; one
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
  // False once it is over: the time is up, or there is a fault().
  bool turn();
  // Ends it early; turn() is false when bluetoothd listens no more.
  void stop();

  // Whether it asks for classic devices by now.
  [[nodiscard]] bool classic() const { return stage_ == Stage::classic; }
  // What was heard so far, strongest first.
  [[nodiscard]] std::vector<Found> found() const;
  // Devices that advertise under our UUID data that are no broker's announcement, or one of a
  // version to come.
  [[nodiscard]] size_t left_out() const;
  // Why it ended early: `unavailable` (no bluetoothd), `not_found` (no adapter that is switched
  // on), `refused` (bluetoothd does not let us look, with its words). Nobody in reach is no fault.
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

 private:
  enum class Stage : uint8_t { asking, advertisements, stopping, classic, over };
  struct Device {
    Found found;
    bool has_service = false;
    bool heard = false;
    bool says_nonsense = false;
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
  uint64_t until_ms_ = 0;  // of the stage
  std::optional<Error> fault_;
  std::set<std::string> adapters_;         // paths of those to look with
  size_t refused_ = 0;                     // of them
  size_t stopping_ = 0;                    // answers that are awaited
  bool stopped_ = false;                   // for good
  std::map<std::string, Device> devices_;  // by path
};

}  // namespace btb::bluez
