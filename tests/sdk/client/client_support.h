// A client and a small broker in one thread: the client works until the test has what it waits for.
#pragma once

#include <functional>
#include <memory>

#include "sdk/client/client.h"
#include "tests/sdk/client/small_broker.h"

namespace btb::client {

// Lets the client work until `done`, or fails.
inline void run_until(Client& client, const std::function<bool()>& done) {
  const SystemClock clock;
  const uint64_t deadline = clock.mono_ms() + 10'000;
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

// Connects and is welcome.
inline void open(Client& client, SmallBroker& broker) {
  client.start();
  run_until(client, [&] { return broker.accept(); });
  broker.welcome();
  run_until(client, [&] { return client.state() == Client::State::open; });
}

template <class Native>
std::unique_ptr<Native> hear(Client& client, SmallBroker& broker) {
  std::unique_ptr<Native> message;
  run_until(client, [&] { return (message = broker.hear<Native>()) != nullptr; });
  return message;
}

}  // namespace btb::client
