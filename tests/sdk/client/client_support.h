// A client and a small broker in one thread: the client works until the test has what it waits for.
#pragma once

#include <functional>
#include <memory>

#include "sdk/client/client.h"
#include "tests/sdk/client/small_broker.h"
#include "tests/support/patience.h"

namespace btb::client {

// Lets the client work until `done`, or fails.
inline void run_until(Client& client, const std::function<bool()>& done) {
  const SystemClock clock;
  const uint64_t deadline = clock.mono_ms() + test::patience_ms;
  while (!done()) {
    REQUIRE(clock.mono_ms() < deadline);
    client.run_once(5);
  }
}

inline ClientOptions quick(const SmallBroker& broker) {
  ClientOptions options;
  options.ways = {{broker.endpoint}};
  options.backoff = {.first_ms = 10, .max_ms = 50, .stable_ms = 10'000};
  return options;
}

// The client, which was started, is welcome.
inline void let_in(Client& client, SmallBroker& broker) {
  run_until(client, [&] { return broker.accept(); });
  broker.welcome();
  run_until(client, [&] { return client.state() == Client::State::open; });
}

inline void open(Client& client, SmallBroker& broker) {
  client.start();
  let_in(client, broker);
}

// The client, which was started, is told goodbye before there is a session.
inline void refuse(Client& client, SmallBroker& broker, const fb::GoodbyeT& goodbye) {
  run_until(client, [&] { return broker.accept(); });
  broker.say(goodbye);
}

inline void refuse(Client& client, SmallBroker& broker, wire::Reason reason) {
  fb::GoodbyeT goodbye;
  goodbye.reason = reason;
  refuse(client, broker, goodbye);
}

template <class Native>
std::unique_ptr<Native> hear(Client& client, SmallBroker& broker) {
  std::unique_ptr<Native> message;
  run_until(client, [&] { return (message = broker.hear<Native>()) != nullptr; });
  return message;
}

}  // namespace btb::client
