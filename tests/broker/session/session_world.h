// SessionWorld: a Loop, a Router and Sessions with a clock in the test's hand, and clients at the
// other ends of socket pairs. Topics whose names begin with "s" are state topics unless `options`
// says otherwise. For tests.
#pragma once

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/session/sessions.h"
#include "tests/support/manual_clock.h"
#include "tests/support/patience.h"
#include "tests/support/wire_client.h"

template <>
struct doctest::StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) out += "\n    " + line;
    return out.c_str();
  }
};

namespace btb::test {

using Lines = std::vector<std::string>;

// Adapters that call idle clients back. There is no more to them.
struct TestAir final : Air {
  [[nodiscard]] bool calls_back(const std::string&) const override { return true; }
  [[nodiscard]] std::vector<Adapter> adapters() const override { return others; }

  std::vector<Adapter> others;
};

class SessionWorld final : public SessionsOwner {
 public:
  static constexpr uint64_t epoch = 77;

  SessionWorld()
      : router(clock, epoch, [this](std::string_view name, Publisher) { return options_of(name); }),
        sessions(loop, router, clock, *this, "a broker") {
    sessions.admission().air = &air;
    loop.set_before_sleep([this] { return busy = sessions.flush(); });
  }
  ~SessionWorld() { loop.set_before_sleep(nullptr); }

  // --- the broker's side ---
  static TopicOptions state_options() {
    TopicOptions options;
    options.kind = wire::TopicKind::state;
    options.overflow = Overflow::skip_dead;
    return options;
  }
  std::shared_ptr<const TopicOptions> options_of(std::string_view name) const {
    const auto found = options.find(std::string(name));
    if (found != options.end()) return std::make_shared<TopicOptions>(found->second);
    return std::make_shared<TopicOptions>(name.starts_with('s') ? state_options() : TopicOptions());
  }
  Topic& topic(std::string_view name) { return *router.find_or_make(name); }
  PublishResult put(std::string_view name, std::string_view key, std::string_view payload,
                    bool batch_more = false) {
    Message message;
    message.key = as_bytes(key);
    message.payload = as_bytes(payload);
    message.batch_more = batch_more;
    return router.publish(topic(name), message);
  }
  PublishResult del(std::string_view name, std::string_view key) {
    Message message;
    message.key = as_bytes(key);
    message.deletion = true;
    return router.publish(topic(name), message);
  }

  // --- clients ---
  // `send_buffer_bytes` of the broker's end; 0: the system's own.
  WireClient& connect(SessionTraits traits = {}, int send_buffer_bytes = 0) {
    int ends[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    if (send_buffer_bytes != 0) {
      ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof send_buffer_bytes);
    }
    clients.push_back(std::make_unique<WireClient>(UniqueFd(ends[1])));
    sessions.adopt(socket_stream(UniqueFd(ends[0])), std::move(traits));
    return *clients.back();
  }
  // The same over TCP, whose writes are cut at any byte. Welcome already.
  WireClient& welcomed_over_tcp(int send_buffer_bytes, int receive_buffer_bytes) {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    UniqueFd client_end(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setsockopt(listener.get(), SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof(int));
    const int segment_bytes = 601;
    ::setsockopt(listener.get(), IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof(int));
    ::setsockopt(client_end.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof(int));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* at = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener.get(), at, size) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), at, &size) == 0);
    REQUIRE(::connect(client_end.get(), at, size) == 0);
    UniqueFd broker_end(::accept(listener.get(), nullptr, nullptr));
    REQUIRE(broker_end.valid());
    clients.push_back(std::make_unique<WireClient>(std::move(client_end)));
    sessions.adopt(socket_stream(std::move(broker_end)), {});
    return welcome(*clients.back());
  }
  // One that is welcome already.
  WireClient& welcomed(SessionTraits traits = {}, int send_buffer_bytes = 0) {
    return welcome(connect(std::move(traits), send_buffer_bytes));
  }
  WireClient& welcome(WireClient& client) {
    client.hello();
    for (int i = 0; i < 1'000 && client.welcome == nullptr; ++i) settle();
    REQUIRE(client.take_lines() == Lines{"welcome"});
    return client;
  }
  // Settles until `condition` holds: for TCP, where bytes are on their way for a moment.
  template <class Condition>
  bool settle_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      settle();
    }
    return true;
  }
  // What a client was told since it was asked last, when everything has come to rest.
  Lines lines(WireClient& client) {
    settle();
    return client.take_lines();
  }

  // Runs turns, and all clients, until nothing moves any more.
  void settle() {
    for (int quiet = 0; quiet < 3;) {
      loop.run_once(false);
      bool moved = busy;
      for (const auto& client : clients) moved = client->pump() || moved;
      quiet = moved ? 0 : quiet + 1;
    }
  }
  // Lets time pass as the broker's timer would: a second at a time.
  void pass_ms(uint64_t ms) {
    while (ms != 0) {
      const uint64_t step = std::min<uint64_t>(ms, 1'000);
      clock.advance_ms(step);
      ms -= step;
      sessions.tick();
      settle();
    }
  }
  uint64_t ended_for(wire::Reason reason) const {
    const auto found = sessions.ends().find(reason);
    return found == sessions.ends().end() ? 0 : found->second;
  }

  // --- SessionsOwner ---
  CommandResult command(const std::string& verb,
                        const std::vector<std::string>& arguments) override {
    return on_command ? on_command(verb, arguments)
                      : CommandResult{wire::Reason::command_unknown, "no such command", ""};
  }
  void session_opened(const Session&) override { ++opened; }
  void session_ended(const Session&, const SessionEnd& end) override {
    endings.push_back(end.reason);
    ended_by.push_back(end.by);
  }

  ManualClock clock;
  TestAir air;
  std::map<std::string, TopicOptions> options;
  std::function<CommandResult(const std::string&, const std::vector<std::string>&)> on_command;
  std::vector<wire::Reason> endings;
  std::vector<SessionEnd::By> ended_by;
  int opened = 0;
  bool busy = false;  // the last turn left something to do
  Loop loop;
  Router router;
  Sessions sessions;
  std::vector<std::unique_ptr<WireClient>> clients;
};

}  // namespace btb::test
