// Client over real sockets, against a broker of a few lines that lives in the test.
#include "sdk/client/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "sdk/transport/socket.h"
#include "tests/sdk/client/scripted.h"
#include "tests/sdk/client/small_broker.h"

using namespace btb;
using namespace btb::client;
using wire::Reason;
using wire::TopicKind;
namespace fs = std::filesystem;

namespace {

// Lets the client work until `done`, or fails.
void run_until(Client& client, const std::function<bool()>& done) {
  const SystemClock clock;
  const uint64_t deadline = clock.mono_ms() + 10'000;
  while (!done()) {
    REQUIRE(clock.mono_ms() < deadline);
    client.run_once(5);
  }
}

ClientOptions quick(const SmallBroker& broker) {
  ClientOptions options;
  options.ways = {{broker.endpoint}};
  options.backoff = {.first_ms = 10, .max_ms = 50, .stable_ms = 10'000};
  return options;
}

// Connects and is welcome.
void open(Client& client, SmallBroker& broker) {
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

}  // namespace

TEST_CASE("a client connects, subscribes, receives, comes back and goes on where it was") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  Client client(quick(broker), recorder, clock);
  const uint32_t id = *client.subscribe({.filter = "#"});
  client.start();
  run_until(client, [&] { return broker.accept(); });
  (void)hear<fb::HelloT>(client, broker);
  broker.welcome();
  CHECK(hear<fb::SubscribeT>(client, broker)->from == wire::From::latest);
  fb::SubscribedT subscribed;
  subscribed.id = id;
  subscribed.topics = 1;
  broker.say(subscribed);
  fb::TopicT topic;
  topic.number = 1;
  topic.name = "e";
  broker.say(topic);
  ByteVector bytes;
  wire::DataHead head;
  head.topic = 1;
  head.seq = 1;
  wire::append_message(bytes, head, {}, as_bytes("hello"));
  broker.send(bytes);
  run_until(client, [&] { return recorder.lines.back() == "e 1 [] hello"; });
  CHECK(client.state() == Client::State::open);

  broker.hang_up();
  run_until(client, [&] { return recorder.lines.back() == "disconnected peer_closed retry"; });
  run_until(client, [&] { return broker.accept(); });
  (void)hear<fb::HelloT>(client, broker);
  broker.welcome();
  const auto resume = hear<fb::SubscribeT>(client, broker);
  CHECK(resume->from == wire::From::resume);
  REQUIRE(resume->positions.size() == 1);
  CHECK(resume->positions[0].seq() == 1);

  client.close();
  CHECK(hear<fb::GoodbyeT>(client, broker)->reason == Reason::normal);
  broker.hang_up();
  run_until(client, [&] { return client.state() == Client::State::stopped; });
  CHECK(recorder.lines.back() == "disconnected normal");
}

TEST_CASE("a broker that is away for a while is found again") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  Client client(quick(broker), recorder, clock);
  open(client, broker);
  broker.stop_listening();
  broker.hang_up();
  run_until(client, [&] { return recorder.lines.size() >= 5; });  // several attempts failed
  CHECK(recorder.lines.back() == "disconnected peer_failed retry");
  broker.listen();
  run_until(client, [&] { return broker.accept(); });
}

TEST_CASE("nobody there ends the client at once, unless it was told to keep trying") {
  SmallBroker broker;
  broker.stop_listening();
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(broker);
  Client once(options, recorder, clock);
  once.start();
  CHECK(once.state() == Client::State::stopped);
  CHECK(recorder.take() == Lines{"disconnected peer_failed"});
  options.retry_first = true;
  Client patient(options, recorder, clock);
  patient.start();
  CHECK(patient.state() == Client::State::waiting);
  broker.listen();
  run_until(patient, [&] { return broker.accept(); });
}

TEST_CASE("a listener that accepts and says nothing is not a broker") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  ClientOptions options = quick(broker);
  options.connect_timeout_ms = 50;
  Client client(options, recorder, clock);
  client.start();
  run_until(client, [&] { return client.state() == Client::State::stopped; });
  CHECK(recorder.lines == Lines{"disconnected peer_failed"});
  CHECK(recorder.text.find("no answer within 50 ms") != std::string::npos);
}

TEST_CASE("a refusal for good ends the client, one for now is honoured and tried again") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  Client client(quick(broker), recorder, clock);
  open(client, broker);
  fb::GoodbyeT goodbye;
  goodbye.reason = Reason::shutting_down;
  goodbye.retry_after_ms = 100;
  const uint64_t said_at = clock.mono_ms();
  broker.say(goodbye);
  broker.hang_up();
  run_until(client, [&] { return client.state() == Client::State::waiting; });
  CHECK(client.timeout_ms() > 50);
  run_until(client, [&] { return broker.accept(); });
  CHECK(clock.mono_ms() - said_at >= 100);
  broker.welcome();
  run_until(client, [&] { return client.state() == Client::State::open; });
  goodbye.reason = Reason::kicked;
  broker.say(goodbye);
  run_until(client, [&] { return client.state() == Client::State::stopped; });
  CHECK(client.ending().reason == Reason::kicked);
  CHECK(client.ending().by_broker);
  CHECK(!client.run_once(0));
}

TEST_CASE("a broker that talks nonsense is told so and left for good") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  Client client(quick(broker), recorder, clock);
  client.start();
  run_until(client, [&] { return broker.accept(); });
  (void)hear<fb::HelloT>(client, broker);
  broker.send(ByteVector(64, std::byte{'H'}));
  run_until(client, [&] { return client.state() == Client::State::stopped; });
  CHECK(client.ending().reason == Reason::frame_malformed);
  CHECK(broker.hear<fb::GoodbyeT>()->reason == Reason::frame_malformed);
}

TEST_CASE("a paused client leaves the bytes to the broker, and goes on with those it had") {
  SmallBroker broker;
  struct Pauser : Recorder {
    Client* client = nullptr;
    void on_message(const Topic& t, const Message& m) override {
      Recorder::on_message(t, m);
      client->conversation().pause_reading();
    }
  } handler;
  const SystemClock clock;
  Client client(quick(broker), handler, clock);
  handler.client = &client;
  client.start();
  run_until(client, [&] { return broker.accept(); });
  broker.welcome();
  ByteVector bytes;
  fb::TopicT topic;
  topic.number = 1;
  topic.name = "e";
  wire::append_control(bytes, topic);
  wire::DataHead head;
  head.topic = 1;
  for (head.seq = 1; head.seq <= 3; ++head.seq) wire::append_message(bytes, head, {}, {});
  broker.send(bytes);
  for (uint64_t seq = 1; seq <= 3; ++seq) {
    run_until(client, [&] { return client.conversation().position(1) == seq; });
    for (int i = 0; i < 3; ++i) client.run_once(0);
    CHECK(client.conversation().position(1) == seq);
    CHECK(!client.wants_read());
    client.conversation().resume_reading();
  }
}

TEST_CASE("the client lives in a foreign event loop by fd, wants_write and timeout") {
  SmallBroker broker;
  Recorder recorder;
  const SystemClock clock;
  Client client(quick(broker), recorder, clock);
  client.start();
  bool welcomed = false;
  const uint64_t deadline = clock.mono_ms() + 10'000;
  while (client.state() != Client::State::open) {
    REQUIRE(clock.mono_ms() < deadline);
    pollfd entry{client.fd(), 0, 0};
    if (client.wants_read()) entry.events |= POLLIN;
    if (client.wants_write()) entry.events |= POLLOUT;
    REQUIRE(client.timeout_ms() >= 0);
    (void)::poll(&entry, 1, 5);
    client.ready((entry.revents & POLLIN) != 0, (entry.revents & POLLOUT) != 0);
    if (!welcomed && broker.accept()) {
      broker.welcome();
      welcomed = true;
    }
  }
  CHECK(client.fd() >= 0);
}

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
  run_until(client, [&] { return broker.accept(); });
  CHECK(client.rounds_failed() == 0);
  broker.welcome();
  run_until(client, [&] { return client.state() == Client::State::open; });
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
  run_until(client, [&] { return broker.accept(); });
  fb::GoodbyeT goodbye;
  goodbye.reason = Reason::full;
  goodbye.elsewhere = {"l2cap:02:BB:00:00:00:01/4097", "unix:/etc/passwd", "tcp:10.0.0.1:4712",
                       "nonsense", "l2cap:02:BB:00:00:00:01/4097"};
  broker.say(goodbye);
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
  void refuse(const fb::GoodbyeT& goodbye) {
    client.start();
    run_until(client, [&] { return broker.accept(); });
    broker.say(goodbye);
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
  full.refuse(goodbye);
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
  full.refuse(goodbye);
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
  fb::GoodbyeT goodbye;
  for (const Reason reason : {Reason::full, Reason::version_unsupported}) {
    run_until(client, [&] { return broker.accept(); });
    goodbye.reason = reason;
    broker.say(goodbye);
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
  run_until(client, [&] { return broker.accept(); });
  fb::GoodbyeT goodbye;
  goodbye.reason = Reason::not_allowed;
  broker.say(goodbye);
  run_until(client, [&] {
    return client.state() == (stops ? Client::State::stopped : Client::State::waiting);
  });
}
