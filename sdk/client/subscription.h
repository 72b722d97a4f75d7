// Subscription: what a client asks a broker for. Value type; [any] thread.
#pragma once

#include <cstdint>
#include <string>

#include "sdk/wire/words.h"

namespace btb::client {

struct Subscription {
  std::string filter;
  wire::From from = wire::From::latest;
  int64_t value = 0;         // for `from` seq, last and time: the number, or the time in us
  bool no_snapshot = false;  // of state topics: only changes
};

}  // namespace btb::client
