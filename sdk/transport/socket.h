// Sockets behind endpoints. Every descriptor made here is non-blocking and close-on-exec; TCP ones
// have Nagle's algorithm off. Functions, no state; [any] thread; none blocks, but for the look-up
// of a TCP host's name.
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
  // What look_up found of a TCP host's name; empty: listen_on looks it up itself, and may block.
  std::vector<std::string> addresses{};
};

// A listening socket. A unix socket file that nobody listens on any more is replaced; one that is
// in use is an error ("exists"), as is a TCP port in use. The host "*" is every address, v4 and v6.
// Two brokers that start at the same moment on one path are kept apart by a lock on its directory.
Result<UniqueFd> listen_on(const Endpoint& endpoint, const ListenOptions& options);

// Whether listen_on would have to ask somebody for the address of a TCP host: not for addresses,
// "localhost" and "*".
bool needs_look_up(const Endpoint& endpoint);

// The addresses of a TCP host, as text. Blocks for as long as the system's resolver does, 10 s and
// more where no server answers. Errors: `unavailable`: none answers now. `not_found`: no such name.
Result<std::vector<std::string>> look_up(const Endpoint& endpoint);

// The endpoint a listening socket has, with the port the system chose for tcp:HOST:0.
Result<Endpoint> local_endpoint(int fd, const Endpoint& asked);

// The file of a unix socket, told from another one at the same path. Its number is not given again
// as long as the socket that made it is open.
struct SocketFile {
  dev_t device = 0;
  ino_t inode = 0;

  bool operator==(const SocketFile&) const = default;
};

// The file that is at a unix endpoint now; nothing if no socket is there, and for the others.
std::optional<SocketFile> socket_file(const Endpoint& endpoint);

// Removes the file of a unix socket, whoever made it; nothing for the others.
void remove_endpoint(const Endpoint& endpoint);

// The next connection of a listening socket. `unavailable`: none is waiting. `limit`: out of
// descriptors.
Result<UniqueFd> accept_from(int listen_fd);

// How many addresses a host has now: how often it makes sense to try the next one at once. 1 for
// all but TCP.
uint32_t address_count(const Endpoint& endpoint);

// Begins to connect: poll the descriptor for writing, then finish_connect. A host may have several
// addresses; `attempt` says which to try, counted round and round, so that counting it up reaches
// all of them. `adapter`: the Bluetooth adapter to connect through (hci1, or its address); empty:
// the kernel chooses.
Result<UniqueFd> begin_connect(const Endpoint& endpoint, uint32_t attempt = 0,
                               const std::string& adapter = {});
// Errors: `limit`: the Bluetooth adapter at the other end takes no more devices. `exists`: the link
// to it is being made or ended just now; try again in a moment. Others in the system's words.
Result<void> finish_connect(int fd, const Endpoint& endpoint);

// recv(2). A Bluetooth socket whose other end is gone says so, as an error or as the end, before it
// gives what came in last: here what came in is given first, and then, if the error is not told
// any more, ENOTCONN.
ssize_t receive(int fd, void* buffer, size_t bytes);

// Of a connected Bluetooth socket: the most bytes to write at once, so that the packets on the air
// are full. 0: any number. L2CAP carries messages: a read takes a whole one, and what does not fit
// in the buffer is lost, so it has room for 64 KiB.
uint32_t message_bytes_max(int fd);

// The user behind the other end of a unix socket; nothing for others.
struct PeerUser {
  uid_t uid = 0;
  pid_t pid = 0;
};
std::optional<PeerUser> peer_user(int fd);

// The address of the Bluetooth adapter that a connection goes through, "00:1A:7D:DA:71:13"; empty
// for other sockets.
std::string local_adapter(int fd);

// The other end for logs: "unix uid 1000 pid 4711", "tcp 127.0.0.1:50312".
std::string describe_peer(int fd);

// Whom the connections of one stranger are counted for, however many it opens: "uid 1000", "ip
// 192.0.2.7", "ip 2001:db8:1:2::/64" (a host of IPv6 has all addresses of its network),
// "device 00:1A:7D:DA:71:13". All loopback addresses are this machine, "ip 127.0.0.1". Empty if the
// system does not say.
std::string origin_of(int fd);
// The same of an address of IPv4 or IPv6; empty for others.
std::string origin_of(const sockaddr_storage& peer);

}  // namespace btb
