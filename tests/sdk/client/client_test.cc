// Client over real sockets, against a broker of a few lines that lives in the test.
#include "sdk/client/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "tests/sdk/client/client_support.h"
#include "tests/sdk/client/scripted.h"
#include "tests/support/patience.h"

using namespace btb;
using namespace btb::client;
using wire::Reason;
using wire::TopicKind;
namespace fs = std::filesystem;

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
  const uint64_t deadline = clock.mono_ms() + test::patience_ms;
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
