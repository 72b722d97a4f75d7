// Which newcomer gets a place: with connections that are nothing but numbers.
#include "broker/admission/admission.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/support/manual_clock.h"

namespace btb::test {
namespace {

class World final : public Guests {
 public:
  World()
      : router(clock, 300,
               [](std::string_view, Publisher) { return std::make_shared<TopicOptions>(); }),
        admission(router, clock, *this) {}

  uint64_t come(Guest guest) {
    admission.arrived(++last, std::move(guest));
    return last;
  }
  uint64_t from(const std::string& origin) { return come({.origin = origin}); }
  // Of the newest refusal.
  [[nodiscard]] std::pair<uint64_t, NoPlace> refused() const {
    REQUIRE(!refusals.empty());
    return refusals.back();
  }

  [[nodiscard]] uint64_t idle_ms(uint64_t) const override { return 0; }
  [[nodiscard]] const Subscriber& subscriber(uint64_t) const override { return nobody; }
  void keep_for_commands(uint64_t id) override { for_commands.insert(id); }
  void refuse(uint64_t id, const Refusal& refusal) override {
    refusals.emplace_back(id, refusal.why);
    admission.left(id);
  }
  void let_go(uint64_t id, std::string_view, uint8_t) override { admission.left(id); }

  ManualClock clock;
  Router router;
  Subscriber nobody;
  Admission admission;
  uint64_t last = 0;
  std::set<uint64_t> for_commands;
  std::vector<std::pair<uint64_t, NoPlace>> refusals;
};

TEST_CASE("a place is free again when its session left, and only once") {
  World world;
  world.admission.limits.sessions_per_peer = 1;
  const uint64_t first = world.from("a");
  const uint64_t second = world.from("a");
  CHECK(world.refused() == std::pair(second, NoPlace::peer));
  world.admission.left(first);
  world.admission.left(first);
  CHECK(world.admission.count() == 0);
  world.from("a");
  CHECK(world.refusals.size() == 1);
}

TEST_CASE("the peer with the most silent connections gives one up, and the oldest of them") {
  World world;
  world.admission.limits.handshakes = 3;
  world.from("a");
  const uint64_t oldest_of_b = world.from("b");
  world.from("b");
  world.from("c");
  CHECK(world.refused() == std::pair(oldest_of_b, NoPlace::handshakes));
}

TEST_CASE("a newcomer is refused itself when all others have said hello") {
  World world;
  world.admission.limits.sessions = 2;
  for (const char* origin : {"a", "b"}) CHECK(world.admission.said_hello(world.from(origin)));
  const uint64_t third = world.from("c");
  CHECK(world.refused() == std::pair(third, NoPlace::sessions));
}

TEST_CASE("an operator gets in where all places are taken, for commands only") {
  World world;
  world.admission.limits.sessions = 1;
  world.admission.said_hello(world.from("a"));
  const uint64_t first = world.come({.origin = "root", .is_operator = true});
  CHECK(world.for_commands.contains(first));
  CHECK(world.refusals.empty());
  world.admission.wants_more(first);
  CHECK(world.refused() == std::pair(first, NoPlace::reserved));
  SUBCASE("and the newest of too many operators displaces the oldest") {
    const uint64_t oldest = world.come({.origin = "root", .is_operator = true});
    for (size_t i = 0; i < limits::operator_places; ++i) {
      world.come({.origin = "root", .is_operator = true});
    }
    CHECK(world.refused() == std::pair(oldest, NoPlace::reserved));
  }
}

}  // namespace
}  // namespace btb::test
