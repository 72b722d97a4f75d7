// Bluetooth sockets: the part of socket.h for l2cap:, le: and rfcomm:, and the Bluetooth links of
// this machine. Only sdk/transport calls the functions for sockets; classic_links is for everybody.
// Functions, no state; [any] thread; none blocks.
//
// L2CAP carries packets (SEQPACKET). A packet has at most the MTU that the two sides agreed on. The
// protocol above is a stream, so a packet may end anywhere in a frame. RFCOMM is a stream.
//
// The kernel's numbers and structs are in bluetooth.cc, because libbluetooth is GPL and is not
// needed to open a socket (docs/decisions/0006).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sdk/base/unique_fd.h"
#include "sdk/transport/endpoint.h"

namespace btb::bluetooth {

// BR/EDR: the largest L2CAP packet that we receive. It fills 4 radio packets of 1021 bytes (3-DH5),
// less L2CAP's head of 4.
inline constexpr uint16_t classic_mtu = 4 * 1021 - 4;
// LE: it fills 16 link layer packets of 251 bytes, each with an L2CAP head of 4, less 2 for the
// length. A larger MTU brings more credits: Linux 6.1 gives one for each link layer packet of it.
inline constexpr uint16_t le_mtu = 16 * 247 - 2;
// Unsent bytes that the kernel may hold for a link. The adapter holds about eight packets more
// (30 ms at 3 Mbit/s), so the link does not run dry. A larger buffer would not be faster, and would
// delay an alert. This is the smallest buffer: the kernel makes 4608 bytes of it, two packets.
inline constexpr int send_buffer_bytes = 2 << 10;
// RFCOMM waits for credits, so its buffer must hold more bytes.
inline constexpr int rfcomm_send_buffer_bytes = 16 << 10;

struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// The socket address of an endpoint. To listen, the endpoint's address is an adapter's address, its
// name (hci0) or "*". If there is no such adapter: nothing, and an errno in `fault`.
std::optional<Address> address_of(const Endpoint& endpoint, int& fault);

// A socket of the endpoint's kind, with MTU and buffers set. On failure it is not valid, and errno
// says why.
UniqueFd make_socket(const Endpoint& endpoint);
// Call it between bind and listen. It asks to be the central of every device that connects.
// Otherwise each device would bring a piconet of its own.
void prepare_to_listen(int fd, const Endpoint& endpoint);
// Call it before connect. `adapter` is the adapter to connect through (hci1 or its address); empty:
// the kernel chooses. False if there is no such adapter; errno says why.
bool prepare_to_connect(int fd, const Endpoint& endpoint, const std::string& adapter);
// Whether the adapter of this socket has a link to the device. If the socket does not know its
// adapter, any adapter counts. If there is a link, a program on the device refused the connection;
// if not, the device's adapter did.
bool has_link(int fd, const Endpoint& endpoint);
// Sets the send buffer of a connection that was accepted.
void tune_accepted(int fd);

// The largest number of bytes to send at once, so that radio packets are full. 0: any number, or
// the socket is not connected, or it is no Bluetooth socket. RFCOMM is a stream, but it has a limit
// as well: its largest frame and L2CAP's head would put four bytes into a second radio packet.
uint32_t message_bytes_max(int fd);

// The scheme and the address: "l2cap 00:1A:7D:DA:71:13". REQUIRES: `peer` is a Bluetooth address of
// the same kind as the socket `fd`.
std::string describe(int fd, const sockaddr_storage& peer);

// A BR/EDR link between an adapter of this machine and a device, by the addresses of both.
struct ClassicLink {
  std::string adapter;
  std::string device;
  uint16_t handle = 0;    // tells this link from a later one between the same two
  bool incoming = false;  // the device opened it
  bool encrypted = false;
};
// All BR/EDR links of this machine, also those of other programs. At most 32 for each adapter.
// Takes two system calls for each adapter.
std::vector<ClassicLink> classic_links();

}  // namespace btb::bluetooth
