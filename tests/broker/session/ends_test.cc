// How sessions end: goodbye in both directions, connections that break, operators, and that the
// reason arrives where a person can see it.
#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

TEST_CASE("a client that says goodbye is gone, for the reason that it gives") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.goodbye();
  CHECK(world.lines(client) == Lines{"end"});
  CHECK(world.ended_for(wire::Reason::normal) == 1);
  CHECK(world.sessions.count() == 0);
}

TEST_CASE("what comes behind a goodbye is not looked at") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.goodbye();
  client.subscribe(1, "a");
  const std::byte rubbish[16]{std::byte{0xFF}};
  client.send_raw(rubbish);
  const Lines lines = world.lines(client);
  REQUIRE(lines.size() == 1);  // "end", or "broken" because something was left unread
  CHECK(world.endings == std::vector{wire::Reason::normal});
}

TEST_CASE("a client cannot invent reasons for its end") {
  SessionWorld world;
  for (int i = 0; i < 50; ++i) {
    WireClient& client = world.welcomed();
    client.goodbye(static_cast<wire::Reason>(1000 + i));
    world.settle();
  }
  CHECK(world.sessions.ends().size() == 1);
  CHECK(world.ended_for(wire::Reason::normal) == 50);
}

TEST_CASE("a connection that closes without a goodbye has failed, and that is counted") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.close();
  world.settle();
  CHECK(world.ended_for(wire::Reason::peer_closed) == 1);
  CHECK(world.sessions.count() == 0);
}

TEST_CASE("what a client wrote before it went without reading is taken, all of it") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.open(1, "e");
  REQUIRE(world.lines(client) == Lines{"opened 1 none 1 0"});
  client.reading = false;
  client.send(fb::PingT());  // its answer is never read, so the connection ends with an error
  world.settle();
  const std::string payload(1000, 'x');
  for (uint64_t i = 1; i <= 180; ++i) client.publish(1, i, "", payload);
  client.pump();
  client.close();
  CHECK(world.settle_until([&] { return world.sessions.count() == 0; }));
  CHECK(world.topic("e").log.last_seq() == 180);
  CHECK(world.endings.size() == 1);
}

TEST_CASE("an operator ends one session, and it is told") {
  SessionWorld world;
  WireClient& first = world.welcomed();
  WireClient& second = world.welcomed();
  CHECK_FALSE(world.sessions.kick(99, "nobody"));
  CHECK(world.sessions.kick(1, "go away"));
  CHECK(world.lines(first) == Lines{"goodbye kicked", "end"});
  CHECK(world.lines(second).empty());
  CHECK_FALSE(world.sessions.kick(1, "again"));
}

TEST_CASE("a listener that goes takes its sessions along, and no others") {
  SessionWorld world;
  WireClient& first = world.welcomed({.peer = "", .listener = "one"});
  WireClient& second = world.welcomed({.peer = "", .listener = "two"});
  world.sessions.close_listener("one");
  CHECK(world.lines(first) == Lines{"goodbye listener_removed", "end"});
  CHECK(world.lines(second).empty());
}

TEST_CASE("when the broker stops, everyone is told, those included that have not said hello") {
  SessionWorld world;
  WireClient& first = world.welcomed();
  WireClient& second = world.connect();
  world.settle();
  world.sessions.close_all(wire::Reason::shutting_down, "bye", 1'000);
  world.sessions.close_all(wire::Reason::shutting_down, "bye", 1'000);
  CHECK(world.lines(first) == Lines{"goodbye shutting_down", "end"});
  CHECK(world.lines(second) == Lines{"goodbye shutting_down", "end"});
  CHECK(world.sessions.count() == 0);
  CHECK(world.endings.size() == 2);
}

TEST_CASE("a session that is said goodbye to gets nothing else, and takes nothing else") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.subscribe(1, "e");
  client.open(2, "other");
  REQUIRE(world.lines(client).size() == 2);
  client.reading = false;
  world.sessions.kick(1, "");
  world.put("e", "", "unseen");
  client.publish(world.topic("other").number, 1, "", "x");
  world.settle();
  client.reading = true;
  CHECK(world.lines(client) == Lines{"goodbye kicked", "end"});
  CHECK(world.topic("other").log.last_seq() == 0);
}

TEST_CASE("a client that does not close after goodbye is cut off after a while") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.reading = false;
  world.sessions.kick(1, "");
  world.pass_ms(10'000);
  CHECK(world.sessions.count() == 0);
}

TEST_CASE("over TCP, too, the reason arrives though the client goes on sending") {
  // Closing a TCP socket with bytes unread throws away what the other side has not received yet.
  SessionWorld world;
  world.options["e"].keep_bytes = 10'000'000;
  WireClient& client = world.welcomed_over_tcp(2'000'000, 10'000);
  client.subscribe(1, "e");
  REQUIRE(world.settle_until([&] { return !client.take_lines().empty(); }));
  for (int i = 0; i < 200; ++i) world.put("e", "", std::string(4'000, 'x'));
  client.reading = false;
  world.settle();
  const ByteVector rubbish(1'000'000, std::byte{0xFF});
  client.send_raw(rubbish);
  REQUIRE(world.settle_until([&] { return !world.endings.empty(); }));
  client.reading = true;
  REQUIRE(world.settle_until([&] { return client.ended(); }));
  const Lines lines = client.take_lines();
  REQUIRE(lines.size() == 203);
  CHECK(lines[201] == "goodbye frame_malformed");
}

TEST_CASE("a client that only stops writing has gone") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.shut_writing();
  CHECK(world.lines(client) == Lines{"end"});
  CHECK(world.ended_for(wire::Reason::peer_closed) == 1);
}

TEST_CASE("commands are taken from operators only") {
  SessionWorld world;
  world.on_command = [](const std::string& verb, const std::vector<std::string>& arguments) {
    return CommandResult{wire::Reason::none, "", "\"" + verb + arguments.at(0) + "\""};
  };
  fb::CommandT command;
  command.id = 5;
  command.verb = "do";
  command.arguments = {"it"};
  WireClient& operator_ = world.welcomed({.peer = "", .listener = "", .admin = true});
  operator_.send(command);
  CHECK(world.lines(operator_) == Lines{"reply 5 none \"doit\""});
  WireClient& other = world.welcomed();
  other.send(command);
  CHECK(world.lines(other) == Lines{"reply 5 not_allowed "});
}

TEST_CASE("a long answer comes in several replies, cut between characters") {
  SessionWorld world;
  std::string body = "x";
  for (int i = 0; i < 50'000; ++i) body += "\xC3\xA4";
  world.on_command = [&](const std::string&, const std::vector<std::string>&) {
    return CommandResult{wire::Reason::none, "", body};
  };
  WireClient& client = world.welcomed({.peer = "", .listener = "", .admin = true});
  std::string whole;
  client.on_control = [&](const wire::FrameView& frame) {
    const auto reply = wire::decode<fb::ReplyT>(frame);
    REQUIRE(reply != nullptr);
    CHECK((static_cast<uint8_t>(reply->body.front()) & 0xC0) != 0x80);
    whole += reply->body;
  };
  client.send(fb::CommandT());
  const Lines lines = world.lines(client);
  CHECK(lines.size() == 4);
  CHECK(lines.back().find("more") == std::string::npos);
  CHECK(whole == body);
}

TEST_CASE("an operator may kick the session that asks for it") {
  SessionWorld world;
  world.on_command = [&](const std::string&, const std::vector<std::string>&) {
    world.sessions.kick(1, "yourself");
    return CommandResult{};
  };
  WireClient& client = world.welcomed({.peer = "", .listener = "", .admin = true});
  client.send(fb::CommandT());
  CHECK(world.lines(client) == Lines{"goodbye kicked", "end"});
}

}  // namespace
}  // namespace btb::test
