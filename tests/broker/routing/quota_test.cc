// What all may take together: topics, their numbers, memory, and who is made to give some back.
#include "tests/broker/routing/router_world.h"

namespace btb::test {
namespace {

PublishResult put_large(World& world, Topic& topic, std::string_view key, size_t bytes,
                        Publisher publisher = client_publisher) {
  const std::string payload(bytes, 'x');
  Message message;
  message.key = as_bytes(key);
  message.payload = as_bytes(payload);
  return world.router.publish(topic, message, publisher);
}

// Time goes by, and the router looks after its topics once a second.
void pass_s(World& world, int seconds) {
  for (int i = 0; i < seconds; ++i) {
    world.clock.advance_ms(1'000);
    world.router.expire();
  }
}

constexpr int unused_s = static_cast<int>(limits::topic_unused_ms / 1'000) + 2;

TEST_CASE("a peer makes as many topics as it may, all clients as many as they may, sources more") {
  World world;
  world.router.topics_max = 8;
  world.router.client_topics_max = 5;
  world.router.client_topics_per_peer_max = 3;
  const auto a = std::make_shared<Account>();
  const auto b = std::make_shared<Account>();
  for (const char* name : {"a/1", "a/2", "a/3"})
    CHECK(world.router.find_or_make(name, a) != nullptr);
  CHECK(world.router.find_or_make("a/4", a) == nullptr);
  CHECK(world.router.find_or_make("a/3", a) != nullptr);
  CHECK(world.router.find_or_make("b/1", b) != nullptr);
  CHECK(world.router.find_or_make("b/2", b) != nullptr);
  CHECK(world.router.find_or_make("b/3", b) == nullptr);
  CHECK(world.router.client_topics() == 5);
  for (const char* name : {"s/1", "s/2", "s/3"}) CHECK(world.router.find_or_make(name) != nullptr);
  CHECK(world.router.find_or_make("s/4") == nullptr);
}

TEST_CASE("a topic that nobody publishes, follows or has messages in goes, and makes place") {
  World world;
  const auto account = std::make_shared<Account>();
  world.router.client_topics_per_peer_max = 1;
  Topic& topic = *world.router.find_or_make("e", account);
  const TopicRef ref{topic.number, topic.born};
  SUBCASE("it was opened") {
    topic.open = 1;
  }
  SUBCASE("it is followed") {
    world.subscribe(world.first, 1, "e");
  }
  SUBCASE("a message is in it") {
    world.common.keep_age_us = 60'000'000;
    world.router.refresh_options(
        [&](std::string_view name, Publisher) { return world.options_of(name); });
    world.put("e");
  }
  pass_s(world, unused_s);
  CHECK(world.router.find(ref) == &topic);
  CHECK(world.router.find_or_make("other", account) == nullptr);
  topic.open = 0;
  world.router.watch(topic);
  world.router.remove(world.first);
  pass_s(world, 60 + unused_s);
  CHECK(world.router.find(ref) == nullptr);
  CHECK(world.router.find("e") == nullptr);
  CHECK(account->topics == 0);
  CHECK(account->log_bytes == 0);
  CHECK(world.router.topics_freed() == 1);
  CHECK(world.router.find_or_make("other", account) != nullptr);
}

TEST_CASE("the number of a topic comes again only if nobody was told of it") {
  World world;
  world.topic("told");
  world.topic("untold");
  world.subscribe(world.first, 1, "told");
  world.router.remove(world.first);
  pass_s(world, unused_s);
  REQUIRE(world.router.topic_count() == 0);
  CHECK(world.router.is_gone(1));
  CHECK(world.topic("a").number == 2);
  CHECK(world.topic("b").number == 3);
  CHECK(world.router.is_gone(1));
  CHECK_FALSE(world.router.is_gone(2));
  CHECK_FALSE(world.router.is_gone(9));
}

TEST_CASE("a subscription that finds its own topics in pieces is not confused by one that goes") {
  World world;
  for (int i = 0; i < 50; ++i) world.topic("t/" + std::to_string(i));
  SubscribeRequest request;
  request.id = 1;
  request.filter = "#";
  const auto errand = world.router.begin_subscribe(world.first, request);
  world.router.go_on(*errand, world.router.work() + 30);
  REQUIRE_FALSE(errand->done());
  const auto followed = world.first.followers().size();
  pass_s(world, unused_s);
  CHECK(world.router.topic_count() == followed);  // those that were looked at stay
  world.router.go_on(*errand, UINT64_MAX);
  CHECK(errand->topics() == followed);
}

TEST_CASE("beyond the memory the oldest messages of the largest topic go, and rows stay") {
  World world;
  world.router.memory_max = 2U << 20;
  world.put("small");
  Topic& rows = world.topic("s");
  for (int i = 0; i < 10; ++i) put_large(world, rows, std::to_string(i), 50'000);
  Topic& middle = world.topic("middle");
  for (int i = 0; i < 4; ++i) put_large(world, middle, "", 50'000);
  Topic& large = world.topic("large");
  world.subscribe(world.first, 1, "large");
  for (int i = 0; i < 100; ++i) CHECK(put_large(world, large, "", 50'000).seq != 0);
  CHECK(world.router.memory_bytes() <= world.router.memory_max + 2 * limits::segment_bytes_max);
  CHECK(world.topic("small").log.messages() == 1);
  CHECK(middle.log.messages() == 4);
  CHECK(rows.log.keys() == 10);
  CHECK(large.log.messages() < 30);
  CHECK(large.log.messages() > 5);
  CHECK(large.log.last_seq() == 100);
  CHECK(world.router.memory().evicted_messages == 100 - large.log.messages());
  // Who follows is told which numbers are missing: its place is before the first that is there.
  CHECK(world.follower(world.first, "large").cursor.next_seq < large.log.first_seq());

  // A client's rows are refused once rows have half of it, and make no room before that which is
  // not for them; a source's take what events have. When nothing but rows is left, one that needs
  // more is refused.
  PublishResult result;
  int more = 10;
  const auto fill = [&](Publisher publisher) {
    for (result = {}; result.reason == wire::Reason::none;) {
      result = put_large(world, rows, std::to_string(more++), 50'000, publisher);
      REQUIRE(more < 200);
    }
    CHECK(result.reason == wire::Reason::memory_full);
  };
  fill(client_publisher);
  CHECK(world.router.memory().row_bytes <=
        world.router.memory_max / limits::client_rows_share + 2 * limits::segment_bytes_max);
  CHECK(large.log.messages() > 5);
  CHECK(put_large(world, large, "", 50'000).seq != 0);
  constexpr Publisher source = client_publisher + 1;
  fill(source);
  CHECK(world.router.memory().refused == 2);
  CHECK(rows.log.keys() == static_cast<uint32_t>(more - 2));
  CHECK(large.log.messages() == 0);
  CHECK(put_large(world, rows, "0", 50'000, source).seq != 0);  // no larger than it was
  CHECK(put_large(world, rows, "0", 50'001, source).reason == wire::Reason::memory_full);
  CHECK(world.del("s", "1").seq != 0);
  // The broker's own topics say what is wrong all the same.
  CHECK(put_large(world, world.topic("$SYS/broker"), "", 100).seq != 0);
}

TEST_CASE("a topic that a client made is a source's once that publishes to it") {
  World world;
  world.router.memory_per_peer_max = 1U << 20;
  world.router.client_topics_per_peer_max = 1;
  const auto account = std::make_shared<Account>();
  Topic& topic = *world.router.find_or_make("s/stock", account);
  PublishResult result;
  for (int i = 0; result.reason == wire::Reason::none; ++i) {
    REQUIRE(i < 100);
    result = put_large(world, topic, std::to_string(i), 50'000);
  }
  CHECK(put_large(world, topic, "new", 50'000, client_publisher + 1).seq != 0);
  CHECK(account->log_bytes == 0);
  CHECK(account->topics == 0);
  CHECK(world.router.client_topics() == 0);
  CHECK(world.router.find_or_make("other", account) != nullptr);
}

TEST_CASE("a peer that takes more than its share of the memory loses its own messages, no others") {
  World world;
  world.router.memory_per_peer_max = 1U << 20;
  Topic& other = world.topic("other");
  for (int i = 0; i < 60; ++i) put_large(world, other, "", 50'000);
  const auto account = std::make_shared<Account>();
  for (int i = 0; i < 20; ++i) {
    Topic& topic = *world.router.find_or_make("peer/" + std::to_string(i), account);
    for (int j = 0; j < 20; ++j) CHECK(put_large(world, topic, "", 10'000).seq != 0);
  }
  CHECK(account->log_bytes <= world.router.memory_per_peer_max + 2 * limits::segment_bytes_max);
  CHECK(other.log.messages() == 60);
  Topic& rows = *world.router.find_or_make("s/rows", account);
  PublishResult result;
  for (int i = 0; result.reason == wire::Reason::none; ++i) {
    REQUIRE(i < 100);
    result = put_large(world, rows, std::to_string(i), 50'000);
  }
  CHECK(result.reason == wire::Reason::memory_full);
  CHECK(other.log.messages() == 60);
  CHECK(put_large(world, world.topic("s/others"), "a", 50'000).seq != 0);
}

TEST_CASE("what the logs hold is counted, whatever becomes of them") {
  std::mt19937 random(5);
  World world;
  world.common.keep_bytes = 300'000;
  world.router.memory_max = 1U << 20;
  for (int step = 0; step < 3'000; ++step) {
    const std::string name = (random() % 2 == 0 ? "s/" : "e/") + std::to_string(random() % 5);
    const std::string key = std::to_string(random() % 20);
    if (random() % 4 == 0 && name.starts_with("s")) {
      world.del(name, key);
    } else {
      put_large(world, world.topic(name), key, random() % 9'000);
    }
    if (random() % 100 == 0) pass_s(world, 1);
  }
  uint64_t held = 0;
  world.router.for_each_topic([&](const Topic& topic) {
    CHECK(topic.held_bytes == topic.log.held_bytes());
    held += topic.held_bytes;
    const uint64_t looked_at = topic.log.memory_bytes();
    CHECK(topic.held_bytes <= looked_at + looked_at / 32);
    CHECK(looked_at <= topic.held_bytes + 1'024);
  });
  CHECK(world.router.memory().log_bytes == held);
  CHECK(held <= world.router.memory_max + 2 * limits::segment_bytes_max);
}

TEST_CASE("followers and filters of a peer have half of what all of them have") {
  World world;
  world.router.memory_max = 400'000;
  const auto account = std::make_shared<Account>();
  world.first.follows_for = account;
  uint32_t id = 0;
  SubscribeRequest request;
  wire::Reason reason = wire::Reason::none;
  std::string filter;
  while (reason == wire::Reason::none) {
    request.id = ++id;
    filter = "none/" + std::to_string(id) + "/+";
    request.filter = filter;
    const auto errand = world.router.begin_subscribe(world.first, request);
    world.router.go_on(*errand, UINT64_MAX);
    reason = errand->reason();
    REQUIRE(id < 1'000);
  }
  CHECK(reason == wire::Reason::memory_full);
  CHECK(account->following_bytes <= 50'000 + 1'000);
  CHECK(account->following_bytes > 40'000);
  CHECK(world.router.memory().filter_bytes == account->following_bytes);
  CHECK_FALSE(world.first.has_subscription(id));
  CHECK(world.subscribe(world.second, 1, "t/5") == 0);  // others have theirs
  CHECK(world.second.has_subscription(1));
  world.topic("none/1/x");
  CHECK(world.router.unsubscribe(world.first, 1));
  world.router.remove(world.first);
  CHECK(account->following_bytes == 0);
}

TEST_CASE("clients make no topics while there is no memory for their followers, sources do") {
  World world;
  world.subscribe(world.first, 1, "#");
  world.router.memory_max = 1'000;
  CHECK(world.router.find_or_make("client", std::make_shared<Account>()) == nullptr);
  CHECK(world.router.find_or_make("source") != nullptr);
}

TEST_CASE("rows that are too old go in turns of so many rows") {
  World world;
  world.common.keep_age_us = 1'000'000;
  for (int i = 0; i < 5'000; ++i) world.put("s", std::to_string(i));
  world.clock.advance_ms(2'000);
  world.router.begin_expiring();
  CHECK(world.router.go_on_expiring(1));
  CHECK(world.topic("s").log.keys() == 5'000 - TopicLog::keys_at_once);
  while (world.router.go_on_expiring(1)) {
  }
  CHECK(world.topic("s").log.keys() == 0);
}

TEST_CASE("a subscription for which there is no memory is refused and leaves nothing behind") {
  World world;
  for (int i = 0; i < 200; ++i) world.topic("t/" + std::to_string(i));
  world.router.memory_max = 100'000;
  SubscribeRequest request;
  request.id = 2;
  request.filter = "t/+";
  CHECK(world.subscribe(world.second, 1, "t/5") == 1);
  const auto errand = world.router.begin_subscribe(world.second, request);
  for (int i = 0; !errand->done(); ++i) {
    world.router.go_on(*errand, world.router.work() + 50);
    world.topic("t/born" + std::to_string(i));
    REQUIRE(i < 200);
  }
  CHECK(errand->reason() == wire::Reason::memory_full);
  CHECK_FALSE(world.second.has_subscription(2));
  CHECK(world.second.followers().size() == 1);
  CHECK(world.follower(world.second, "t/5").wanted == 1);
  world.topic("t/born later");
  CHECK(world.second.followers().size() == 1);
  CHECK(world.router.memory().followers == 1);
  world.router.memory_max = limits::memory_max;
  CHECK(world.subscribe(world.second, 2, "t/+") > 200);
}

}  // namespace
}  // namespace btb::test
