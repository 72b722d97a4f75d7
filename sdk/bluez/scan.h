// Scan: looking for brokers over Bluetooth. Asks bluetoothd to look for devices with our service:
// LE advertisements first, then, if asked, inquiry. What others nearby say is not believed: text is
// given as it came (escape it before a terminal), and a device that only claims our UUID is one
// candidate more, which will not say WELCOME.
//
// Resource; one thread; waits only inside run().
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

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
  bool classic = false;  // answered an inquiry
};

struct ScanOptions {
  std::string adapter;      // hci1 or its address; empty: all
  int le_ms = 3'000;        // how long for advertisements
  int classic_ms = 0;       // how long for inquiry behind it; 0: not at all
  bool first_only = false;  // end with the first that has a free place
};

// An adapter that bluetoothd knows.
struct KnownAdapter {
  std::string name;  // hci0
  std::string address;
  bool powered = false;
};

// All adapters, as bluetoothd sees them. Errors: `unavailable` (no D-Bus, no bluetoothd).
Result<std::vector<KnownAdapter>> known_adapters();

// Errors: `unavailable` (no D-Bus, no bluetoothd), `not_found` (no adapter that is switched on),
// `refused` (bluetoothd does not let us look, with its words). Nobody in reach is no error.
Result<std::vector<Found>> scan(const ScanOptions& options);

}  // namespace btb::bluez
