// The parts of socket.h: errors and addresses, listening, connecting, and reading. peer.cc has the
// functions about the other end; bluetooth.cc has the Bluetooth sockets.
#include "sdk/transport/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "sdk/transport/bluetooth.h"

namespace btb {

namespace {

using Scheme = Endpoint::Scheme;

constexpr int directory_lock_tries = 200;  // a millisecond apart; the lock is held for microseconds

// Any address a socket can have, with its length.
struct Address {
  sockaddr_storage storage{};
  socklen_t bytes = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
};

std::string errno_text(int number) {
  std::array<char, 128> buffer{};
  return strerror_r(number, buffer.data(), buffer.size());
}

Errc errc_of(int number) {
  switch (number) {
    case EADDRINUSE:
    case EEXIST:
      return Errc::exists;
    case ENOENT:
    case EADDRNOTAVAIL:
      return Errc::not_found;
    case EACCES:
    case EPERM:
      return Errc::refused;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return Errc::limit;
    case ECONNREFUSED:
    case EAGAIN:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ECONNRESET:
      return Errc::unavailable;
    case ETIMEDOUT:
      return Errc::timeout;
    default:
      return Errc::io;
  }
}

Error system_error(const std::string& what, int number) {
  return {errc_of(number), what + ": " + errno_text(number)};
}

Error bluetooth_error(const Endpoint& endpoint, int number) {
  if (number == EAFNOSUPPORT || number == EPROTONOSUPPORT) {
    return {Errc::unsupported, to_string(endpoint) +
                                   ": this machine's kernel has no Bluetooth; "
                                   "`btctl doctor` says what can be done"};
  }
  if (number == ENODEV) {
    return {Errc::not_found, to_string(endpoint) + ": there is no such Bluetooth adapter"};
  }
  return system_error(to_string(endpoint), number);
}

Result<Address> unix_address(const Endpoint& endpoint) {
  Address address;
  auto* un = reinterpret_cast<sockaddr_un*>(&address.storage);
  const std::string& path = endpoint.address;
  if (path.empty() || path.size() >= sizeof un->sun_path) {
    return Error{Errc::invalid, to_string(endpoint) + ": the path has 1 to 107 bytes"};
  }
  un->sun_family = AF_UNIX;
  std::memcpy(un->sun_path, path.data(), path.size());
  const bool is_abstract = path.front() == '@';
  if (is_abstract) un->sun_path[0] = '\0';
  address.bytes =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract ? 0 : 1));
  return address;
}

// The name to look up. Null stands for the loopback addresses: "localhost" needs no look-up (RFC
// 6761), and not every machine has it in a file.
const char* host_of(const Endpoint& endpoint) {
  if (endpoint.address == "*") return "::";
  return endpoint.address == "localhost" ? nullptr : endpoint.address.c_str();
}

Result<std::vector<Address>> tcp_addresses(const Endpoint& endpoint, bool to_listen,
                                           int flags = 0) {
  if (endpoint.address == "*" && !to_listen) {
    return Error{Errc::invalid, to_string(endpoint) + ": \"*\" is for listening"};
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int fault =
      getaddrinfo(host_of(endpoint), std::to_string(endpoint.port).c_str(), &hints, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, [](addrinfo* info) {
    if (info != nullptr) freeaddrinfo(info);
  });
  if (fault != 0) {
    return Error{fault == EAI_AGAIN ? Errc::unavailable : Errc::not_found,
                 to_string(endpoint) + ": " + gai_strerror(fault)};
  }
  std::vector<Address> addresses;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    Address& address = addresses.emplace_back();
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    address.bytes = info->ai_addrlen;
  }
  return addresses;
}

UniqueFd make_socket(int family) {
  return UniqueFd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

void set_option(int fd, int level, int name, int value) {
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

// --- listening ---

// Whether a program listens on a unix socket. Error: a file that is not a socket is there.
Result<bool> is_alive(const Endpoint& endpoint, const Address& address) {
  struct stat info {};
  if (lstat(endpoint.address.c_str(), &info) != 0) {
    if (errno == ENOENT) return false;
    return system_error(to_string(endpoint), errno);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return Error{Errc::exists, to_string(endpoint) + ": a file that is not a socket is there"};
  }
  const UniqueFd probe = make_socket(AF_UNIX);
  if (!probe.valid()) return system_error(to_string(endpoint), errno);
  if (::connect(probe.get(), address.get(), address.bytes) == 0) return true;
  return errno != ECONNREFUSED && errno != ENOENT;
}

// Keeps other brokers from looking at or replacing sockets in the directory while the result lives.
Result<UniqueFd> lock_directory_of(const Endpoint& endpoint) {
  const size_t slash = endpoint.address.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : endpoint.address.substr(0, slash);
  UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() && errno == ENOENT) {
    return Error{Errc::not_found, to_string(endpoint) + ": there is no directory " + directory +
                                      "; make it, or name a path elsewhere"};
  }
  if (!fd.valid()) return system_error(to_string(endpoint) + ": directory " + directory, errno);
  for (int tries = 0; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fd;  // no locks on this file system
    if (tries == directory_lock_tries) {
      return Error{Errc::unavailable,
                   to_string(endpoint) + ": another process keeps the directory locked"};
    }
    const timespec millisecond{0, 1'000'000};
    nanosleep(&millisecond, nullptr);
  }
  return fd;
}

Result<UniqueFd> bind_and_listen(const Endpoint& endpoint, const Address& address,
                                 const ListenOptions& options, bool is_file) {
  UniqueFd fd = make_socket(address.family());
  if (!fd.valid()) return system_error(to_string(endpoint), errno);
  if (address.family() != AF_UNIX) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (endpoint.address == "*") set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  // Nobody can connect between bind and listen, so the permissions are right from the first moment.
  if (::bind(fd.get(), address.get(), address.bytes) != 0 ||
      (is_file && ::chmod(endpoint.address.c_str(), options.mode) != 0) ||
      ::listen(fd.get(), options.backlog) != 0) {
    return system_error(to_string(endpoint), errno);
  }
  return fd;
}

Result<UniqueFd> listen_on_unix(const Endpoint& endpoint, const ListenOptions& options) {
  const auto address = unix_address(endpoint);
  if (!address) return address.error();
  if (endpoint.address.front() == '@') return bind_and_listen(endpoint, *address, options, false);
  const auto lock = lock_directory_of(endpoint);
  if (!lock) return lock.error();
  const auto alive = is_alive(endpoint, *address);
  if (!alive) return alive.error();
  if (*alive) return Error{Errc::exists, to_string(endpoint) + ": somebody listens here already"};
  remove_endpoint(endpoint);
  return bind_and_listen(endpoint, *address, options, true);
}

Result<std::vector<Address>> addresses_to_listen(const Endpoint& endpoint,
                                                 const ListenOptions& options) {
  if (options.addresses.empty()) return tcp_addresses(endpoint, true);
  std::vector<Address> all;
  for (const std::string& text : options.addresses) {
    const auto some = tcp_addresses({Scheme::tcp, text, endpoint.port}, true, AI_NUMERICHOST);
    if (!some) return some.error();
    all.insert(all.end(), some->begin(), some->end());
  }
  return all;
}

Result<UniqueFd> listen_on_tcp(const Endpoint& endpoint, const ListenOptions& options) {
  const auto addresses = addresses_to_listen(endpoint, options);
  if (!addresses) return addresses.error();
  Result<UniqueFd> fd = Error{Errc::not_found, to_string(endpoint) + ": no address"};
  for (const Address& address : *addresses) {
    fd = bind_and_listen(endpoint, address, options, false);
    // A name's other addresses are for hosts that lack the first (no IPv6), not for a port that is
    // taken there: a second broker beside the first would get some of its clients.
    if (fd || fd.error().code == Errc::exists) return fd;
  }
  if (endpoint.address == "*") {  // a system without IPv6
    return listen_on_tcp({Scheme::tcp, "0.0.0.0", endpoint.port}, options);
  }
  return fd;
}

Result<UniqueFd> listen_on_bluetooth(const Endpoint& endpoint, const ListenOptions& options) {
  int fault = 0;
  const auto address = bluetooth::address_of(endpoint, fault);
  if (!address) return bluetooth_error(endpoint, fault);
  UniqueFd fd = bluetooth::make_socket(endpoint);
  if (!fd.valid()) return bluetooth_error(endpoint, errno);
  if (::bind(fd.get(), address->get(), address->bytes) != 0) {
    return bluetooth_error(endpoint, errno);
  }
  bluetooth::prepare_to_listen(fd.get(), endpoint);
  if (::listen(fd.get(), options.backlog) != 0) return bluetooth_error(endpoint, errno);
  return fd;
}

void tune_accepted(int fd) {
  int domain = 0;
  socklen_t bytes = sizeof domain;
  (void)getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes);
  if (domain == AF_BLUETOOTH) bluetooth::tune_accepted(fd);
  if (domain == AF_INET || domain == AF_INET6) set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

// --- connecting ---

Result<UniqueFd> connect_to_bluetooth(const Endpoint& endpoint, const std::string& adapter) {
  if (endpoint.address == "*" || endpoint.address.starts_with("hci")) {
    return Error{Errc::invalid, to_string(endpoint) +
                                    ": this is for listening; to connect, name "
                                    "the broker's address"};
  }
  int fault = 0;
  const auto address = bluetooth::address_of(endpoint, fault);
  if (!address) return bluetooth_error(endpoint, fault);
  UniqueFd fd = bluetooth::make_socket(endpoint);
  if (!fd.valid()) return bluetooth_error(endpoint, errno);
  if (!bluetooth::prepare_to_connect(fd.get(), endpoint, adapter)) {
    const int number = errno;
    return bluetooth_error(endpoint, number);
  }
  if (::connect(fd.get(), address->get(), address->bytes) != 0 && errno != EINPROGRESS) {
    return bluetooth_error(endpoint, errno);
  }
  return fd;
}

Result<UniqueFd> connect_to(const Endpoint& endpoint, const Address& address) {
  UniqueFd fd = make_socket(address.family());
  if (!fd.valid()) return system_error(to_string(endpoint), errno);
  if (address.family() != AF_UNIX) set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (::connect(fd.get(), address.get(), address.bytes) != 0 && errno != EINPROGRESS) {
    return system_error(to_string(endpoint), errno);
  }
  return fd;
}

}  // namespace

Result<UniqueFd> listen_on(const Endpoint& endpoint, const ListenOptions& options) {
  switch (endpoint.scheme) {
    case Scheme::unix_socket:
      return listen_on_unix(endpoint, options);
    case Scheme::tcp:
      return listen_on_tcp(endpoint, options);
    case Scheme::l2cap:
    case Scheme::le:
    case Scheme::rfcomm:
      return listen_on_bluetooth(endpoint, options);
  }
  return Error{Errc::invalid, to_string(endpoint)};
}

bool needs_look_up(const Endpoint& endpoint) {
  if (endpoint.scheme != Scheme::tcp || host_of(endpoint) == nullptr) return false;
  return !tcp_addresses(endpoint, true, AI_NUMERICHOST);
}

Result<std::vector<std::string>> look_up(const Endpoint& endpoint) {
  const auto addresses = tcp_addresses(endpoint, true);
  if (!addresses) return addresses.error();
  std::vector<std::string> all;
  for (Address address : *addresses) {
    std::array<char, NI_MAXHOST> text{};
    const int fault = getnameinfo(address.get(), address.bytes, text.data(), text.size(), nullptr,
                                  0, NI_NUMERICHOST);
    if (fault == 0) all.emplace_back(text.data());
  }
  return all;
}

Result<Endpoint> local_endpoint(int fd, const Endpoint& asked) {
  if (asked.scheme != Scheme::tcp) return asked;
  Address address;
  address.bytes = sizeof address.storage;
  if (getsockname(fd, address.get(), &address.bytes) != 0) {
    return system_error(to_string(asked), errno);
  }
  Endpoint endpoint = asked;
  endpoint.port = ntohs(address.family() == AF_INET6
                            ? reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port
                            : reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
  return endpoint;
}

std::optional<SocketFile> socket_file(const Endpoint& endpoint) {
  if (endpoint.scheme != Scheme::unix_socket || endpoint.address.starts_with('@')) {
    return std::nullopt;
  }
  struct stat info {};
  if (lstat(endpoint.address.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return std::nullopt;
  return SocketFile{info.st_dev, info.st_ino};
}

void remove_endpoint(const Endpoint& endpoint) {
  if (socket_file(endpoint)) (void)::unlink(endpoint.address.c_str());
}

Result<UniqueFd> accept_from(int listen_fd) {
  for (;;) {
    UniqueFd fd(::accept4(listen_fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      tune_accepted(fd.get());
      return fd;
    }
    if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
    return system_error("accept", errno);
  }
}

uint32_t address_count(const Endpoint& endpoint) {
  if (endpoint.scheme != Scheme::tcp) return 1;
  const auto addresses = tcp_addresses(endpoint, false);
  return addresses ? static_cast<uint32_t>(addresses->size()) : 1;
}

Result<UniqueFd> begin_connect(const Endpoint& endpoint, uint32_t attempt,
                               const std::string& adapter) {
  switch (endpoint.scheme) {
    case Scheme::unix_socket: {
      const auto address = unix_address(endpoint);
      if (!address) return address.error();
      Result<UniqueFd> connected = connect_to(endpoint, *address);
      if (connected) return connected;
      Error error = connected.error();
      if (error.code == Errc::not_found) error.text += "; no broker was started there";
      if (error.code == Errc::refused) {
        error.text += "; the `mode` of that listener says which users its broker lets in";
      }
      return error;
    }
    case Scheme::tcp: {
      const auto addresses = tcp_addresses(endpoint, false);
      if (!addresses) return addresses.error();
      if (addresses->empty()) return Error{Errc::not_found, to_string(endpoint) + ": no address"};
      return connect_to(endpoint, (*addresses)[attempt % addresses->size()]);
    }
    case Scheme::l2cap:
    case Scheme::le:
    case Scheme::rfcomm:
      return connect_to_bluetooth(endpoint, adapter);
  }
  return Error{Errc::invalid, to_string(endpoint)};
}

Result<void> finish_connect(int fd, const Endpoint& endpoint) {
  int number = 0;
  socklen_t bytes = sizeof number;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &bytes) != 0) number = errno;
  // The broker closed the connection already. If its goodbye can be read, it says why.
  char byte = 0;
  if (number == ECONNRESET && ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) return {};
  if (number == ECONNREFUSED && is_bluetooth(endpoint) && !bluetooth::has_link(fd, endpoint)) {
    return Error{Errc::limit,
                 "full: its adapter takes no more devices, and may have the seven it can"};
  }
  if (number == EALREADY && is_bluetooth(endpoint) && endpoint.scheme != Scheme::le) {
    return Error{Errc::exists,
                 "connect: the adapter has a link to it that this kernel seems to have lost; it "
                 "helps to wait until the broker ends it, as a rule within half a minute"};
  }
  if ((number == EALREADY || number == EBUSY) && is_bluetooth(endpoint)) {
    return Error{Errc::exists, std::string("connect: ") + std::strerror(number)};
  }
  if (number != 0) return system_error("connect", number);
  return {};
}

namespace {

bool is_hung_up(int fd) {
  pollfd entry{fd, 0, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0;
}

}  // namespace

// The kernel reports an error once, and a lost link may have left data behind it. The data is read
// first. After that a Bluetooth socket reports neither its end nor an error, and only EAGAIN for
// ever; then poll says that it is hung up.
ssize_t receive(int fd, void* buffer, size_t bytes) {
  const ssize_t got = ::recv(fd, buffer, bytes, MSG_DONTWAIT);
  int reason = errno;
  if (got < 0 && reason == EAGAIN && is_hung_up(fd)) reason = ENOTCONN;
  const bool lost = got < 0 && (reason == ECONNRESET || reason == ETIMEDOUT || reason == ENOTCONN);
  if (got == 0 || lost) {
    const ssize_t kept = ::recv(fd, buffer, bytes, MSG_DONTWAIT);
    if (kept > 0 || got == 0 || (kept == 0 && reason == ENOTCONN)) return kept;
  }
  errno = reason;
  return got;
}

uint32_t message_bytes_max(int fd) {
  return bluetooth::message_bytes_max(fd);
}

}  // namespace btb
