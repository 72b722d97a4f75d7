// Subscriptions: their answers, snapshots and changes, coming back, what is missing.
#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

using wire::From;

TEST_CASE("a subscription is refused with the reason for it, and the session goes on") {
  SessionWorld world;
  world.sessions.limits.subscriptions_per_session = 2;
  WireClient& client = world.welcomed();
  client.subscribe(1, "a//b");
  client.subscribe(2, "a/#/b");
  client.subscribe(3, "");
  client.subscribe(4, "\xFF");
  CHECK(world.lines(client) == Lines{"subscribed 1 name_invalid 0", "subscribed 2 name_invalid 0",
                                     "subscribed 3 name_invalid 0", "subscribed 4 name_invalid 0"});
  client.subscribe(0, "a");
  client.subscribe(1, "a");
  client.subscribe(1, "b");
  client.subscribe(2, "b");
  client.subscribe(3, "c");
  CHECK(world.lines(client) == Lines{"subscribed 0 id_in_use 0", "subscribed 1 none 0",
                                     "subscribed 1 id_in_use 0", "subscribed 2 none 0",
                                     "subscribed 3 too_many_subscriptions 0"});
}

TEST_CASE("the answer to a filter that matches nothing names what is near, but not without end") {
  SessionWorld world;
  world.topic("ward/3A/beds");
  WireClient& client = world.welcomed();
  const auto hint = [&](uint32_t id, const std::string& filter) {
    client.subscribe(id, filter);
    CHECK(world.lines(client) == Lines{"subscribed " + std::to_string(id) + " none 0"});
    return client.hint;
  };
  CHECK(hint(1, "ward/3A/bed") == "did you mean ward/3A/beds?");
  CHECK(hint(2, "temperature").empty());
  for (uint32_t id = 3; id <= limits::hints_per_session_max; ++id) {
    CHECK_FALSE(hint(id, "wrad/#").empty());
  }
  CHECK(hint(limits::hints_per_session_max + 1, "wrad/#").empty());
}

TEST_CASE("a state topic begins with its living rows between begin and end, then come changes") {
  SessionWorld world;
  world.put("s", "a", "1");
  world.put("s", "b", "2");
  world.put("s", "a", "3");
  world.del("s", "b");
  world.put("s", "c", "4");
  WireClient& client = world.welcomed();
  client.subscribe(1, "s");
  CHECK(world.lines(client) == Lines{"subscribed 1 none 1", "topic 1 s state 0",
                                     "snapshot_begin 1 5 2", "put 1 3 a=3", "put 1 5 c=4",
                                     "snapshot_end 1 5 2"});
  world.put("s", "a", "5");
  world.del("s", "c");
  CHECK(world.lines(client) == Lines{"put 1 6 a=5", "del 1 7 c"});
}

TEST_CASE("an empty state topic has an empty snapshot") {
  SessionWorld world;
  world.topic("s");
  WireClient& client = world.welcomed();
  client.subscribe(1, "#");
  CHECK(world.lines(client) == Lines{"subscribed 1 none 1", "topic 1 s state 0",
                                     "snapshot_begin 1 0 0", "snapshot_end 1 0 0"});
}

TEST_CASE("without a snapshot a state topic begins with what changes from now on") {
  SessionWorld world;
  world.put("s", "a", "1");
  WireClient& client = world.welcomed();
  fb::SubscribeT subscribe;
  subscribe.id = 1;
  subscribe.filter = "s";
  subscribe.no_snapshot = true;
  client.send(subscribe);
  CHECK(world.lines(client) == Lines{"subscribed 1 none 1", "topic 1 s state 1"});
  world.put("s", "a", "2");
  CHECK(world.lines(client) == Lines{"put 1 2 a=2"});
}

TEST_CASE("an events topic begins where the subscription says") {
  SessionWorld world;
  for (int i = 1; i <= 5; ++i) {
    world.put("e", "", std::to_string(i));
    world.clock.advance_ms(1'000);
  }
  const auto begins = [&](From from, int64_t value) {
    WireClient& client = world.welcomed();
    client.subscribe(1, "e", from, value);
    Lines lines = world.lines(client);
    lines.erase(lines.begin());
    return lines;
  };
  CHECK(begins(From::latest, 0) == Lines{"topic 1 e events 5"});
  CHECK(begins(From::seq, 5) == Lines{"topic 1 e events 4", "put 1 5 =5"});
  CHECK(begins(From::last, 2) == Lines{"topic 1 e events 3", "put 1 4 =4", "put 1 5 =5"});
  CHECK(begins(From::time, world.clock.now_us() - 1'500'000) ==
        Lines{"topic 1 e events 4", "put 1 5 =5"});
  CHECK(begins(From::beginning, 0).size() == 6);
  CHECK(begins(From::last, 99).size() == 6);
  CHECK(begins(From::seq, 99) == Lines{"topic 1 e events 5"});
  CHECK(begins(From::last, 0) == Lines{"topic 1 e events 5"});
}

TEST_CASE("a client knows when it has what a state topic had, wherever it asked to begin") {
  SessionWorld world;
  for (const char* key : {"a", "b", "a", "c"}) world.put("s", key, "x");
  const auto begins = [&](From from, int64_t value) {
    WireClient& client = world.welcomed();
    client.subscribe(1, "s", from, value);
    Lines lines = world.lines(client);
    lines.erase(lines.begin());
    return lines;
  };
  // The last message lives: it is the sign; position may come as well.
  CHECK(begins(From::seq, 4) == Lines{"topic 1 s state 3", "put 1 4 c=x"});
  CHECK(begins(From::seq, 5) == Lines{"topic 1 s state 4"});
  // It was a deletion: that comes.
  world.del("s", "c");
  CHECK(begins(From::seq, 5) == Lines{"topic 1 s state 4", "del 1 5 c"});
  CHECK(begins(From::seq, 1).back() == "position 1 5");
}

TEST_CASE("a subscription that begins nowhere this broker knows is refused") {
  SessionWorld world;
  world.put("e", "", "1");
  WireClient& client = world.welcomed();
  client.subscribe(1, "e", static_cast<From>(200));
  CHECK(world.lines(client) == Lines{"subscribed 1 not_allowed 0"});
}

TEST_CASE("a topic that is born later is announced with its first message") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.subscribe(1, "a/+");
  client.subscribe(2, "a/#");
  CHECK(world.lines(client) == Lines{"subscribed 1 none 0", "subscribed 2 none 0"});
  world.put("a/x", "", "1");
  world.put("b/x", "", "1");
  CHECK(world.lines(client) == Lines{"topic 1 a/x events 0", "put 1 1 =1"});
}

TEST_CASE("a state topic that is born later comes with a snapshot of what it holds by then") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.subscribe(1, "+");
  CHECK(world.lines(client) == Lines{"subscribed 1 none 0"});
  world.put("s", "a", "1");
  CHECK(world.lines(client) ==
        Lines{"topic 1 s state 0", "snapshot_begin 1 1 1", "put 1 1 a=1", "snapshot_end 1 1 1"});
  world.put("s", "a", "2");
  CHECK(world.lines(client) == Lines{"put 1 2 a=2"});
}

TEST_CASE("a topic that two subscriptions match is sent once, until neither is left") {
  SessionWorld world;
  world.topic("a");
  WireClient& client = world.welcomed();
  client.subscribe(1, "a");
  client.subscribe(2, "+");
  CHECK(world.lines(client) ==
        Lines{"subscribed 1 none 1", "subscribed 2 none 1", "topic 1 a events 0"});
  world.put("a", "", "1");
  CHECK(world.lines(client) == Lines{"put 1 1 =1"});
  client.unsubscribe(1);
  CHECK(world.lines(client) == Lines{"unsubscribed 1 none"});
  world.put("a", "", "2");
  CHECK(world.lines(client) == Lines{"put 1 2 =2"});
  client.unsubscribe(2);
  CHECK(world.lines(client) == Lines{"unsubscribed 2 none"});
  world.put("a", "", "3");
  CHECK(world.lines(client).empty());
}

TEST_CASE("after the answer to unsubscribe nothing more comes of its topics") {
  SessionWorld world;
  const std::string payload(3000, 'x');
  for (int i = 0; i < 100; ++i) world.put("e", "", payload);
  WireClient& client = world.welcomed({}, 4096);
  client.subscribe(1, "e", From::beginning);
  for (int i = 0; i < 5; ++i) {
    world.loop.run_once(false);
    client.pump();
  }
  client.unsubscribe(1);
  const Lines lines = world.lines(client);
  CHECK(lines.back() == "unsubscribed 1 none");
  CHECK(lines.size() < 100);
  CHECK(client.fault().empty());
  client.unsubscribe(1);
  CHECK(world.lines(client) == Lines{"unsubscribed 1 id_unknown"});
}

TEST_CASE("coming back brings what changed since, deletions too, and says when that is all") {
  SessionWorld world;
  world.put("s", "a", "1");
  world.put("s", "b", "2");
  world.put("e", "", "1");
  world.put("s", "c", "3");
  world.put("e", "", "2");
  world.del("s", "b");
  WireClient& client = world.welcomed();
  client.resume(1, "#", SessionWorld::epoch, {{1, 0, 2}, {2, 0, 1}});
  CHECK(world.lines(client) == Lines{"subscribed 1 none 2", "topic 2 e events 1", "put 2 2 =2",
                                     "topic 1 s state 2", "snapshot_begin 1 4 2", "put 1 3 c=3",
                                     "del 1 4 b", "snapshot_end 1 4 2"});
}

TEST_CASE("coming back to a topic that was born since begins at its start") {
  SessionWorld world;
  world.put("e", "", "1");
  world.put("s", "a", "1");
  WireClient& client = world.welcomed();
  client.resume(1, "#", SessionWorld::epoch, {});
  CHECK(world.lines(client) == Lines{"subscribed 1 none 2", "topic 1 e events 0", "put 1 1 =1",
                                     "topic 2 s state 0", "snapshot_begin 2 1 1", "put 2 1 a=1",
                                     "snapshot_end 2 1 1"});
}

TEST_CASE("the positions of a resumption may come in several frames") {
  SessionWorld world;
  world.put("e", "", "1");
  world.put("f", "", "1");
  WireClient& client = world.welcomed();
  fb::SubscribeT subscribe;
  subscribe.id = 1;
  subscribe.filter = "#";
  subscribe.from = From::resume;
  subscribe.epoch = SessionWorld::epoch;
  subscribe.more = true;
  subscribe.positions = {{1, 0, 1}};
  client.send(subscribe);
  CHECK(world.lines(client).empty());
  subscribe.more = false;
  subscribe.positions = {{2, 0, 1}};
  client.send(subscribe);
  CHECK(world.lines(client) ==
        Lines{"subscribed 1 none 2", "topic 1 e events 1", "topic 2 f events 1"});
}

TEST_CASE("a subscription that another one cuts before its last frame is answered as well") {
  SessionWorld world;
  world.put("e", "", "1");
  WireClient& client = world.welcomed();
  fb::SubscribeT subscribe;
  subscribe.filter = "#";
  subscribe.more = true;
  for (subscribe.id = 1; subscribe.id <= 2; ++subscribe.id) client.send(subscribe);
  CHECK(world.lines(client) == Lines{"subscribed 1 part_out_of_order 0"});
  client.subscribe(3, "e");
  CHECK(world.lines(client) ==
        Lines{"subscribed 2 part_out_of_order 0", "subscribed 3 none 1", "topic 1 e events 1"});
}

TEST_CASE("what was received from another run of the broker is void") {
  SessionWorld world;
  world.put("e", "", "1");
  world.put("s", "a", "1");
  WireClient& client = world.welcomed();
  client.resume(1, "#", SessionWorld::epoch + 1, {{1, 0, 1}, {2, 0, 1}});
  CHECK(world.lines(client) == Lines{"subscribed 1 none 2", "topic 1 e events 0",
                                     "must_refetch 1 epoch_changed", "put 1 1 =1",
                                     "topic 2 s state 0", "must_refetch 2 epoch_changed",
                                     "snapshot_begin 2 1 1", "put 2 1 a=1", "snapshot_end 2 1 1"});
}

TEST_CASE("what is void and has nothing to follow it is ended by a position") {
  SessionWorld world;
  world.options["e"].keep_age_us = 1'000'000;
  world.put("e", "", "1");
  world.clock.advance_ms(2'000);
  world.router.expire();
  WireClient& client = world.welcomed();
  client.resume(1, "e", SessionWorld::epoch + 1, {{1, 0, 1}});
  CHECK(world.lines(client) == Lines{"subscribed 1 none 1", "topic 1 e events 1",
                                     "must_refetch 1 epoch_changed", "position 1 1"});
}

TEST_CASE("who was away while more deletions came than are remembered must start over") {
  SessionWorld world;
  world.options["s"] = SessionWorld::state_options();
  world.options["s"].deletions_kept = 1;
  for (const char* key : {"a", "b", "c"}) world.put("s", key, "1");
  world.del("s", "a");
  world.del("s", "b");
  WireClient& late = world.welcomed();
  late.resume(1, "s", SessionWorld::epoch, {{1, 0, 3}});
  CHECK(world.lines(late) == Lines{"subscribed 1 none 1", "topic 1 s state 0",
                                   "must_refetch 1 deletions_forgotten", "snapshot_begin 1 5 1",
                                   "put 1 3 c=1", "snapshot_end 1 5 1"});
  WireClient& near = world.welcomed();
  near.resume(1, "s", SessionWorld::epoch, {{1, 0, 4}});
  CHECK(world.lines(near) == Lines{"subscribed 1 none 1", "topic 1 s state 4",
                                   "snapshot_begin 1 5 1", "del 1 5 b", "snapshot_end 1 5 1"});
}

TEST_CASE("an old number of an events topic is answered with what is missing, and why") {
  SessionWorld world;
  world.options["e"].keep_count = 3;
  for (int i = 1; i <= 10; ++i) world.put("e", "", std::to_string(i));
  WireClient& client = world.welcomed();
  client.subscribe(1, "e", From::seq, 2);
  CHECK(world.lines(client) == Lines{"subscribed 1 none 1", "topic 1 e events 1",
                                     "gap 1 2 7 retention", "put 1 8 =8", "put 1 9 =9",
                                     "put 1 10 =10"});
  WireClient& all = world.welcomed();
  all.subscribe(1, "e", From::beginning);
  CHECK(world.lines(all).size() == 5);
  CHECK(world.topic("e").counters.missed == 6);
}

TEST_CASE("an events topic that lost everything by age says so to one that comes back") {
  SessionWorld world;
  world.options["e"].keep_age_us = 1'000'000;
  for (int i = 1; i <= 3; ++i) world.put("e", "", "x");
  world.clock.advance_ms(2'000);
  world.router.expire();
  WireClient& client = world.welcomed();
  client.resume(1, "e", SessionWorld::epoch, {{1, 0, 1}});
  CHECK(world.lines(client) ==
        Lines{"subscribed 1 none 1", "topic 1 e events 1", "gap 1 2 3 retention"});
}

TEST_CASE("rows that were not renewed are deleted, and subscribers hear of it") {
  SessionWorld world;
  world.options["s"] = SessionWorld::state_options();
  world.options["s"].keep_age_us = 1'000'000;
  world.put("s", "a", "1");
  world.clock.advance_ms(700);
  world.put("s", "b", "1");
  WireClient& client = world.welcomed();
  client.subscribe(1, "s");
  REQUIRE(world.lines(client).size() == 6);
  world.clock.advance_ms(700);
  world.router.expire();
  CHECK(world.lines(client) == Lines{"del 1 3 a"});
}

TEST_CASE("a snapshot does not end, and no position comes, inside an open batch") {
  SessionWorld world;
  world.put("s", "a", "1", true);
  WireClient& client = world.welcomed();
  client.subscribe(1, "s");
  CHECK(world.lines(client) ==
        Lines{"subscribed 1 none 1", "topic 1 s state 0", "snapshot_begin 1 1 1", "put 1 1 a=1 +"});
  world.put("s", "b", "2", false);
  CHECK(world.lines(client) == Lines{"put 1 2 b=2", "snapshot_end 1 2 2"});
  world.put("s", "a", "3", true);
  world.put("s", "a", "4", true);
  CHECK(world.lines(client) == Lines{"put 1 4 a=4 +"});
  world.router.close_batch(world.topic("s"));
  CHECK(world.lines(client) == Lines{"position 1 4"});
}

TEST_CASE("a batch that ends without a message of its own ends with a position") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.subscribe(1, "e");
  world.settle();
  world.put("e", "", "1", true);
  REQUIRE(world.lines(client).back() == "put 1 1 =1 +");
  world.router.close_batch(world.topic("e"));
  CHECK(world.lines(client) == Lines{"position 1 1"});
  world.router.close_batch(world.topic("e"));
  CHECK(world.lines(client).empty());
  WireClient& late = world.welcomed();
  late.subscribe(1, "e", From::beginning);
  CHECK(world.lines(late) ==
        Lines{"subscribed 1 none 1", "topic 1 e events 0", "put 1 1 =1 +", "position 1 1"});
}

TEST_CASE("one that comes when a batch is over hears nothing of it") {
  SessionWorld world;
  world.put("e", "", "1", true);
  world.router.close_batch(world.topic("e"));
  WireClient& client = world.welcomed();
  client.subscribe(1, "e");
  CHECK(world.lines(client) == Lines{"subscribed 1 none 1", "topic 1 e events 1"});
}

TEST_CASE("a batch whose last message is refused ends all the same") {
  SessionWorld world;
  world.options["s"] = SessionWorld::state_options();
  world.options["s"].keys_max = 1;
  WireClient& client = world.welcomed();
  client.subscribe(1, "s");
  world.put("s", "a", "1", true);
  world.settle();
  client.take_lines();
  CHECK(world.put("s", "b", "1", false).reason == wire::Reason::topic_full);
  CHECK(world.lines(client) == Lines{"snapshot_end 1 1 1"});
}

}  // namespace
}  // namespace btb::test
