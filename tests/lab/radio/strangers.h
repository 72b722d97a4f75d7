// Strangers: devices that are nothing but an advertisement, once a second, heard by every adapter:
// what a fair is full of, and what somebody hostile would send. One thread.
#pragma once

#include <vector>

#include "tests/lab/radio/air.h"

namespace btb::lab {

class Strangers {
 public:
  explicit Strangers(Air& air) : air_(air) {}
  Strangers(const Strangers&) = delete;
  Strangers& operator=(const Strangers&) = delete;

  // Another one, with an address of its own. `data`: at most 31 bytes.
  void add(ByteVector data);
  // All of them leave.
  void clear() { all_.clear(); }

 private:
  struct Stranger {
    Address address;
    ByteVector data;
  };
  void advertise();

  Air& air_;
  std::vector<Stranger> all_;
  size_t next_ = 0;  // in all_: whose turn it is
  bool running_ = false;
  uint8_t made_[2] = {};  // part of the address of the next
};

}  // namespace btb::lab
