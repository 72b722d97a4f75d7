// Sockets behind endpoints: listening, accepting, connecting, and facts about the other end. Every
// descriptor made here is non-blocking and close-on-exec. TCP connections have Nagle's algorithm
// off. Functions, no state; [any] thread. An error's text names the endpoint and the system's
// words.
//
// Two things block: the look-up of a TCP host's name (in listen_on, look_up, address_count and
// begin_connect), and listen_on at a unix path, for up to 0.2 s while another broker starts there.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/base/unique_fd.h"
#include "sdk/transport/endpoint.h"

namespace btb {

struct ListenOptions {
  uint32_t mode = 0660;  // permissions of a unix socket
  int backlog = 1024;
  // The result of look_up for a TCP host. Empty: listen_on looks the name up itself, and may block.
  std::vector<std::string> addresses{};
};

// A listening socket. The file of a unix socket is replaced if nobody listens on it any more. The
// host "*" is every address, IPv4 and IPv6. A lock on the directory keeps two brokers apart that
// start on one path at the same moment. Errors: `exists` (the path or the port is in use),
// `not_found` (no such directory, host or adapter), `refused` (no permission), `invalid`,
// `unavailable` (the directory stays locked, or no name server answers), `unsupported` (the kernel
// has no Bluetooth), `limit` (out of descriptors or memory), `io`.
Result<UniqueFd> listen_on(const Endpoint& endpoint, const ListenOptions& options);

// Whether the address of a TCP host must be looked up. False for addresses, "localhost" and "*".
bool needs_look_up(const Endpoint& endpoint);

// The addresses of a TCP host, as text. Blocks as long as the system's resolver does: 10 s and more
// if no server answers. Errors: `unavailable` (no server answers now), `not_found` (no such name).
Result<std::vector<std::string>> look_up(const Endpoint& endpoint);

// The endpoint of a listening socket that was asked for as `asked`. The port of tcp:HOST:0 is the
// one that the system chose.
Result<Endpoint> local_endpoint(int fd, const Endpoint& asked);

// Identifies the file of a unix socket, so that another file at the same path can be noticed. The
// system does not use the inode again as long as the socket that made it is open.
struct SocketFile {
  dev_t device = 0;
  ino_t inode = 0;

  bool operator==(const SocketFile&) const = default;
};

// The socket file that is at a unix endpoint now. Nothing if no socket is there, if the name is
// abstract, or if the endpoint is of another scheme.
std::optional<SocketFile> socket_file(const Endpoint& endpoint);

// Removes the file of a unix socket, even if another program made it. Has no effect on an endpoint
// without a socket file.
void remove_endpoint(const Endpoint& endpoint);

// The next connection of a listening socket. Errors: `unavailable` (no connection is waiting),
// `limit` (out of descriptors or memory), `io`.
Result<UniqueFd> accept_from(int listen_fd);

// The number of addresses that a TCP host has now, at least 1 if it is not known. A client can try
// so many one after the other without a pause. 1 for all other schemes.
uint32_t address_count(const Endpoint& endpoint);

// Begins to connect. Poll the descriptor for writing, then call finish_connect. A TCP host may have
// several addresses: `attempt` modulo their number is the one to try. `adapter` is the Bluetooth
// adapter to connect through (hci1, or its address); empty: the kernel chooses. Errors:
// `unavailable` (nobody listens there), `not_found` (no such path, host or adapter), `refused` (no
// permission), `invalid`, `unsupported` (the kernel has no Bluetooth), `limit`, `timeout`, `io`.
Result<UniqueFd> begin_connect(const Endpoint& endpoint, uint32_t attempt = 0,
                               const std::string& adapter = {});
// The result of a connection that was begun. Errors: `limit` (the Bluetooth adapter at the other
// end takes no more devices), `exists` (the Bluetooth link is being made or ended: try again in a
// moment), `unavailable`, `timeout`, and others with the system's words.
Result<void> finish_connect(int fd, const Endpoint& endpoint);

// recv(2), with its results and errno; never blocks. When the other end is gone, a Bluetooth socket
// reports the end or the error before the last bytes. This function returns the last bytes first.
// The kernel reports an error only once; a later call fails with ENOTCONN.
ssize_t receive(int fd, void* buffer, size_t bytes);

// For a connected Bluetooth socket: the largest number of bytes to write at once, so that the
// packets on the air are full. 0 for other sockets: any number. L2CAP carries packets, and a read
// takes a whole one. The rest of a packet that does not fit into the buffer is lost, so read with
// room for 64 KiB.
uint32_t message_bytes_max(int fd);

// The user at the other end of a unix socket. Nothing for other sockets.
struct PeerUser {
  uid_t uid = 0;
  pid_t pid = 0;
};
std::optional<PeerUser> peer_user(int fd);

// The address of the Bluetooth adapter that a connection goes through, "00:1A:7D:DA:71:13"; empty
// for other sockets.
std::string local_adapter(int fd);

// The other end for people and the journal: "unix uid 1000 pid 4711", "tcp 127.0.0.1:50312",
// "l2cap 00:1A:7D:DA:71:13". "gone" if the socket is not connected any more.
std::string describe_peer(int fd);

// The user, host or device at the other end. All connections with one origin count together toward
// the limits of one peer. "uid 1000", "ip 192.0.2.7", "ip 2001:db8:1:2::/64" (an IPv6 host has all
// addresses of its network), "device 00:1A:7D:DA:71:13". All loopback addresses are "ip 127.0.0.1".
// Empty if the system does not say.
std::string origin_of(int fd);
// The same for an IPv4 or IPv6 address. Empty for other addresses.
std::string origin_of(const sockaddr_storage& peer);

}  // namespace btb
