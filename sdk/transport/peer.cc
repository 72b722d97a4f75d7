// The other end of a socket: the functions of socket.h that ask the kernel about it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "sdk/transport/bluetooth.h"
#include "sdk/transport/socket.h"

namespace btb {

namespace {

constexpr size_t ipv6_network_bytes = 8;  // the /64 that a host has
// A machine has millions of loopback addresses (127.0.0.0/8), and any program may use them.
constexpr const char* loopback = "ip 127.0.0.1";

// Any address a socket can have, with its length.
struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;

  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
};

std::string text_of(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (address.family() == AF_INET) {
    const auto* in = reinterpret_cast<const sockaddr_in*>(&address.storage);
    inet_ntop(AF_INET, &in->sin_addr, host.data(), host.size());
    return std::string(host.data()) + ":" + std::to_string(ntohs(in->sin_port));
  }
  const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
  inet_ntop(AF_INET6, &in6->sin6_addr, host.data(), host.size());
  return "[" + std::string(host.data()) + "]:" + std::to_string(ntohs(in6->sin6_port));
}

std::string origin_of(const in_addr& host) {
  if (ntohl(host.s_addr) >> 24 == IN_LOOPBACKNET) return loopback;
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &host, text.data(), text.size());
  return std::string("ip ") + text.data();
}

std::string origin_of(in6_addr host) {
  if (IN6_IS_ADDR_V4MAPPED(&host)) {
    in_addr mapped{};
    std::copy(std::begin(host.s6_addr) + 12, std::end(host.s6_addr),
              reinterpret_cast<uint8_t*>(&mapped));
    return origin_of(mapped);
  }
  if (IN6_IS_ADDR_LOOPBACK(&host)) return loopback;
  std::array<char, INET6_ADDRSTRLEN> text{};
  std::fill(std::begin(host.s6_addr) + ipv6_network_bytes, std::end(host.s6_addr), 0);
  inet_ntop(AF_INET6, &host, text.data(), text.size());
  return std::string("ip ") + text.data() + "/64";
}

}  // namespace

// Only for unix sockets: for a Bluetooth socket Linux 6.12 answers with the listening user.
std::optional<PeerUser> peer_user(int fd) {
  Address own;
  if (getsockname(fd, own.get(), &own.bytes) != 0 || own.family() != AF_UNIX) return std::nullopt;
  ucred credentials{};
  socklen_t bytes = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) return std::nullopt;
  if (credentials.pid <= 0 && credentials.uid == static_cast<uid_t>(-1)) return std::nullopt;
  return PeerUser{credentials.uid, credentials.pid};
}

std::string local_adapter(int fd) {
  Address address;
  if (getsockname(fd, address.get(), &address.bytes) != 0) return {};
  if (address.family() != AF_BLUETOOTH) return {};
  const std::string text = bluetooth::describe(fd, address.storage);
  return text.substr(text.find(' ') + 1);
}

std::string origin_of(int fd) {
  Address address;
  if (getpeername(fd, address.get(), &address.bytes) != 0) return {};
  switch (address.family()) {
    case AF_UNIX: {
      const auto user = peer_user(fd);
      return user ? "uid " + std::to_string(user->uid) : std::string();
    }
    case AF_INET:
    case AF_INET6:
      return origin_of(address.storage);
    case AF_BLUETOOTH: {
      const std::string peer = bluetooth::describe(fd, address.storage);
      return "device " + peer.substr(peer.find(' ') + 1);
    }
    default:
      return {};
  }
}

std::string origin_of(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET) {
    return origin_of(reinterpret_cast<const sockaddr_in*>(&peer)->sin_addr);
  }
  if (peer.ss_family != AF_INET6) return {};
  return origin_of(reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_addr);
}

std::string describe_peer(int fd) {
  Address address;
  if (getpeername(fd, address.get(), &address.bytes) != 0) return "gone";
  switch (address.family()) {
    case AF_UNIX: {
      const auto user = peer_user(fd);
      if (!user) return "unix";
      return "unix uid " + std::to_string(user->uid) + " pid " + std::to_string(user->pid);
    }
    case AF_INET:
    case AF_INET6:
      return "tcp " + text_of(address);
    case AF_BLUETOOTH:
      return bluetooth::describe(fd, address.storage);
    default:
      return "unknown";
  }
}

}  // namespace btb
