// Search: the interface through which Roaming looks for brokers, and the brokers it finds. Finder
// implements it by listening to the air; tests have another. The structs are value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/client/way.h"

namespace btb::client {

// A way to a broker, and what the radio heard about it.
struct HeardWay {
  Way way;
  int rssi = 0;                             // dBm; 0: not known
  std::optional<uint8_t> free_places = {};  // on that adapter of the broker
  uint64_t heard_ms = 0;                    // as Clock::mono_ms

  [[nodiscard]] bool is_full() const { return free_places && *free_places == 0; }
};

struct NearBroker {
  std::string name;   // for people, as received; empty: not known
  uint16_t site = 0;  // see bluez::Announcement; 0: not known
  // Announced epochs, one from each device that was heard. They are equal unless a device lies.
  std::vector<uint8_t> epochs = {};
  std::vector<HeardWay> ways;  // best first

  // False if every way is known to be full.
  [[nodiscard]] bool has_place() const;
};

// One search. It works in the loop of its owner: poll fd() for events(), for up to timeout_ms(),
// then call turn(). Resource; one thread; never waits. Destroying it ends the search at once.
class Search {
 public:
  virtual ~Search() = default;
  [[nodiscard]] virtual int fd() const = 0;
  [[nodiscard]] virtual short events() const = 0;
  [[nodiscard]] virtual int timeout_ms() const = 0;
  // False once the search is over.
  virtual bool turn() = 0;
  // Ends the search early. turn() returns false as soon as the adapters have stopped listening.
  virtual void stop() = 0;
  // The brokers found so far, the strongest first.
  [[nodiscard]] virtual std::vector<NearBroker> brokers() const = 0;
  // Why the search ended early: see bluez::Scan::fault.
  [[nodiscard]] virtual const std::optional<Error>& fault() const = 0;
};

}  // namespace btb::client
