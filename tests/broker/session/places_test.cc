// Places at a Bluetooth adapter: who lets go of its place, and what it waits for.
#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

SessionTraits at(const std::string& adapter) {
  SessionTraits traits;
  traits.adapter = adapter;
  return traits;
}

SessionTraits from(const std::string& kind, int device) {
  SessionTraits traits = at("A");
  traits.peer = kind + " 02:00:00:00:00:0" + std::to_string(device);
  traits.classic = kind != "le";
  return traits;
}

// A client that understands `let_go`, with a subscription.
WireClient& patient(SessionWorld& world, SessionTraits traits, const std::string& filter) {
  WireClient& client = world.connect(std::move(traits));
  fb::HelloT hello;
  hello.can_let_go = true;
  client.send(hello);
  REQUIRE(world.lines(client) == Lines{"welcome"});
  client.subscribe(1, filter);
  world.settle();
  client.take_lines();
  return client;
}

// A client comes to adapter A, where others have all of its places. Whether it was welcomed.
bool finds_place(SessionWorld& world, uint32_t others) {
  world.sessions.admission().limits.sessions_per_adapter = others;
  WireClient& client = world.connect(at("A"));
  client.hello();
  return world.lines(client) == Lines{"welcome"};
}

TEST_CASE("the one that was idle longest lets go, and only at the adapter that is full") {
  SessionWorld world;
  WireClient& elsewhere = patient(world, at("B"), "e");
  WireClient& first = patient(world, at("A"), "e");
  world.pass_ms(3'000);
  WireClient& second = patient(world, at("A"), "e");
  world.pass_ms(6'000);
  world.sessions.admission().limits.sessions_per_adapter = 2;
  CHECK(world.sessions.admission().places_for_newcomers("A") == 2);
  REQUIRE(finds_place(world, 2));
  CHECK(world.lines(first).front().starts_with("goodbye let_go"));
  CHECK(world.lines(second).empty());
  CHECK(world.lines(elsewhere).empty());
  CHECK(world.ended_for(wire::Reason::let_go) == 1);
}

TEST_CASE("a client that receives, publishes, or cannot let go keeps its place") {
  SessionWorld world;
  WireClient& receives = patient(world, at("A"), "e");
  WireClient& publishes = patient(world, at("A"), "other");
  publishes.open(2, "p");
  WireClient& knows_not = world.welcomed(at("A"));
  world.pass_ms(6'000);
  world.put("e", "", "news");
  world.settle();
  CHECK_FALSE(finds_place(world, 3));
  CHECK(world.sessions.admission().places_for_newcomers("A") == 0);
  world.pass_ms(1'000);
  CHECK_FALSE(finds_place(world, 3));  // 5 s since it received are not over
  (void)receives;
  (void)knows_not;
}

// Seven of them on BR/EDR, each with a session, all idle; the first one for longest.
std::vector<WireClient*> seven_devices(SessionWorld& world) {
  world.sessions.admission().limits.let_go_after_ms = 1'000;
  // Links are what is short here, not places.
  world.sessions.admission().limits.sessions_per_adapter = 100;
  world.sessions.limits.keep_alive_ms = 3'600'000;
  std::vector<WireClient*> clients;
  for (int device = 1; device <= 7; ++device) {
    clients.push_back(&patient(world, from("l2cap", device), "e"));
    world.pass_ms(1'000);
  }
  return clients;
}

bool let_go(SessionWorld& world, WireClient& client) {
  const Lines lines = world.lines(client);
  return !lines.empty() && lines.front().starts_with("goodbye let_go");
}

TEST_CASE("of seven devices on BR/EDR, one that was idle for long lets go before an eighth comes") {
  SessionWorld world;
  WireClient& over_le = patient(world, from("le", 9), "e");
  world.pass_ms(1'000);
  const auto clients = seven_devices(world);
  world.sessions.admission().keep_place_open("A", 7);
  CHECK_FALSE(let_go(world, *clients[0]));  // 7 s
  world.pass_ms(5'000);
  world.sessions.admission().keep_place_open("A", 6);
  world.sessions.admission().keep_place_open("B", 7);
  CHECK_FALSE(let_go(world, *clients[0]));
  world.sessions.admission().keep_place_open("A", 7);
  CHECK(let_go(world, *clients[0]));
  world.sessions.admission().keep_place_open("A", 7);  // its link ends some seconds later
  world.pass_ms(9'000);
  world.sessions.admission().keep_place_open("A", 7);
  CHECK(world.ended_for(wire::Reason::let_go) == 1);
  CHECK(world.sessions.admission().has("A", "02:00:00:00:00:07"));
  CHECK_FALSE(world.sessions.admission().has("A", "02:00:00:00:00:01"));

  SUBCASE("and when somebody took its place, another one does") {
    patient(world, from("l2cap", 8), "e");
    world.pass_ms(1'000);
    world.sessions.admission().keep_place_open("A", 7);
    CHECK(let_go(world, *clients[1]));
  }
  SUBCASE(
      "and when it is back before anybody did, all are left in peace, twice as long each time") {
    WireClient* back = &patient(world, from("l2cap", 1), "e");
    const std::vector<WireClient*> next{clients[1], clients[2], clients[3]};
    size_t asked = 1;
    uint64_t pause_ms = 60'000;
    uint64_t passed_ms = 9'000;
    for (WireClient* client : next) {
      for (; passed_ms + 1'000 < pause_ms; passed_ms += 1'000) {
        world.pass_ms(1'000);
        world.sessions.admission().keep_place_open("A", 7);
      }
      CHECK(world.ended_for(wire::Reason::let_go) == asked);
      world.pass_ms(2'000);
      world.sessions.admission().keep_place_open("A", 7);
      REQUIRE(let_go(world, *client));
      ++asked;
      const auto number = static_cast<int>(asked);
      back = &patient(world, from("l2cap", number), "e");
      pause_ms *= 2;
      passed_ms = 0;
    }
    CHECK_FALSE(let_go(world, *back));
  }
  CHECK_FALSE(let_go(world, over_le));
}

TEST_CASE("a device lets go of its link only with all its sessions") {
  SessionWorld world;
  const auto clients = seven_devices(world);
  WireClient& second = patient(world, from("rfcomm", 1), "e");
  world.pass_ms(5'000);

  SUBCASE("one of them is not idle: another device is asked") {
    world.sessions.admission().keep_place_open("A", 7);
    world.settle();
    CHECK(world.ended_for(wire::Reason::let_go) == 0);  // 12 s only for the first
    world.pass_ms(1'000);
    world.sessions.admission().keep_place_open("A", 7);
    CHECK(let_go(world, *clients[1]));
    CHECK(world.lines(*clients[0]).empty());
    CHECK(world.lines(second).empty());
  }
  SUBCASE("all are idle: all are asked") {
    for (int device = 2; device <= 7; ++device) patient(world, from("l2cap", device), "e");
    world.pass_ms(7'000);
    world.sessions.admission().keep_place_open("A", 7);
    CHECK(let_go(world, *clients[0]));
    CHECK(let_go(world, second));
    CHECK(world.ended_for(wire::Reason::let_go) == 2);
  }
}

TEST_CASE("seven that received something lately are left in peace") {
  SessionWorld world;
  const auto clients = seven_devices(world);
  world.put("e", "", "news");
  world.settle();
  world.pass_ms(11'000);
  world.sessions.admission().keep_place_open("A", 7);
  CHECK(world.ended_for(wire::Reason::let_go) == 0);
  world.pass_ms(1'000);
  world.sessions.admission().keep_place_open("A", 7);
  CHECK(world.ended_for(wire::Reason::let_go) == 1);
  CHECK(clients.size() == 7);
}

TEST_CASE("another epoch is announced when there is something new for those that let go") {
  SessionWorld world;
  world.put("e", "", "old");
  world.settle();
  patient(world, at("A"), "e");
  patient(world, at("A"), "born/#");
  world.pass_ms(6'000);
  const uint8_t before = world.sessions.admission().announced_epoch();
  REQUIRE(finds_place(world, 2));
  REQUIRE(finds_place(world, 2));
  world.settle();
  world.put("unheard", "", "x");
  world.pass_ms(1'000);
  CHECK(world.sessions.admission().announced_epoch() == before);

  SUBCASE("in a topic that one of them follows") {
    world.put("e", "", "new");
  }
  SUBCASE("in a topic that is born") {
    world.put("born/now", "", "new");
  }
  world.pass_ms(1'000);
  CHECK(world.sessions.admission().announced_epoch() == static_cast<uint8_t>(before + 1));
  world.put("e", "", "more");  // nobody waits for it any more
  world.pass_ms(1'000);
  CHECK(world.sessions.admission().announced_epoch() == static_cast<uint8_t>(before + 1));
}

TEST_CASE("a newcomer for whom there is no place is told where there are some") {
  SessionWorld world;
  world.air.others = {{"A", {"l2cap:A/4097"}}, {"B", {"l2cap:B/4097"}}};
  world.sessions.admission().limits.sessions_per_adapter = 1;
  world.welcomed(at("A"));
  WireClient& second = world.connect(at("A"));
  CHECK(world.lines(second).front() == "goodbye full l2cap:B/4097");
}

}  // namespace
}  // namespace btb::test
