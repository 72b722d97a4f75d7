// Too many at the doors: who is turned away, whom the operator's places are for, and whose words an
// end is told in.
#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

SessionTraits from(const std::string& origin) {
  SessionTraits traits;
  traits.peer = "tcp " + origin;
  traits.origin = origin;
  return traits;
}

SessionTraits operator_traits() {
  SessionTraits traits = from("uid 0");
  traits.admin = true;
  traits.is_operator = true;
  return traits;
}

uint64_t turned_away(const SessionWorld& world, NoPlace why) {
  const auto found = world.sessions.admission().turned_away().find(why);
  return found == world.sessions.admission().turned_away().end() ? 0 : found->second;
}

bool is_full(const Lines& lines) {
  return !lines.empty() && lines[0].starts_with("goodbye full");
}

fb::CommandT status_command() {
  fb::CommandT command;
  command.id = 1;
  command.verb = "status";
  return command;
}

TEST_CASE("where all places are taken, an operator is let in, and is answered") {
  SessionWorld world;
  world.sessions.admission().limits.sessions = 2;
  world.on_command = [](const std::string&, const std::vector<std::string>&) {
    return CommandResult{wire::Reason::none, "", "{}"};
  };
  world.welcomed(from("ip 1"));
  world.welcomed(from("ip 2"));
  WireClient& stranger = world.connect(from("ip 3"));
  CHECK(is_full(world.lines(stranger)));
  WireClient& operators = world.welcomed(operator_traits());
  operators.send(status_command());
  CHECK(world.lines(operators) == Lines{"reply 1 none {}"});
  CHECK(turned_away(world, NoPlace::sessions) == 1);
}

TEST_CASE("a place that is kept for commands is not one for a subscriber or a publisher") {
  SessionWorld world;
  world.sessions.admission().limits.sessions = 1;
  world.welcomed(from("ip 1"));
  WireClient& subscribes = world.welcomed(operator_traits());
  subscribes.subscribe(1, "e");
  CHECK(is_full(world.lines(subscribes)));
  WireClient& publishes = world.welcomed(operator_traits());
  publishes.open(1, "e");
  CHECK(is_full(world.lines(publishes)));
  CHECK(turned_away(world, NoPlace::reserved) == 2);
}

TEST_CASE("while there are places, an operator has one like all others") {
  SessionWorld world;
  WireClient& client = world.welcomed(operator_traits());
  client.subscribe(1, "e");
  CHECK(world.lines(client).front().starts_with("subscribed"));
}

TEST_CASE("operators who stay do not keep the next one out") {
  SessionWorld world;
  world.sessions.admission().limits.sessions = 1;
  world.welcomed(from("ip 1"));
  std::vector<WireClient*> all;
  for (uint32_t i = 0; i <= limits::operator_places; ++i) {
    all.push_back(&world.welcomed(operator_traits()));
  }
  CHECK(is_full(world.lines(*all.front())));
  CHECK(world.lines(*all.back()).empty());
  WireClient& ordinary = world.connect(from("ip 2"));
  CHECK(is_full(world.lines(ordinary)));
}

TEST_CASE("one peer has as many sessions as one may have, and takes none of the others'") {
  SessionWorld world;
  world.sessions.admission().limits.sessions_per_peer = 2;
  WireClient& first = world.welcomed(from("ip 1"));
  world.welcomed(from("ip 1"));
  WireClient& third = world.connect(from("ip 1"));
  CHECK(is_full(world.lines(third)));
  world.welcomed(from("ip 2"));
  first.close();
  world.settle();
  world.welcomed(from("ip 1"));
  CHECK(turned_away(world, NoPlace::peer) == 1);
}

TEST_CASE("a Bluetooth device has as many sessions as one may have") {
  SessionWorld world;
  world.sessions.admission().limits.sessions_per_device = 1;
  SessionTraits traits = from("device 02:00:00:00:00:01");
  traits.adapter = "A";
  world.welcomed(traits);
  CHECK(is_full(world.lines(world.connect(traits))));
  CHECK(turned_away(world, NoPlace::device) == 1);
}

TEST_CASE(
    "where descriptors are for others, a newcomer is told so and gives its own back at once") {
  SessionWorld world;
  WireClient& settled = world.welcomed(from("ip 1"));
  world.sessions.admission().limits.descriptors = 0;
  WireClient& late = world.connect(from("ip 2"));
  CHECK(world.sessions.count() == 1);  // before a turn of the loop
  CHECK(is_full(world.lines(late)));
  CHECK(turned_away(world, NoPlace::descriptors) == 1);
  world.welcomed(operator_traits());
  CHECK(world.lines(settled).empty());
}

TEST_CASE("who said nothing yet gives its descriptor to who comes") {
  SessionWorld world;
  WireClient& silent = world.connect(from("ip 1"));
  world.sessions.admission().limits.descriptors = 0;
  WireClient& late = world.connect(from("ip 2"));
  CHECK(is_full(world.lines(silent)));
  world.welcome(late);
}

TEST_CASE("a peer that connects again and again without a hello takes the places of its own only") {
  SessionWorld world;
  world.sessions.admission().limits.handshakes = 4;
  WireClient& honest = world.connect(from("ip 1"));
  for (int i = 0; i < 20; ++i) world.connect(from("ip 2"));
  WireClient& another = world.connect(from("ip 3"));
  CHECK(world.lines(honest).empty());
  world.welcome(honest);
  world.welcome(another);
  CHECK(turned_away(world, NoPlace::handshakes) == 18);
}

TEST_CASE("what a client says for its goodbye is not told as the broker's own reason") {
  SessionWorld world;
  for (const wire::Reason reason :
       {wire::Reason::kicked, wire::Reason::full, wire::Reason::overflow}) {
    WireClient& client = world.welcomed(from("ip 1"));
    client.goodbye(reason);
    world.settle();
    CHECK(world.ended_for(reason) == 0);
    CHECK(world.sessions.goodbyes().at(reason) == 1);
    CHECK(world.ended_by.back() == SessionEnd::By::client);
  }
  CHECK(world.ended_for(wire::Reason::normal) == 3);
  WireClient& kicked = world.welcomed(from("ip 1"));
  REQUIRE(world.sessions.kick(4, "by an operator"));
  CHECK(world.lines(kicked).front().starts_with("goodbye kicked"));
  CHECK(world.ended_for(wire::Reason::kicked) == 1);
  CHECK(world.ended_by.back() == SessionEnd::By::broker);
}

TEST_CASE("a connection that ends without a goodbye was ended by nobody") {
  SessionWorld world;
  WireClient& client = world.welcomed(from("ip 1"));
  client.close();
  world.settle();
  CHECK(world.ended_for(wire::Reason::peer_closed) == 1);
  CHECK(world.ended_by.back() == SessionEnd::By::connection);
}

}  // namespace
}  // namespace btb::test
