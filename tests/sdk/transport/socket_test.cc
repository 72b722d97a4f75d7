#include "sdk/transport/socket.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/support/patience.h"

using btb::Endpoint;
using btb::Errc;
using btb::UniqueFd;
namespace fs = std::filesystem;

namespace {

// A directory of the test's own, removed with what is in it.
struct Scratch {
  Scratch() {
    std::string pattern = fs::temp_directory_path() / "btb_transport_XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Scratch() { fs::remove_all(path); }
  [[nodiscard]] Endpoint endpoint(const std::string& name) const {
    return {Endpoint::Scheme::unix_socket, (path / name).string(), 0};
  }
  fs::path path;
};

bool wait_for(int fd, short events) {
  pollfd entry{fd, events, 0};
  return poll(&entry, 1, btb::test::patience_ms) == 1;
}

// Connects, accepts, and sends a byte each way.
void exchange(int listen_fd, const Endpoint& endpoint) {
  const auto client = btb::begin_connect(endpoint);
  REQUIRE(client.ok());
  REQUIRE(wait_for(client->get(), POLLOUT));
  REQUIRE(btb::finish_connect(client->get(), endpoint).ok());
  REQUIRE(wait_for(listen_fd, POLLIN));
  const auto server = btb::accept_from(listen_fd);
  REQUIRE(server.ok());
  for (const auto& [from, to] :
       {std::pair(client->get(), server->get()), std::pair(server->get(), client->get())}) {
    char byte = 'x';
    CHECK((fcntl(from, F_GETFL) & O_NONBLOCK) != 0);
    CHECK((fcntl(from, F_GETFD) & FD_CLOEXEC) != 0);
    REQUIRE(write(from, &byte, 1) == 1);
    REQUIRE(wait_for(to, POLLIN));
    CHECK(read(to, &byte, 1) == 1);
  }
}

}  // namespace

TEST_CASE("a unix socket carries bytes both ways and has the permissions asked for") {
  const Scratch scratch;
  const Endpoint endpoint = scratch.endpoint("a.sock");
  const auto fd = btb::listen_on(endpoint, {.mode = 0600});
  REQUIRE(fd.ok());
  struct stat info {};
  REQUIRE(stat(endpoint.address.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  exchange(fd->get(), endpoint);
  CHECK(btb::socket_file(endpoint).has_value());
  btb::remove_endpoint(endpoint);
  CHECK(!fs::exists(endpoint.address));
  CHECK(!btb::socket_file(endpoint).has_value());
}

TEST_CASE("an abstract unix socket leaves no file") {
  const Endpoint endpoint{Endpoint::Scheme::unix_socket, "@btb-test-" + std::to_string(getpid()),
                          0};
  const auto fd = btb::listen_on(endpoint, {});
  REQUIRE(fd.ok());
  exchange(fd->get(), endpoint);
  CHECK(!btb::socket_file(endpoint).has_value());
  CHECK(btb::listen_on(endpoint, {}).error().code == Errc::exists);
}

TEST_CASE("a socket that takes the place of another one at its path is told from it") {
  const Scratch scratch;
  const Endpoint endpoint = scratch.endpoint("a.sock");
  const auto first = btb::listen_on(endpoint, {});
  REQUIRE(first.ok());
  const auto file = btb::socket_file(endpoint);
  CHECK(btb::socket_file(endpoint) == file);
  fs::remove(endpoint.address);
  const auto second = btb::listen_on(endpoint, {});
  REQUIRE(second.ok());
  CHECK(btb::socket_file(endpoint) != file);
}

TEST_CASE("TCP over v4, v6 and a name finds the port the system chose") {
  for (const char* host : {"127.0.0.1", "::1", "localhost", "*"}) {
    CAPTURE(host);
    const Endpoint asked{Endpoint::Scheme::tcp, host, 0};
    const auto fd = btb::listen_on(asked, {});
    if (!fd.ok() && std::string_view(host) == "::1") continue;  // a machine without IPv6
    REQUIRE(fd.ok());
    auto endpoint = btb::local_endpoint(fd->get(), asked);
    REQUIRE(endpoint.ok());
    CHECK(endpoint->port != 0);
    const auto again = btb::listen_on(*endpoint, {});
    REQUIRE(!again.ok());
    CHECK(again.error().code == Errc::exists);
    if (endpoint->address == "*") endpoint->address = "127.0.0.1";
    exchange(fd->get(), *endpoint);
  }
}

TEST_CASE("the socket of a broker that died is replaced, that of a living one is not") {
  const Scratch scratch;
  const Endpoint endpoint = scratch.endpoint("a.sock");
  {
    const auto first = btb::listen_on(endpoint, {});
    REQUIRE(first.ok());
    CHECK(btb::listen_on(endpoint, {}).error().code == Errc::exists);
  }
  CHECK(fs::exists(endpoint.address));
  const auto second = btb::listen_on(endpoint, {});
  REQUIRE(second.ok());
  exchange(second->get(), endpoint);
}

TEST_CASE("a file that is not a socket is never replaced") {
  const Scratch scratch;
  const Endpoint endpoint = scratch.endpoint("notes.txt");
  std::ofstream(endpoint.address) << "precious";
  CHECK(btb::listen_on(endpoint, {}).error().code == Errc::exists);
  CHECK(!btb::socket_file(endpoint).has_value());
  btb::remove_endpoint(endpoint);
  CHECK(fs::file_size(endpoint.address) == 8);
}

TEST_CASE("of many brokers that start at once on a stale socket exactly one gets it") {
  const Scratch scratch;
  const Endpoint endpoint = scratch.endpoint("a.sock");
  for (int round = 0; round < 20; ++round) {
    std::vector<UniqueFd> won(8);
    std::vector<std::thread> threads;
    std::atomic<bool> go{false};
    for (UniqueFd& place : won) {
      threads.emplace_back([&] {
        while (!go) std::this_thread::yield();
        if (auto fd = btb::listen_on(endpoint, {})) place = std::move(*fd);
      });
    }
    go = true;
    for (std::thread& thread : threads) thread.join();
    CHECK(std::count_if(won.begin(), won.end(), [](const UniqueFd& fd) { return fd.valid(); }) ==
          1);
  }
}

TEST_CASE("a connection to nobody is an error of a kind that says whether trying again helps") {
  const Scratch scratch;
  const btb::Error nobody = btb::begin_connect(scratch.endpoint("none.sock")).error();
  CHECK(nobody.code == Errc::not_found);
  CHECK(nobody.text.ends_with("; no broker was started there"));
  { (void)btb::listen_on(scratch.endpoint("stale.sock"), {}).ok(); }
  CHECK(btb::begin_connect(scratch.endpoint("stale.sock")).error().code == Errc::unavailable);
  CHECK(btb::begin_connect({Endpoint::Scheme::tcp, "*", 1}).error().code == Errc::invalid);
  CHECK(
      btb::listen_on({Endpoint::Scheme::unix_socket, "/nowhere/at/all.sock", 0}, {}).error().code ==
      Errc::not_found);
}

TEST_CASE("a kernel without Bluetooth is said in words") {
  const btb::UniqueFd probe(::socket(AF_BLUETOOTH, SOCK_SEQPACKET, 0));
  const auto endpoint = btb::parse_endpoint("l2cap:00:1A:7D:DA:71:13/4097");
  REQUIRE(endpoint.ok());
  const auto listening = btb::listen_on(*endpoint, {});
  REQUIRE_FALSE(listening.ok());  // nobody has that address
  if (probe.valid()) return;
  CHECK(listening.error().code == Errc::unsupported);
  CHECK(btb::begin_connect(*endpoint).error().code == Errc::unsupported);
  CHECK(btb::begin_connect(*endpoint).error().text.find("kernel") != std::string::npos);
}

TEST_CASE("an adapter is something to listen on, not to connect to") {
  for (const char* text : {"l2cap:*/4097", "rfcomm:hci0/3", "le:*/128"}) {
    const auto endpoint = btb::parse_endpoint(text);
    REQUIRE(endpoint.ok());
    CHECK(btb::begin_connect(*endpoint).error().code == Errc::invalid);
  }
}

TEST_CASE("no connection waiting is not an error that ends the listener") {
  const Scratch scratch;
  const auto fd = btb::listen_on(scratch.endpoint("a.sock"), {});
  REQUIRE(fd.ok());
  CHECK(btb::accept_from(fd->get()).error().code == Errc::unavailable);
}

TEST_CASE("who was turned away before it looked is connected, and can read why") {
  const Endpoint asked{Endpoint::Scheme::tcp, "127.0.0.1", 0};
  const auto listener = btb::listen_on(asked, {});
  REQUIRE(listener.ok());
  const auto client = btb::begin_connect(*btb::local_endpoint(listener->get(), asked));
  REQUIRE(client.ok());
  REQUIRE(wait_for(listener->get(), POLLIN));
  {
    const auto server = btb::accept_from(listener->get());
    REQUIRE(server.ok());
    REQUIRE(::send(server->get(), "full", 4, 0) == 4);
    REQUIRE(wait_for(client->get(), POLLIN));
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(server->get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  }
  REQUIRE(wait_for(client->get(), POLLHUP));
  CHECK(btb::finish_connect(client->get(), asked).ok());
  char text[8];
  CHECK(btb::receive(client->get(), text, sizeof text) == 4);
}

// As a Bluetooth socket whose link is gone: its end is told in poll(2) only.
TEST_CASE("what came before a link was lost is read, and then the loss is told, each time") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
  const UniqueFd here(pair[0]), there(pair[1]);
  char text[8];
  const auto fault = [&] { return btb::receive(here.get(), text, sizeof text) < 0 ? errno : 0; };
  CHECK(fault() == EAGAIN);  // that there is nothing yet is no loss
  REQUIRE(::send(there.get(), "last", 4, 0) == 4);
  REQUIRE(::shutdown(here.get(), SHUT_RDWR) == 0);
  CHECK(btb::receive(here.get(), text, sizeof text) == 4);
  CHECK(fault() == ENOTCONN);
  CHECK(fault() == ENOTCONN);
}

// And one that tells the error before what came in.
TEST_CASE("an error is told behind what came before it") {
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
  const UniqueFd here(pair[0]);
  UniqueFd there(pair[1]);
  REQUIRE(::send(there.get(), "last", 4, 0) == 4);
  REQUIRE(::send(here.get(), "lost", 4, 0) == 4);
  there.reset();
  char text[8];
  CHECK(btb::receive(here.get(), text, sizeof text) == 4);
  CHECK(std::string_view(text, 4) == "last");
  CHECK(btb::receive(here.get(), text, sizeof text) == 0);
}

TEST_CASE("the other end is described for logs, and its user is known over unix sockets") {
  const Scratch scratch;
  const Endpoint endpoint = scratch.endpoint("a.sock");
  const auto fd = btb::listen_on(endpoint, {});
  REQUIRE(fd.ok());
  const auto client = btb::begin_connect(endpoint);
  REQUIRE(client.ok());
  const auto server = btb::accept_from(fd->get());
  REQUIRE(server.ok());
  const auto user = btb::peer_user(server->get());
  REQUIRE(user.has_value());
  CHECK(user->uid == getuid());
  CHECK(user->pid == getpid());
  CHECK(btb::describe_peer(server->get()) ==
        "unix uid " + std::to_string(getuid()) + " pid " + std::to_string(getpid()));
  const Endpoint asked{Endpoint::Scheme::tcp, "127.0.0.1", 0};
  const auto tcp = btb::listen_on(asked, {});
  REQUIRE(tcp.ok());
  const auto tcp_client = btb::begin_connect(*btb::local_endpoint(tcp->get(), asked));
  REQUIRE(tcp_client.ok());
  REQUIRE(wait_for(tcp->get(), POLLIN));
  const auto tcp_server = btb::accept_from(tcp->get());
  REQUIRE(tcp_server.ok());
  CHECK(!btb::peer_user(tcp_server->get()).has_value());
  CHECK(btb::describe_peer(tcp_server->get()).starts_with("tcp 127.0.0.1:"));
}

TEST_CASE("all loopback addresses are one peer, another host is its address or its IPv6 network") {
  const auto origin = [](const char* text) {
    sockaddr_storage address{};
    auto* in = reinterpret_cast<sockaddr_in*>(&address);
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
      address.ss_family = AF_INET;
    } else {
      REQUIRE(inet_pton(AF_INET6, text, &in6->sin6_addr) == 1);
      address.ss_family = AF_INET6;
    }
    return btb::origin_of(address);
  };
  for (const char* here : {"127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "::ffff:127.0.0.1",
                           "::ffff:127.9.8.7"}) {
    CHECK(origin(here) == "ip 127.0.0.1");
  }
  CHECK(origin("192.0.2.7") == "ip 192.0.2.7");
  CHECK(origin("::ffff:192.0.2.7") == "ip 192.0.2.7");
  CHECK(origin("128.0.0.1") == "ip 128.0.0.1");
  CHECK(origin("2001:db8:1:2:3:4:5:6") == "ip 2001:db8:1:2::/64");
  CHECK(origin("2001:db8:1:3::6") == "ip 2001:db8:1:3::/64");
  CHECK(origin("fe80::1") == "ip fe80::/64");
  CHECK(btb::origin_of(sockaddr_storage{}).empty());
}

TEST_CASE("a connection from another loopback address has the origin of this machine") {
  const Endpoint asked{Endpoint::Scheme::tcp, "127.0.0.1", 0};
  const auto listener = btb::listen_on(asked, {});
  REQUIRE(listener.ok());
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  REQUIRE(::bind(client.get(), reinterpret_cast<sockaddr*>(&own), sizeof own) == 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(btb::local_endpoint(listener->get(), asked)->port);
  REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  REQUIRE(wait_for(listener->get(), POLLIN));
  const auto server = btb::accept_from(listener->get());
  REQUIRE(server.ok());
  CHECK(btb::describe_peer(server->get()).starts_with("tcp 127.0.0.2:"));
  CHECK(btb::origin_of(server->get()) == "ip 127.0.0.1");
}

TEST_CASE("a name has to be looked up, an address has not, and what was looked up is listened on") {
  const auto tcp = [](const char* host) { return Endpoint{Endpoint::Scheme::tcp, host, 0}; };
  for (const char* host : {"127.0.0.1", "::1", "localhost", "*", "192.0.2.1"}) {
    CHECK_FALSE(btb::needs_look_up(tcp(host)));
  }
  CHECK(btb::needs_look_up(tcp("broker.invalid")));
  CHECK_FALSE(btb::needs_look_up({Endpoint::Scheme::unix_socket, "broker.invalid", 0}));
  const auto addresses = btb::look_up(tcp("127.0.0.1"));
  REQUIRE(addresses.ok());
  CHECK(*addresses == std::vector<std::string>{"127.0.0.1"});
  btb::ListenOptions options;
  options.addresses = *addresses;
  const Endpoint named = tcp("broker.invalid");  // RFC 6761: nobody has it
  const auto listener = btb::listen_on(named, options);
  REQUIRE(listener.ok());
  const auto own = btb::local_endpoint(listener->get(), named);
  REQUIRE(own.ok());
  CHECK(own->address == "broker.invalid");
  exchange(listener->get(), {Endpoint::Scheme::tcp, "127.0.0.1", own->port});
}
