// Bluetooth sockets: what sdk/transport/socket.h promises, for l2cap:, le: and rfcomm:, which is
// for socket.cc only; and the links that the sockets of this machine go over. Functions, no state;
// [any] thread; none blocks.
//
// L2CAP carries messages (SEQPACKET) of at most the MTU the two sides settled on; the protocol on
// top is a stream, so a message may end anywhere in a frame. RFCOMM is a stream.
//
// The kernel's numbers and structs stand in bluetooth.cc: libbluetooth, which is GPL, is not needed
// to open a socket (docs/decisions/0006).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sdk/base/unique_fd.h"
#include "sdk/transport/endpoint.h"

namespace btb::bluetooth {

// The largest message we take in, of 4 packets of 1021 bytes (3-DH5) less L2CAP's head of 4.
inline constexpr uint16_t classic_mtu = 4 * 1021 - 4;
// LE: of 16 link layer packets of 251 bytes, each with an L2CAP head of 4, and 2 for the length.
// Its size buys credits, of which 6.1 kernels give one for each packet of a message.
inline constexpr uint16_t le_mtu = 16 * 247 - 2;
// What the kernel may hold of a link beside what the adapter has. An adapter has some eight packets
// (30 ms at 3 Mbit/s), so the link does not run dry; more would be bandwidth to nobody, and the
// delay of an alert behind it. The least there is: the kernel makes 4608 bytes of it, two packets.
inline constexpr int send_buffer_bytes = 2 << 10;
// RFCOMM waits for credits, and needs more to go on with meanwhile.
inline constexpr int rfcomm_send_buffer_bytes = 16 << 10;

struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Nothing, and an errno in `fault`, if there is no such adapter. For listening the address may be
// that of one adapter, its name (hci0) or "*".
std::optional<Address> address_of(const Endpoint& endpoint, int& fault);

// A socket of the endpoint's kind, with MTU and buffers set; invalid with an errno.
UniqueFd make_socket(const Endpoint& endpoint);
// Between bind and listen. We ask to be the central of all who connect: else each of them would
// bring a piconet of its own.
void prepare_to_listen(int fd, const Endpoint& endpoint);
// Before connect: through which adapter (hci1 or its address; empty: the kernel chooses). False
// with an errno if there is no such adapter.
bool prepare_to_connect(int fd, const Endpoint& endpoint, const std::string& adapter);
// Whether the adapter that this socket tried to connect through has a link to the device (any
// adapter, if the socket does not know): who refused a connection is then whoever listens there,
// and not the adapter.
bool has_link(int fd, const Endpoint& endpoint);
// A connection that was accepted.
void tune_accepted(int fd);

// The most bytes to send at once; 0: any number, or the socket is not connected. RFCOMM is a
// stream, but its frames of 1021 bytes and a head of L2CAP do not fit into a packet, and spill four
// bytes into a second one; so it, too, is given what fits.
uint32_t message_bytes_max(int fd);

// "l2cap 00:1A:7D:DA:71:13", of a socket address of this family.
std::string describe(int fd, const sockaddr_storage& peer);

// A BR/EDR link between an adapter of this machine and a device, by the addresses of both.
struct ClassicLink {
  std::string adapter;
  std::string device;
  uint16_t handle = 0;    // another one for the next link
  bool incoming = false;  // the device opened it
  bool encrypted = false;
};
// All that there are, whoever uses them. Takes two system calls for each adapter.
std::vector<ClassicLink> classic_links();

}  // namespace btb::bluetooth
