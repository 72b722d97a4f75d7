// What a peer may take with all its sessions, and what is told of topics that are gone.
#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

SessionTraits from_peer(std::string origin) {
  SessionTraits traits;
  traits.origin = std::move(origin);
  return traits;
}

TEST_CASE("the topics of a peer are counted over its sessions, also when those have ended") {
  SessionWorld world;
  world.router.client_topics_per_peer_max = 3;
  WireClient& first = world.welcomed(from_peer("a"));
  first.open(1, "a/1");
  first.open(2, "a/2");
  REQUIRE(world.lines(first).size() == 2);
  first.goodbye();
  world.settle();
  WireClient& second = world.welcomed(from_peer("a"));
  second.open(1, "a/3");
  second.open(2, "a/4");
  CHECK(world.lines(second) == Lines{"opened 1 none 3 0", "opened 2 too_many_topics 0 0"});
  WireClient& other = world.welcomed(from_peer("b"));
  other.open(1, "b/1");
  CHECK(world.lines(other) == Lines{"opened 1 none 4 0"});
  for (uint64_t ms = 0; ms <= limits::topic_unused_ms + 2'000; ms += 1'000) {
    world.pass_ms(1'000);
    world.router.expire();
  }
  CHECK(world.router.topic_count() == 2);
  second.open(3, "a/5");
  CHECK(world.lines(second).back().starts_with("opened 3 none"));
}

TEST_CASE("who comes back with the number of a topic that is gone is told so") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.subscribe(1, "s");
  world.settle();
  world.put("s", "row", "1");
  REQUIRE(world.lines(client).back() == "snapshot_end 1 1 1");
  client.goodbye();
  world.settle();
  world.del("s", "row");
  for (uint64_t ms = 0; ms <= limits::topic_unused_ms + 2'000; ms += 1'000) {
    world.pass_ms(1'000);
    world.router.expire();
  }
  REQUIRE(world.router.find("s") == nullptr);
  world.put("s", "new", "2");
  WireClient& back = world.welcomed();
  back.resume(1, "s", SessionWorld::epoch, {fb::Mark(1, 0, 1), fb::Mark(77, 0, 5)});
  CHECK(world.lines(back) == Lines{"subscribed 1 none 1", "must_refetch 1 topic_gone",
                                   "topic 2 s state 0", "snapshot_begin 2 1 1", "put 2 1 new=2",
                                   "snapshot_end 2 1 1"});
}

// Topics that are gone: their numbers are 1 to `count`.
void let_topics_go(SessionWorld& world, uint32_t count) {
  for (uint32_t i = 1; i <= count; ++i) world.topic("t/" + std::to_string(i));
  for (uint64_t ms = 0; ms <= limits::topic_unused_ms + 2'000; ms += 1'000) {
    world.pass_ms(1'000);
    world.router.expire();
  }
  REQUIRE(world.router.topic_count() == 0);
}

// `each` says the number of a position, counted from 0.
void resume_in_frames(WireClient& client, uint32_t count,
                      const std::function<uint32_t(uint32_t)>& each) {
  for (uint32_t i = 0; i < count;) {
    fb::SubscribeT frame;
    frame.id = 1;
    frame.filter = "t/#";
    frame.from = wire::From::resume;
    frame.epoch = SessionWorld::epoch;
    for (; i < count && frame.positions.size() < 4'000; ++i) {
      frame.positions.emplace_back(each(i), 0, 1);
    }
    frame.more = i < count;
    client.send(frame);
  }
}

TEST_CASE("a topic that is gone is told once for a frame, however often the frame names it") {
  SessionWorld world;
  let_topics_go(world, 2);
  WireClient& client = world.welcomed();
  resume_in_frames(client, 12'000, [](uint32_t i) { return 1 + i % 2; });
  Lines lines = world.lines(client);
  REQUIRE_FALSE(lines.empty());
  CHECK(lines.front() == "subscribed 1 none 0");
  CHECK(lines.size() == 1 + 3 * 2);
}

TEST_CASE("topics that are gone are told in pieces, as fast as the client reads") {
  constexpr uint32_t count = 20'000;
  SessionWorld world;
  let_topics_go(world, count);
  WireClient& client = world.welcomed({}, 4'096);
  WireClient& other = world.welcomed();
  const auto buffer_bytes = [&] {
    size_t bytes = 0;
    world.sessions.for_each([&](const Session& session) { bytes += session.buffer_bytes(); });
    return bytes;
  };
  client.reading = false;
  resume_in_frames(client, count, [](uint32_t i) { return 1 + i; });
  client.send(fb::PingT());
  const uint64_t before = world.router.work();
  world.settle();  // so it comes to rest while somebody does not read
  CHECK(buffer_bytes() < 4 * limits::told_gone_bytes_max);
  CHECK(world.ended_for(wire::Reason::control_overflow) == 0);
  other.send(fb::PingT());
  CHECK(world.lines(other) == Lines{"pong 0"});

  SUBCASE("and a client that reads slowly gets them all, and is not taken for a silent one") {
    client.reading = true;
    client.read_bytes_max = 20'000;
    for (int i = 0; i < 100; ++i) {
      world.clock.advance_ms(5'000);
      world.sessions.tick();
      world.loop.run_once(false);
      client.pump();
      other.send(fb::PongT());
      other.pump();
    }
    const Lines lines = world.lines(client);
    CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
            return line.starts_with("must_refetch");
          }) == count);
    CHECK(std::count(lines.begin(), lines.end(), "pong 0") == 1);
    CHECK(world.router.work() - before > count);  // it is charged
  }
  SUBCASE("and one that reads nothing for longer than agreed is ended") {
    for (int i = 0; i < 100; ++i) {
      other.send(fb::PongT());
      world.pass_ms(1'000);
    }
    CHECK(world.ended_for(wire::Reason::keep_alive_timeout) == 1);
  }
}

TEST_CASE("messages whose parts have not all come are bounded for all sessions, and for a peer") {
  SessionWorld world;
  world.sessions.unfinished().bytes_max = 100'000;
  const auto begin = [&](const char* peer) {
    WireClient& client = world.welcomed(from_peer(peer));
    client.open(1, "e/" + std::to_string(world.clients.size()));
    world.settle();
    (void)client.take_lines();
    const auto number = static_cast<uint32_t>(world.router.topic_count());
    client.publish_part(number, 1, 40'000, 4'000, true);
    const Lines lines = world.lines(client);
    return lines.empty() ? "begun"
                         : lines.back().substr(0, lines.back().rfind(' ')).substr(0, 6) +
                               lines.back().substr(lines.back().rfind(' '));
  };
  CHECK(begin("a") == "begun");
  CHECK(begin("a") == "reject memory_full");
  CHECK(begin("b") == "begun");
  CHECK(begin("c") == "reject memory_full");
  CHECK(world.sessions.unfinished().bytes == 80'000);
  for (const auto& client : world.clients) client->goodbye();
  world.settle();
  CHECK(world.sessions.unfinished().bytes == 0);
  CHECK(begin("a") == "begun");
}

TEST_CASE("a message of which no part comes for ten seconds makes room for another, and is told") {
  SessionWorld world;
  world.sessions.unfinished().bytes_max = 100'000;
  const auto open = [&](const char* peer) -> WireClient& {
    WireClient& client = world.welcomed(from_peer(peer));
    client.open(1, "e/" + std::to_string(world.clients.size()));
    world.settle();
    (void)client.take_lines();
    return client;
  };
  WireClient& stands = open("a");    // topic 1
  WireClient& moves = open("b");     // topic 2
  WireClient& honest = open("c");    // topic 3
  WireClient& neighbor = open("b");  // topic 4
  stands.publish_part(1, 1, 40'000, 4'000, true);
  moves.publish_part(2, 1, 40'000, 4'000, true);
  world.settle();
  world.pass_ms(9'000);
  moves.publish_part(2, 1, 40'000, 4'000, true);
  honest.publish_part(3, 1, 40'000, 4'000, true);
  CHECK(world.lines(honest) == Lines{"reject 3 1 memory_full"});
  world.pass_ms(1'000);
  neighbor.publish_part(4, 1, 40'000, 4'000, true);  // its own peer has no room, and moves
  CHECK(world.lines(neighbor) == Lines{"reject 4 1 memory_full"});
  CHECK(world.lines(stands).empty());
  honest.publish_part(3, 2, 40'000, 4'000, true);
  CHECK(world.lines(honest).empty());
  CHECK(world.lines(stands) == Lines{"reject 1 1 memory_full"});
  CHECK(world.lines(moves).empty());
  CHECK(world.sessions.unfinished().bytes == 80'000);
  stands.publish_part(1, 1, 40'000, 4'000, true);  // swallowed
  stands.publish_part(1, 1, 40'000, 4'000, false);
  stands.publish(1, 2, "", "goes on");
  CHECK(world.lines(stands).empty());
  CHECK(world.topic("e/1").log.last_seq() == 1);
  for (const auto& client : world.clients) client->goodbye();
  world.settle();
  CHECK(world.sessions.unfinished().bytes == 0);
  CHECK(world.sessions.unfinished().begun.empty());
}

TEST_CASE("a subscription for which there is no memory is answered so") {
  SessionWorld world;
  for (int i = 0; i < 100; ++i) world.topic("t/" + std::to_string(i));
  world.router.memory_max = 10'000;
  WireClient& client = world.welcomed();
  client.subscribe(1, "t/#");
  CHECK(world.lines(client) == Lines{"subscribed 1 memory_full 0"});
  client.subscribe(2, "t/7");
  CHECK(world.lines(client) == Lines{"subscribed 2 none 1", "topic 8 t/7 events 0"});
}

}  // namespace
}  // namespace btb::test
