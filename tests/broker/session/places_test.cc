// Places at a Bluetooth adapter: who lets go of its place, and what it waits for.
#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

SessionTraits at(const std::string& adapter) {
  SessionTraits traits;
  traits.adapter = adapter;
  return traits;
}

// A client that understands `let_go`, with a subscription.
WireClient& patient(SessionWorld& world, const std::string& adapter, const std::string& filter) {
  WireClient& client = world.connect(at(adapter));
  fb::HelloT hello;
  hello.can_let_go = true;
  client.send(hello);
  REQUIRE(world.lines(client) == Lines{"welcome"});
  client.subscribe(1, filter);
  world.settle();
  client.take_lines();
  return client;
}

TEST_CASE("the one that was idle longest lets go, and only at the adapter that is full") {
  SessionWorld world;
  WireClient& elsewhere = patient(world, "B", "e");
  WireClient& first = patient(world, "A", "e");
  world.pass_ms(3'000);
  WireClient& second = patient(world, "A", "e");
  world.pass_ms(6'000);
  CHECK(world.sessions.idle_on("A") == 2);
  REQUIRE(world.sessions.free_place("A"));
  CHECK(world.lines(first).front().starts_with("goodbye let_go"));
  CHECK(world.lines(second).empty());
  CHECK(world.lines(elsewhere).empty());
  CHECK(world.ended_for(wire::Reason::let_go) == 1);
}

TEST_CASE("who receives, publishes, has something to come or does not know how keeps its place") {
  SessionWorld world;
  WireClient& receives = patient(world, "A", "e");
  WireClient& publishes = patient(world, "A", "other");
  publishes.open(2, "p");
  WireClient& knows_not = world.welcomed(at("A"));
  world.pass_ms(6'000);
  world.put("e", "", "news");
  world.settle();
  CHECK(world.sessions.idle_on("A") == 0);
  CHECK_FALSE(world.sessions.free_place("A"));
  world.pass_ms(1'000);
  CHECK_FALSE(world.sessions.free_place("A"));  // 5 s since it received are not over
  (void)receives;
  (void)knows_not;
}

TEST_CASE("another epoch is announced when there is something new for those that let go") {
  SessionWorld world;
  world.put("e", "", "old");
  world.settle();
  patient(world, "A", "e");
  patient(world, "A", "born/#");
  world.pass_ms(6'000);
  const uint8_t before = world.sessions.announced_epoch();
  REQUIRE(world.sessions.free_place("A"));
  REQUIRE(world.sessions.free_place("A"));
  world.settle();
  world.put("unheard", "", "x");
  world.pass_ms(1'000);
  CHECK(world.sessions.announced_epoch() == before);

  SUBCASE("in a topic that one of them follows") {
    world.put("e", "", "new");
  }
  SUBCASE("in a topic that is born") {
    world.put("born/now", "", "new");
  }
  world.pass_ms(1'000);
  CHECK(world.sessions.announced_epoch() == static_cast<uint8_t>(before + 1));
  world.put("e", "", "more");  // nobody waits for it any more
  world.pass_ms(1'000);
  CHECK(world.sessions.announced_epoch() == static_cast<uint8_t>(before + 1));
}

TEST_CASE("a newcomer for whom there is no place is told where there are some") {
  SessionWorld world;
  int ends[2] = {-1, -1};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  world.clients.push_back(std::make_unique<WireClient>(UniqueFd(ends[1])));
  world.sessions.turn_away(UniqueFd(ends[0]), at("A"), "no place", {"l2cap:B/4097"});
  CHECK(world.lines(*world.clients.back()).front() == "goodbye full l2cap:B/4097");
}

}  // namespace
}  // namespace btb::test
