// Client with several ways to a broker, or to several brokers: which is tried when, what a refusal
// is worth, and who is believed.
#include "tests/sdk/client/client_support.h"
#include "tests/sdk/client/scripted.h"

using namespace btb;
using namespace btb::client;
using wire::Reason;

TEST_CASE("of several ways each is tried at once, and only then there is a pause") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(broker);
  options.ways = {{*parse_endpoint("unix:/nowhere/a.sock")},
                  {*parse_endpoint("unix:/nowhere/b.sock")},
                  {broker.endpoint}};
  options.backoff.first_ms = options.backoff.max_ms = 60'000;  // a pause would be noticed
  Client client(options, recorder, clock);
  client.start();
  let_in(client, broker);
  CHECK(client.rounds_failed() == 0);
  CHECK(client.way().endpoint == broker.endpoint);
}

TEST_CASE("when all ways have failed a client that may not retry stops, with the last reason") {
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options;
  options.ways = {{*parse_endpoint("unix:/nowhere/a.sock")},
                  {*parse_endpoint("unix:/nowhere/b.sock")}};
  Client client(options, recorder, clock);
  client.start();
  run_until(client, [&] { return client.state() == Client::State::stopped; });
  CHECK(client.ending().text.find("/nowhere/b.sock") != std::string::npos);
}

TEST_CASE("a client without a way waits for one, and can be held back") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(broker);
  options.ways.clear();
  Client client(options, recorder, clock);
  client.start();
  CHECK(client.state() == Client::State::waiting);
  CHECK_FALSE(client.run_once(0) == false);
  client.set_ways({{broker.endpoint}});
  client.hold_until(clock.mono_ms() + 60'000);
  client.run_once(0);
  CHECK(client.state() == Client::State::waiting);
  client.hold_until(0);
  run_until(client, [&] { return broker.accept(); });
}

TEST_CASE("a full broker's other endpoints are tried next, if they are on the air") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  Client client(quick(broker), recorder, clock);
  client.start();
  fb::GoodbyeT goodbye;
  goodbye.reason = Reason::full;
  goodbye.elsewhere = {"l2cap:02:BB:00:00:00:01/4097", "unix:/etc/passwd", "tcp:10.0.0.1:4712",
                       "nonsense", "l2cap:02:BB:00:00:00:01/4097"};
  refuse(client, broker, goodbye);
  run_until(client, [&] { return client.ways().size() == 2; });
  CHECK(to_string(client.ways()[1].endpoint) == "l2cap:02:BB:00:00:00:01/4097");
}

// A broker that says goodbye to who comes, and another way behind it, where nobody is.
struct FullBroker {
  explicit FullBroker(bool retries) : client(options_for(broker, retries), recorder, clock) {}
  static ClientOptions options_for(const SmallBroker& broker, bool retries) {
    ClientOptions options = quick(broker);
    options.retry_first = retries;
    options.ways.push_back({*parse_endpoint("unix:/nonexistent/b.sock")});
    return options;
  }
  void tell(const fb::GoodbyeT& goodbye) {
    client.start();
    refuse(client, broker, goodbye);
  }

  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  Client client;
};

TEST_CASE("that a broker is full is the last word, also where nobody is at the place it named") {
  FullBroker full(false);
  const Client& client = full.client;
  fb::GoodbyeT goodbye;
  goodbye.reason = Reason::full;
  goodbye.text = "no place";
  full.tell(goodbye);
  run_until(full.client, [&] { return client.state() == Client::State::stopped; });
  CHECK(client.ending().reason == Reason::full);
  CHECK(client.ending().by_broker);
  const std::string text =
      to_string(full.broker.endpoint) + ": no place; but unix:/nonexistent/b.sock: ";
  CHECK(client.ending().text.starts_with(text));
}

TEST_CASE("who is full says when to come back, also where nobody is at the place it named") {
  FullBroker full(true);
  fb::GoodbyeT goodbye;
  goodbye.reason = Reason::full;
  goodbye.retry_after_ms = 50'000;
  full.tell(goodbye);
  run_until(full.client, [&] { return full.client.rounds_failed() == 1; });
  CHECK(full.client.ending().reason == Reason::full);
  CHECK(full.client.timeout_ms() > 40'000);
}

TEST_CASE("a full broker's refusal counts for its round only") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(broker);
  options.retry_first = true;
  Client client(options, recorder, clock);
  client.start();
  for (const Reason reason : {Reason::full, Reason::version_unsupported}) {
    refuse(client, broker, reason);
    run_until(client, [&] { return client.ending().reason == reason; });
    broker.hang_up();
  }
  CHECK(client.state() == Client::State::stopped);
}

TEST_CASE("who is asked to let go comes back at its own time, or when it is told to") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(broker);
  options.conversation.can_let_go = true;
  Client client(options, recorder, clock);
  client.start();
  run_until(client, [&] { return broker.accept(); });
  CHECK(hear<fb::HelloT>(client, broker)->can_let_go);
  broker.welcome();
  run_until(client, [&] { return client.state() == Client::State::open; });
  fb::GoodbyeT goodbye;
  goodbye.reason = Reason::let_go;
  goodbye.announced_epoch = 9;
  broker.say(goodbye);
  run_until(client, [&] { return client.state() == Client::State::waiting; });
  CHECK(client.ending().announced_epoch == 9);
  CHECK(client.timeout_ms() > 60'000);
  client.try_within(0);
  run_until(client, [&] { return broker.accept(); });
}

TEST_CASE("ways to others are forgotten, the one that is used is kept") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(broker);
  const Way gone{*parse_endpoint("unix:/nowhere/a.sock")};
  const Way kept{*parse_endpoint("unix:/nowhere/b.sock")};
  options.ways = {gone, {broker.endpoint}, kept};
  Client client(options, recorder, clock);
  open(client, broker);
  client.keep_ways([&](const Way& way) { return way == kept; });
  REQUIRE(client.ways().size() == 2);
  CHECK(client.way().endpoint == broker.endpoint);
  CHECK_FALSE(client.in_round());
}

TEST_CASE("a refusal ends a client only where refusals are heeded") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(broker);
  options.retry_first = true;
  bool stops = true;
  SUBCASE("heeded") {}
  SUBCASE("of somebody who was only heard of") {
    options.ways[0].heard = true;
    stops = false;
  }
  Client client(options, recorder, clock);
  client.start();
  refuse(client, broker, Reason::not_allowed);
  run_until(client, [&] {
    return client.state() == (stops ? Client::State::stopped : Client::State::waiting);
  });
}

TEST_CASE("of several refusals the weightiest is that of the round, and tells when to come back") {
  SmallBroker guarded, full;
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(guarded);
  options.retry_first = true;
  options.ways.push_back({full.endpoint});
  Client client(options, recorder, clock);
  client.start();
  refuse(client, guarded, Reason::hello_timeout);
  fb::GoodbyeT goodbye;
  goodbye.reason = Reason::full;
  goodbye.retry_after_ms = 50'000;
  refuse(client, full, goodbye);
  run_until(client, [&] { return client.rounds_failed() == 1; });
  CHECK(client.ending().reason == Reason::full);
  CHECK(client.ending().text == to_string(full.endpoint));
  CHECK(client.timeout_ms() > 40'000);
}

TEST_CASE("that an adapter is full weighs less than that its broker is, more than other refusals") {
  const Ending broker{.reason = Reason::full, .text = {}, .by_broker = true};
  const Ending adapter{.reason = Reason::full, .text = {}};
  const Ending refusal{.reason = Reason::not_allowed, .text = {}, .by_broker = true};
  const Ending nobody{.reason = Reason::peer_failed, .text = {}};
  CHECK(broker.weight() > adapter.weight());
  CHECK(adapter.weight() > refusal.weight());
  CHECK(refusal.weight() > nobody.weight());
  CHECK(nobody.weight() == 0);
}

TEST_CASE("the most telling ending is kept over rounds, until there is a session") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(broker);
  options.retry_first = true;
  options.ways[0].heard = true;
  Client client(options, recorder, clock);
  client.start();
  refuse(client, broker, Reason::not_allowed);
  run_until(client, [&] { return client.rounds_failed() == 1; });
  broker.hang_up();
  broker.stop_listening();
  run_until(client, [&] { return client.ending().reason == Reason::peer_failed; });
  CHECK(client.most_telling_ending().reason == Reason::not_allowed);
  broker.listen();
  let_in(client, broker);
  CHECK(client.most_telling_ending().weight() == 0);
}

TEST_CASE("who was not named stops nobody, but who was named does") {
  SmallBroker stranger, named;
  bool named_answers = false;
  SUBCASE("a named one behind it does not answer") {
    named.stop_listening();
  }
  SUBCASE("a named one behind it refuses, too") {
    named_answers = true;
  }
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(stranger);
  options.retry_first = true;
  options.ways[0].heard = true;
  options.ways.push_back({named.endpoint});
  Client client(options, recorder, clock);
  client.start();
  refuse(client, stranger, Reason::version_unsupported);
  if (named_answers) refuse(client, named, Reason::not_allowed);
  run_until(client, [&] { return client.rounds_failed() == 1; });
  CHECK(client.ending().reason ==
        (named_answers ? Reason::not_allowed : Reason::version_unsupported));
  CHECK(client.state() == (named_answers ? Client::State::stopped : Client::State::waiting));
}
