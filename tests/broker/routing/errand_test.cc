// Subscribing, taking back and leaving, in pieces.
#include "tests/broker/routing/router_world.h"

namespace btb::test {
namespace {

TEST_CASE("an equal filter is looked at once, however often it is asked for") {
  World world;
  for (int i = 0; i < 1'000; ++i) world.topic("t/" + std::to_string(i));
  CHECK(world.subscribe(world.first, 1, "+/#") == 1'000);
  const uint64_t before = world.router.work();
  for (uint32_t i = 2; i <= 500; ++i) CHECK(world.subscribe(world.first, i, "+/#") == 1'000);
  world.topic("t/born");
  CHECK(world.subscribe(world.first, 501, "+/#") == 1'001);
  for (uint32_t i = 1; i <= 500; ++i) CHECK(world.router.unsubscribe(world.first, i));
  CHECK(world.router.work() - before < 100);
  CHECK(world.first.followers().size() == 1'001);
  CHECK(world.router.unsubscribe(world.first, 501));
  CHECK(world.first.followers().empty());
}

TEST_CASE("errands go on bit by bit, whatever is born or asked for by others meanwhile") {
  std::mt19937 random(11);
  World world;
  const Names filters{"a/#", "a/+", "+/x", "a/x", "#", "b", "+", "b/x/#", "+/+", "a/x/+"};
  const Names levels{"a", "b", "x", "y"};
  const auto name = [&] {
    std::string out = levels[random() % 4];
    while (random() % 2 == 0) out += "/" + levels[random() % 4] + std::to_string(random() % 9);
    return out;
  };
  std::map<uint32_t, std::string> subscriptions;
  for (uint32_t id = 1; id <= 300; ++id) {
    std::unique_ptr<Errand> errand;
    if (random() % 2 == 0 || subscriptions.empty()) {
      SubscribeRequest request;
      request.id = id;
      request.filter = filters[random() % filters.size()];
      subscriptions[id] = request.filter;
      errand = world.router.begin_subscribe(world.first, request);
    } else {
      auto at = subscriptions.begin();
      std::advance(at, static_cast<ptrdiff_t>(random() % subscriptions.size()));
      errand = world.router.begin_unsubscribe(world.first, at->first);
      REQUIRE(errand != nullptr);
      subscriptions.erase(at);
    }
    while (!errand->done()) {
      const uint64_t before = world.router.work();
      world.router.go_on(*errand, before + 3);
      REQUIRE(world.router.work() - before < 12);
      if (random() % 3 == 0) world.put(name());
      if (random() % 3 == 0) (void)world.flush_list();
      if (random() % 4 == 0) world.subscribe(world.second, 1, filters[random() % filters.size()]);
      if (random() % 4 == 0) world.router.remove(world.second);
    }
    std::map<std::string, uint32_t> expected;  // by name: how many different filters match
    world.router.for_each_topic([&](Topic& topic) {
      std::set<std::string> matching;
      for (const auto& [number, filter] : subscriptions) {
        if (wire::filter_matches(filter, topic.name)) matching.insert(filter);
      }
      if (!matching.empty()) expected[topic.name] = static_cast<uint32_t>(matching.size());
    });
    std::map<std::string, uint32_t> followed;
    for (const auto& follower : world.first.followers()) {
      REQUIRE(followed.emplace(follower->topic->name, follower->wanted).second);
    }
    REQUIRE(followed == expected);
    for (const auto& [filter, interest] : world.first.interests()) {
      uint32_t topics = 0;
      for (const auto& [topic, count] : expected) topics += wire::filter_matches(filter, topic);
      REQUIRE(interest->topics == topics);
    }
  }
}

TEST_CASE("nothing of a subscription is due before all of it was looked at") {
  World world;
  for (int i = 0; i < 20; ++i) world.put("t/" + std::to_string(i));
  SubscribeRequest request;
  request.id = 1;
  request.filter = "#";
  request.from = From::beginning;
  const auto errand = world.router.begin_subscribe(world.first, request);
  world.router.go_on(*errand, world.router.work() + 40);
  REQUIRE_FALSE(errand->done());
  REQUIRE_FALSE(world.first.followers().empty());
  world.put("t/0");
  world.put("born");
  (void)world.flush_list();
  CHECK(World::take_due(world.first).empty());
  world.router.go_on(*errand, UINT64_MAX);
  CHECK(errand->done());
  CHECK(World::take_due(world.first).size() == 21);
}

TEST_CASE("a subscriber that leaves lets go bit by bit, and its topics go on") {
  World world;
  for (int i = 0; i < 1'000; ++i) world.topic("t/" + std::to_string(i));
  world.subscribe(world.first, 1, "#");
  world.subscribe(world.first, 2, "t/+");
  int pieces = 0;
  for (bool done = false; !done; ++pieces) {
    const uint64_t before = world.router.work();
    done = world.router.remove(world.first, before + 100);
    REQUIRE(world.router.work() - before < 110);
    world.put("t/5");
    world.put("born/" + std::to_string(pieces));
    (void)world.flush_list();
  }
  CHECK(pieces > 10);
  CHECK(world.first.followers().empty());
  CHECK(world.router.find("t/5")->followers.empty());
}

}  // namespace
}  // namespace btb::test
