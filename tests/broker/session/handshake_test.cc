// Hello and welcome, being alive, and what a session is refused for.
#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

TEST_CASE("hello is answered with welcome, which brings the broker's limits") {
  SessionWorld world;
  WireClient& client = world.connect({.peer = "p", .listener = "l", .admin = true});
  CHECK(world.lines(client).empty());
  client.hello();
  CHECK(world.lines(client) == Lines{"welcome"});
  REQUIRE(client.welcome != nullptr);
  CHECK(client.welcome->broker_name == "a broker");
  CHECK(client.welcome->epoch == SessionWorld::epoch);
  CHECK(client.welcome->session == 1);
  CHECK(client.welcome->admin);
  CHECK(client.welcome->time_us == world.clock.now_us());
  CHECK(client.welcome->keep_alive_ms == limits::keep_alive_ms);
  CHECK(client.welcome->message_bytes_max == limits::message_bytes_max);
  CHECK(client.welcome->part_bytes_max == limits::part_bytes_max);
  CHECK(client.welcome->control_bytes_max == limits::control_frame_bytes_max);
  CHECK(client.welcome->subscriptions_max == limits::subscriptions_per_session_max);
  CHECK(world.opened == 1);
}

TEST_CASE("a client without a place is told so instead of being welcomed") {
  SessionWorld world;
  SessionTraits traits;
  traits.adapter = "A";
  WireClient& client = world.connect(std::move(traits));
  world.sessions.admission().limits.sessions_per_adapter = 0;
  client.hello();
  CHECK(world.lines(client) == Lines{"goodbye full", "end"});
  CHECK(client.welcome == nullptr);
  CHECK(world.opened == 0);
  CHECK(world.ended_for(wire::Reason::full) == 1);
}

TEST_CASE("a hello that comes byte by byte is a hello") {
  SessionWorld world;
  WireClient& client = world.connect();
  ByteVector hello;
  fb::HelloT message;
  message.name = "slow";
  wire::append_control(hello, message);
  for (const std::byte byte : hello) {
    client.send_raw({&byte, 1});
    world.settle();
  }
  CHECK(world.lines(client) == Lines{"welcome"});
}

TEST_CASE("hello and requests may come in one piece") {
  SessionWorld world;
  WireClient& client = world.connect();
  client.hello();
  client.subscribe(1, "a");
  CHECK(world.lines(client) == Lines{"welcome", "subscribed 1 none 0"});
}

TEST_CASE("a client's name is clipped to whole characters, and never longer than its limit") {
  SessionWorld world;
  WireClient& client = world.connect();
  fb::HelloT hello;
  for (int i = 0; i < 40; ++i) hello.name += "\xC3\xA4";  // 80 bytes
  hello.name.insert(0, "x");
  hello.agent = "\xFF\xFE";
  client.send(hello);
  world.settle();
  world.sessions.for_each([](const Session& session) {
    CHECK(session.name().size() == 63);
    CHECK(session.agent().empty());
  });
}

TEST_CASE("whoever begins with anything but hello is told that hello was expected") {
  SessionWorld world;
  WireClient& client = world.connect();
  client.subscribe(1, "a");
  CHECK(world.lines(client) == Lines{"goodbye hello_expected", "end"});
  CHECK(world.ended_for(wire::Reason::hello_expected) == 1);
  CHECK(world.opened == 0);
}

TEST_CASE("whoever begins with a goodbye is gone without an answer") {
  SessionWorld world;
  WireClient& client = world.connect();
  client.send(fb::GoodbyeT());
  CHECK(world.lines(client) == Lines{"end"});
  CHECK(world.sessions.count() == 0);
}

TEST_CASE("a data frame before hello is told that hello was expected") {
  SessionWorld world;
  WireClient& client = world.connect();
  client.publish(1, 1, "", "x");
  CHECK(world.lines(client) == Lines{"goodbye hello_expected", "end"});
}

TEST_CASE("whoever connects and says nothing is told so after the time for it") {
  SessionWorld world;
  WireClient& client = world.connect();
  world.pass_ms(limits::handshake_timeout_ms - 1);
  CHECK(world.lines(client).empty());
  world.pass_ms(1);
  CHECK(world.lines(client) == Lines{"goodbye hello_timeout", "end"});
}

TEST_CASE("half a hello does not make the time for it longer") {
  SessionWorld world;
  WireClient& client = world.connect();
  const std::byte head[4]{std::byte{64}, {}, {}, {}};
  client.send_raw(head);
  world.pass_ms(limits::handshake_timeout_ms);
  CHECK(world.lines(client) == Lines{"goodbye hello_timeout", "end"});
}

TEST_CASE("a protocol that the broker does not speak is refused, a range that holds it is not") {
  SessionWorld world;
  fb::HelloT hello;
  hello.protocol_min = 2;
  hello.protocol_max = 3;
  WireClient& newer = world.connect();
  newer.send(hello);
  CHECK(world.lines(newer) == Lines{"goodbye version_unsupported", "end"});
  hello.protocol_min = 0;
  hello.protocol_max = 9;
  WireClient& both = world.connect();
  both.send(hello);
  CHECK(world.lines(both) == Lines{"welcome"});
}

TEST_CASE("one session more than there are places is told that the broker is full") {
  SessionWorld world;
  world.sessions.admission().limits.sessions = 2;
  WireClient& first = world.welcomed();
  WireClient& second = world.welcomed();
  WireClient& third = world.connect();
  third.hello();
  CHECK(world.lines(third) == Lines{"goodbye full", "end"});
  CHECK(world.lines(first).empty());
  second.goodbye();
  CHECK(world.lines(second) == Lines{"end"});
  WireClient& fourth = world.welcomed();
  CHECK(world.lines(fourth).empty());
}

TEST_CASE("a refused connection that is not closed by its client takes no place") {
  SessionWorld world;
  world.sessions.admission().limits.sessions = 1;
  WireClient& first = world.welcomed();
  WireClient& refused = world.connect();
  refused.reading = false;
  world.settle();
  first.goodbye();
  world.settle();
  (void)world.welcomed();
}

TEST_CASE("connections that have not said hello have a limit of their own; the oldest goes") {
  SessionWorld world;
  world.sessions.admission().limits.handshakes = 3;
  WireClient& known = world.welcomed();
  WireClient& oldest = world.connect();
  WireClient& second = world.connect();
  WireClient& third = world.connect();
  CHECK(world.lines(oldest).empty());
  second.hello();
  CHECK(world.lines(second) == Lines{"welcome"});
  WireClient& fourth = world.connect();
  CHECK(world.lines(oldest).empty());  // the second left its place
  WireClient& fifth = world.connect();
  CHECK(world.lines(oldest) == Lines{"goodbye full", "end"});
  fifth.hello();
  CHECK(world.lines(fifth) == Lines{"welcome"});
  world.pass_ms(limits::handshake_timeout_ms);
  CHECK(world.lines(third) == Lines{"goodbye hello_timeout", "end"});
  CHECK(world.lines(fourth) == Lines{"goodbye hello_timeout", "end"});
  CHECK(world.lines(known).empty());
}

TEST_CASE("as many silent connections as there may be do not keep a newcomer out") {
  SessionWorld world;
  for (uint32_t i = 0; i < limits::handshakes_max; ++i) (void)world.connect();
  world.settle();
  REQUIRE(world.endings.empty());
  (void)world.welcomed();
  CHECK(world.endings == std::vector{wire::Reason::full});
  CHECK(world.ended_for(wire::Reason::full) == 1);
}

TEST_CASE("a silent connection gives its place to a newcomer, a session does not") {
  SessionWorld world;
  world.sessions.admission().limits.sessions = 2;
  WireClient& known = world.welcomed();
  WireClient& silent = world.connect();
  (void)world.welcomed();
  CHECK(world.lines(silent) == Lines{"goodbye full", "end"});
  WireClient& refused = world.connect();
  CHECK(world.lines(refused) == Lines{"goodbye full", "end"});
  CHECK(world.lines(known).empty());
}

TEST_CASE("a thousand connections that say nothing are let go, and a session notices nothing") {
  SessionWorld world;
  WireClient& known = world.welcomed();
  known.subscribe(1, "e");
  CHECK(world.lines(known) == Lines{"subscribed 1 none 0"});
  for (int i = 0; i < 1000; ++i) (void)world.connect();
  world.put("e", "", "hello");
  CHECK(world.lines(known) == Lines{"topic 1 e events 0", "put 1 1 =hello"});
  CHECK(world.ended_for(wire::Reason::full) == 1000 - limits::handshakes_max);
  world.pass_ms(limits::handshake_timeout_ms);
  CHECK(world.ended_for(wire::Reason::hello_timeout) == limits::handshakes_max);
  CHECK(world.sessions.count() == 1);
}

TEST_CASE("a session that is silent for one and a half times the agreed time ends") {
  SessionWorld world;
  WireClient& client = world.connect();
  client.hello(10'000);
  CHECK(world.lines(client) == Lines{"welcome"});
  CHECK(client.welcome->keep_alive_ms == 10'000);
  world.pass_ms(14'999);
  CHECK(world.lines(client) == Lines{"ping"});
  world.pass_ms(1);
  CHECK(world.lines(client) == Lines{"goodbye keep_alive_timeout", "end"});
}

TEST_CASE("whatever a client sends keeps its session alive") {
  SessionWorld world;
  WireClient& client = world.connect();
  client.hello(10'000);
  for (int i = 0; i < 10; ++i) {
    world.pass_ms(9'000);
    client.send(fb::PongT());
    world.settle();
  }
  CHECK(world.endings.empty());
}

TEST_CASE("a ping is answered with its token") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  fb::PingT ping;
  ping.token = 4711;
  client.send(ping);
  CHECK(world.lines(client) == Lines{"pong 4711"});
}

TEST_CASE("the broker lets no agreed time pass in silence, however short it is") {
  for (const uint32_t keep_alive_ms : {1'000U, 1'700U, 2'000U, 10'000U}) {
    SessionWorld world;
    WireClient& client = world.connect();
    client.hello(keep_alive_ms);
    REQUIRE(world.lines(client) == Lines{"welcome"});
    world.clock.advance_ms(10);  // the broker's seconds do not begin with the session
    uint64_t heard_ms = world.clock.mono_ms();
    for (int i = 0; i < 30; ++i) {
      world.clock.advance_ms(1'000);
      world.sessions.tick();
      client.send(fb::PongT());
      if (world.lines(client).empty()) continue;
      CHECK(world.clock.mono_ms() - heard_ms <= keep_alive_ms);
      heard_ms = world.clock.mono_ms();
    }
    CHECK(world.clock.mono_ms() - heard_ms <= keep_alive_ms);
  }
}

TEST_CASE("a client may ask for a shorter time to keep alive, not for a longer one or none") {
  SessionWorld world;
  world.sessions.limits.keep_alive_ms = 30'000;
  const auto agreed = [&](uint32_t asked) {
    WireClient& client = world.connect();
    client.hello(asked);
    world.settle();
    return client.welcome->keep_alive_ms;
  };
  CHECK(agreed(0) == 30'000);
  CHECK(agreed(90'000) == 30'000);
  CHECK(agreed(20'000) == 20'000);
  CHECK(agreed(1) == 1'000);
}

}  // namespace
}  // namespace btb::test
