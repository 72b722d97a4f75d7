// Endpoint: the place where a broker listens, as people write it.
//
//   unix:/path/to/socket   a file; a relative path begins at the working directory
//   unix:@name             an abstract name, without a file
//   tcp:HOST:PORT          tcp:[::1]:4712; the port may be left out; the host "*" listens on
//                          every address
//   l2cap:ADDR/PSM         Bluetooth, between Linux machines; ADDR is 00:1A:7D:DA:71:13, or, for
//   le:ADDR/PSM            listening, an adapter's name (hci0) or "*" for all adapters; a random LE
//   rfcomm:ADDR/CHANNEL    address is followed by "/random": le:C0:11:22:33:44:55/128/random
//
// Value type; pure; [any] thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sdk/base/result.h"

namespace btb {

inline constexpr uint16_t default_tcp_port = 4712;

struct Endpoint {
  enum class Scheme : uint8_t { unix_socket, tcp, l2cap, le, rfcomm } scheme = Scheme::unix_socket;
  std::string address;          // path, host or Bluetooth address
  uint16_t port = 0;            // TCP port, PSM or channel
  bool random_address = false;  // le: the address is not the public one of the adapter

  bool operator==(const Endpoint&) const = default;
};

// Whether the scheme is l2cap, le or rfcomm.
bool is_bluetooth(const Endpoint& endpoint);

// Whether the text names a Bluetooth adapter: hci0, an address, or "*" for all adapters. It does
// not ask whether the adapter exists.
bool is_adapter(std::string_view text);

// Error `invalid`: the text says what is wrong, or shows the forms that are understood.
Result<Endpoint> parse_endpoint(std::string_view text);
// The text that parse_endpoint reads as this endpoint.
std::string to_string(const Endpoint& endpoint);

}  // namespace btb
