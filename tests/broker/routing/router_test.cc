#include "tests/broker/routing/router_world.h"

namespace btb::test {
namespace {

TEST_CASE("topics have numbers from 1, and are found by name and by number") {
  World world;
  CHECK(world.topic("a").number == 1);
  CHECK(world.topic("b").number == 2);
  CHECK(world.topic("a").number == 1);
  CHECK(world.router.find(2U)->name == "b");
  CHECK(world.router.find(0U) == nullptr);
  CHECK(world.router.find(3U) == nullptr);
  CHECK(world.router.find("c") == nullptr);
  world.router.topics_max = 2;
  CHECK(world.router.find_or_make("c") == nullptr);
  CHECK(world.router.find_or_make("b") != nullptr);
}

TEST_CASE("a topic is marked once a turn, however often it changes") {
  World world;
  world.subscribe(world.first, 1, "a");
  world.subscribe(world.second, 1, "+");
  world.put("a");
  (void)world.flush_list();
  (void)World::take_due(world.first);
  (void)World::take_due(world.second);
  for (int i = 0; i < 5; ++i) world.put("a");
  CHECK(world.router.flush_wanted());
  CHECK(world.flush_list() == std::vector<Subscriber*>{&world.first, &world.second});
  CHECK(World::take_due(world.first) == Names{"a"});
  CHECK(World::take_due(world.second) == Names{"a"});
  CHECK(world.flush_list().empty());
  CHECK_FALSE(world.router.flush_wanted());
}

TEST_CASE("one that is blocked is due but not flushed, until it is woken") {
  World world;
  world.subscribe(world.first, 1, "a");
  world.first.blocked = true;
  world.put("a");
  CHECK(world.flush_list().empty());
  world.first.blocked = false;
  world.router.wake(world.first);
  world.router.wake(world.first);
  CHECK(world.flush_list() == std::vector<Subscriber*>{&world.first});
  CHECK(World::take_due(world.first) == Names{"a"});
}

TEST_CASE("overlapping filters make one follower, which stays until the last of them goes") {
  World world;
  world.topic("a/b");
  CHECK(world.subscribe(world.first, 1, "a/b") == 1);
  CHECK(world.subscribe(world.first, 2, "a/+") == 1);
  CHECK(world.subscribe(world.first, 3, "#") == 1);
  CHECK(world.first.followers().size() == 1);
  world.topic("a/c");
  CHECK(world.first.followers().size() == 2);
  CHECK(world.router.unsubscribe(world.first, 3));
  CHECK(world.router.unsubscribe(world.first, 1));
  CHECK(world.first.followers().size() == 2);
  CHECK(world.router.unsubscribe(world.first, 2));
  CHECK(world.first.followers().empty());
  CHECK_FALSE(world.router.unsubscribe(world.first, 2));
  CHECK_FALSE(world.first.has_due());
}

TEST_CASE("subscribing and taking back at random leaves exactly the followers that match") {
  std::mt19937 random(3);
  World world;
  const Names filters{"a/#", "a/+", "+/x", "a/x", "#", "b", "+", "b/x/#"};
  std::map<uint32_t, std::string> subscriptions;
  uint32_t id = 0;
  for (int step = 0; step < 400; ++step) {
    if (random() % 2 == 0) {
      const std::string& filter = filters[random() % filters.size()];
      world.subscribe(world.first, ++id, filter);
      subscriptions[id] = filter;
    } else if (!subscriptions.empty()) {
      auto at = subscriptions.begin();
      std::advance(at, static_cast<ptrdiff_t>(random() % subscriptions.size()));
      CHECK(world.router.unsubscribe(world.first, at->first));
      subscriptions.erase(at);
    }
    if (random() % 8 == 0) {
      static const Names names{"a/x", "a/y", "b/x", "b/x/z", "b", "c"};
      world.put(names[random() % names.size()]);
    }
    if (random() % 4 == 0) (void)world.flush_list();
    if (random() % 8 == 0) (void)World::take_due(world.first);
    std::set<std::string> expected;
    world.router.for_each_topic([&](Topic& topic) {
      for (const auto& [number, filter] : subscriptions) {
        if (wire::filter_matches(filter, topic.name)) expected.insert(topic.name);
      }
    });
    std::set<std::string> followed;
    for (const auto& follower : world.first.followers()) {
      REQUIRE(followed.insert(follower->topic->name).second);
    }
    REQUIRE(followed == expected);
  }
}

TEST_CASE("a follower begins where the request says") {
  World world;
  for (int i = 0; i < 5; ++i) {
    world.put("e");
    world.put("s", i < 3 ? "a" : "b");
    world.clock.advance_ms(1'000);
  }
  const auto begins = [&](const char* name, From from, int64_t value) {
    world.subscribe(world.first, 1, name, from, value);
    const uint64_t seq = world.follower(world.first, name).cursor.next_seq;
    world.router.unsubscribe(world.first, 1);
    return seq;
  };
  CHECK(begins("e", From::latest, 0) == 6);
  CHECK(begins("e", From::beginning, 0) == 1);
  CHECK(begins("e", From::seq, 4) == 4);
  CHECK(begins("e", From::seq, -4) == 1);
  CHECK(begins("e", From::seq, 400) == 6);
  CHECK(begins("e", From::last, 2) == 4);
  CHECK(begins("e", From::last, -2) == 6);
  CHECK(begins("e", From::time, world.clock.now_us() - 2'000'000) == 4);
  CHECK(begins("e", From::time, world.clock.now_us() + 1) == 6);
  CHECK(begins("s", From::latest, 0) == 1);
  CHECK(begins("s", From::seq, 4) == 4);
  CHECK(begins("s", From::last, 1) == 5);
  CHECK(begins("s", From::last, 2) == 3);
}

TEST_CASE("coming back goes on behind the mark, and starts over where it must") {
  World world;
  world.common.deletions_kept = 1;
  for (const char* key : {"a", "b", "c"}) world.put("s", key);
  for (int i = 0; i < 3; ++i) world.put("e");
  world.del("s", "a");
  world.del("s", "b");
  const auto resumed = [&](const char* name, uint64_t epoch, const std::vector<Mark>& marks) {
    SubscribeRequest request;
    request.id = 1;
    request.filter = name;
    request.from = From::resume;
    request.epoch = epoch;
    request.positions = marks;
    world.router.subscribe(world.first, request);
    const Follower follower = world.follower(world.first, name);
    world.router.unsubscribe(world.first, 1);
    return follower;
  };
  const uint32_t s = world.topic("s").number;
  const uint32_t e = world.topic("e").number;
  CHECK(resumed("e", 7, {{e, 2}}).cursor.next_seq == 3);
  CHECK(resumed("e", 7, {{e, 2}}).refetch == wire::Reason::none);
  CHECK(resumed("e", 7, {{e, 99}}).cursor.next_seq == 4);
  CHECK(resumed("e", 7, {{s, 2}}).cursor.next_seq == 1);
  CHECK(resumed("e", 8, {{e, 2}}).refetch == wire::Reason::epoch_changed);
  CHECK(resumed("e", 8, {{e, 2}}).cursor.next_seq == 1);
  CHECK(resumed("s", 7, {{s, 4}}).cursor.next_seq == 5);
  CHECK(resumed("s", 7, {{s, 4}}).snapshot_wanted);
  CHECK(resumed("s", 7, {{s, 4}}).refetch == wire::Reason::none);
  CHECK(resumed("s", 7, {{s, 3}}).refetch == wire::Reason::deletions_forgotten);
  CHECK(resumed("s", 7, {}).refetch == wire::Reason::none);
  CHECK(resumed("s", 7, {}).deletions_from == 5);
}

TEST_CASE("a subscriber goes whatever it was about to get") {
  World world;
  SUBCASE("nothing") {
    world.subscribe(world.first, 1, "a");
  }
  SUBCASE("due and to be flushed") {
    world.topic("a");
    world.subscribe(world.first, 1, "#");
  }
  SUBCASE("its topic marked") {
    world.topic("a");
    world.subscribe(world.first, 1, "#");
    (void)world.flush_list();
    (void)World::take_due(world.first);
    world.put("a");
  }
  SUBCASE("blocked, and due") {
    world.topic("a");
    world.subscribe(world.first, 1, "a");
    world.first.blocked = true;
  }
  world.subscribe(world.second, 1, "a");
  world.router.remove(world.first);
  world.router.remove(world.first);
  CHECK(world.first.followers().empty());
  CHECK(world.first.subscription_count() == 0);
  CHECK(world.first.interests().empty());
  world.put("a");
  CHECK(world.flush_list() == std::vector<Subscriber*>{&world.second});
}

TEST_CASE("a reload moves what is due to its new priority, and keeps a topic's kind") {
  World world;
  for (const char* name : {"a", "b", "s"}) world.put(name);
  world.subscribe(world.first, 1, "+");
  CHECK_FALSE(world.first.due(Priority::normal).empty());
  const auto kept = world.router.refresh_options([](std::string_view name, Publisher) {
    auto options = std::make_shared<TopicOptions>();
    options->priority = name == "b" ? Priority::alert : Priority::bulk;
    options->client_publish = false;
    return options;
  });
  CHECK(kept == Names{"s"});
  CHECK_FALSE(world.topic("s").options->client_publish);
  CHECK(world.topic("s").options->kind == wire::TopicKind::state);
  CHECK(World::take_due(world.first) == Names{"b", "s", "a"});
}

TEST_CASE("new limits of a reload hold at once") {
  World world;
  for (int i = 0; i < 10; ++i) world.put("a");
  world.router.refresh_options([](std::string_view, Publisher) {
    auto options = std::make_shared<TopicOptions>();
    options->keep_count = 3;
    return options;
  });
  CHECK(world.topic("a").log.first_seq() == 8);
}

TEST_CASE("rows that are too old are deleted by messages of their own") {
  World world;
  world.common.keep_age_us = 1'000'000;
  world.put("s", "a");
  world.clock.advance_ms(600);
  world.put("s", "b");
  world.put("e");
  world.clock.advance_ms(600);
  world.router.expire();
  CHECK(world.topic("s").log.keys() == 1);
  CHECK(world.topic("s").log.last_seq() == 3);
  CHECK(world.topic("s").counters.published == 3);
  world.clock.advance_ms(600);
  world.router.expire();
  CHECK(world.topic("s").log.keys() == 0);
  CHECK(world.topic("e").log.first_seq() == 2);
}

TEST_CASE("what became of a message is counted, once") {
  World world;
  world.common.keys_max = 1;
  world.put("s", "a");
  CHECK(world.put("s", "b").reason == wire::Reason::topic_full);
  CHECK(world.del("s", "z").seq == 0);
  CHECK(world.del("e", "z").reason == wire::Reason::delete_unsupported);
  CHECK(world.topic("s").counters.published == 1);
  CHECK(world.topic("s").counters.rejected == 1);
  CHECK(world.topic("s").counters.unchanged == 1);
  CHECK(world.topic("e").counters.rejected == 1);
}

TEST_CASE("a batch that gets no end is ended after a while, of a client sooner, and counted") {
  World world;
  constexpr Publisher source = 2;
  uint64_t allowed_ms = 0;
  Message message;
  message.key = as_bytes("a");
  message.batch_more = true;
  SUBCASE("a client's") {
    world.router.publish(world.topic("s"), message, client_publisher);
    allowed_ms = limits::client_batch_ms_max;
    CHECK(allowed_ms < limits::batch_open_ms_max);
  }
  SUBCASE("a source's, and what clients add to it does not shorten it") {
    world.router.publish(world.topic("s"), message, source);
    world.router.publish(world.topic("s"), message, client_publisher);
    allowed_ms = limits::batch_open_ms_max;
  }
  world.clock.advance_ms(allowed_ms - 1);
  world.router.expire();
  CHECK(world.topic("s").batch_open);
  world.clock.advance_ms(1);
  world.router.expire();
  CHECK_FALSE(world.topic("s").batch_open);
  CHECK(world.topic("s").counters.batches_cut == 1);
  CHECK(world.router.batches_cut() == 1);
  CHECK(world.topic("s").closed_seq == world.topic("s").log.last_seq());
}

TEST_CASE("thousands of rows that grow old at once are deleted at once") {
  World world;
  world.common.keep_age_us = 1'000'000;
  for (int i = 0; i < 5000; ++i) world.put("s", std::to_string(i));
  world.clock.advance_ms(2'000);
  world.router.expire();
  CHECK(world.topic("s").log.keys() == 0);
}

TEST_CASE("a batch ends with its last message, whatever becomes of that one") {
  World world;
  world.common.keys_max = 1;
  Topic& topic = world.topic("s");
  const auto begin = [&] {
    world.put("s", "a", true);
    return topic.batch_open;
  };
  REQUIRE(begin());
  world.put("s", "a");
  CHECK_FALSE(topic.batch_open);
  CHECK(topic.closed_seq == 0);
  REQUIRE(begin());
  world.put("s", "b");  // topic_full
  CHECK_FALSE(topic.batch_open);
  CHECK(topic.closed_seq == 3);
  REQUIRE(begin());
  world.del("s", "z");  // changes nothing
  CHECK_FALSE(topic.batch_open);
  REQUIRE(begin());
  world.router.close_batch(topic);
  CHECK(topic.closed_seq == 5);
}

TEST_CASE("of several filters the one that was made first decides how a topic born later begins") {
  World world;
  SubscribeRequest request;
  request.id = 1;
  request.filter = "s/+";
  world.router.subscribe(world.first, request);
  request.id = 2;
  request.filter = "s/#";
  request.no_snapshot = true;
  world.router.subscribe(world.first, request);
  request.id = 1;
  world.router.subscribe(world.second, request);
  request.id = 2;
  request.filter = "s/+";
  request.no_snapshot = false;
  world.router.subscribe(world.second, request);
  world.put("s/new");
  CHECK(world.follower(world.first, "s/new").snapshot_wanted);
  CHECK_FALSE(world.follower(world.second, "s/new").snapshot_wanted);
  CHECK(world.first.followers().size() == 1);
}

TEST_CASE("taking back what matches nothing is little work, rows asked for are counted") {
  World world;
  for (uint32_t i = 1; i <= 100; ++i) {
    world.subscribe(world.first, i, "a/b/c/d/" + std::to_string(i));
  }
  uint64_t before = world.router.work();
  for (uint32_t i = 1; i <= 50; ++i) CHECK(world.router.unsubscribe(world.first, i));
  CHECK(world.router.work() - before <= 200);
  for (int i = 0; i < 300; ++i) world.put("s", std::to_string(i));
  before = world.router.work();
  world.subscribe(world.second, 1, "s", From::last, 250);
  CHECK(world.router.work() - before >= 20);
  world.put("e");
  before = world.router.work();
  world.subscribe(world.second, 2, "e", From::time, world.clock.now_us() + 1);
  CHECK(world.router.work() > before);
}

TEST_CASE("rows do not grow too old in the middle of a batch, for a while") {
  World world;
  world.common.keep_age_us = 1'000'000;
  world.put("s", "old");
  world.clock.advance_ms(5'000);
  world.put("s", "new", true);
  world.router.expire();
  CHECK(world.topic("s").batch_open);
  CHECK(world.topic("s").log.keys() == 2);
  world.clock.advance_ms(limits::batch_open_ms_max);
  world.router.expire();
  CHECK_FALSE(world.topic("s").batch_open);
  CHECK(world.topic("s").log.keys() == 0);
}

TEST_CASE("the broker's own topics have a place when there are too many others") {
  World world;
  world.router.topics_max = 1;
  CHECK(world.router.find_or_make("a") != nullptr);
  CHECK(world.router.find_or_make("b") == nullptr);
  CHECK(world.router.find_or_make("$dead/source") != nullptr);
}

}  // namespace
}  // namespace btb::test
