// Capture: what passes between a host and its controller, written as btsnoop, which `btmon -r` and
// Wireshark read (version 1, data link type 1002: HCI with H4). Resource.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "sdk/base/result.h"
#include "tests/lab/radio/agenda.h"
#include "tests/lab/radio/hci.h"
#include "tests/lab/radio/packet.h"

namespace btb::lab {

class Capture {
 public:
  static Result<Capture> create(const std::string& path);

  // `wall` is microseconds since 1970.
  void add(hci::Type type, Bytes packet, bool to_host, Micros wall);

 private:
  struct Closer {
    void operator()(FILE* file) const { std::fclose(file); }
  };
  explicit Capture(FILE* file) : file_(file) {}

  std::unique_ptr<FILE, Closer> file_;
  Micros flushed_ = 0;
};

}  // namespace btb::lab
