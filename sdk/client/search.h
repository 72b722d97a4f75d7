// Search: what Roaming asks to look for brokers, and the picture it makes of them. Finder is the
// one that listens to the air. The structs are value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/client/way.h"

namespace btb::client {

// A way to a broker, and what was heard of it.
struct HeardWay {
  Way way;
  int rssi = 0;                             // dBm; 0: not known
  std::optional<uint8_t> free_places = {};  // on that adapter of the broker
  uint64_t heard_ms = 0;                    // as Clock::mono_ms

  [[nodiscard]] bool is_full() const { return free_places && *free_places == 0; }
};

struct NearBroker {
  std::string name;                  // for people, as it came; empty: it did not say
  uint16_t site = 0;                 // see bluez::Announcement; 0: not known
  std::vector<uint8_t> epochs = {};  // announced: one, unless somebody says otherwise
  std::vector<HeardWay> ways;        // best first

  [[nodiscard]] bool has_place() const;  // so far as is known
};

// What looks for brokers, in the loop of its owner, until it is over or destroyed.
class Search {
 public:
  virtual ~Search() = default;
  [[nodiscard]] virtual int fd() const = 0;
  [[nodiscard]] virtual short events() const = 0;
  [[nodiscard]] virtual int timeout_ms() const = 0;
  // False once it is over.
  virtual bool turn() = 0;
  // Ends it early; turn() is false when nobody listens any more.
  virtual void stop() = 0;
  // What was found so far, strongest first.
  [[nodiscard]] virtual std::vector<NearBroker> brokers() const = 0;
  // As bluez::Scan::fault.
  [[nodiscard]] virtual const std::optional<Error>& fault() const = 0;
};

}  // namespace btb::client
