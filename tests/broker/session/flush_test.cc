// The flush: who goes first, what a full socket does, and what becomes of those that fall behind.
#include <algorithm>

#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

using wire::From;
using wire::Priority;

// One turn of the broker and one read of the client.
void round(SessionWorld& world, WireClient& client) {
  world.loop.run_once(false);
  client.pump();
}

void fill(SessionWorld& world, WireClient& client) {
  client.reading = false;
  for (int i = 0; i < 5; ++i) round(world, client);
}

size_t count_of(const Lines& lines, std::string_view begin) {
  return static_cast<size_t>(
      std::count_if(lines.begin(), lines.end(),
                    [&](const std::string& line) { return line.starts_with(begin); }));
}

TEST_CASE("frames that a full socket cuts anywhere are completed before anything else") {
  // Control frames, acknowledgements and data are written while bytes of a cut frame are waiting;
  // over TCP those are rarely a multiple of 8.
  for (const bool tcp : {false, true}) {
    CAPTURE(tcp);
    SessionWorld world;
    WireClient& client = tcp ? world.welcomed_over_tcp(4'608, 2'304) : world.welcomed({}, 4'608);
    client.subscribe(1, "e");
    client.open(2, "p", wire::AckLevel::memory);
    REQUIRE(world.settle_until([&] { return world.router.find("p") != nullptr; }));
    const uint32_t number = world.topic("p").number;
    Lines lines;
    for (uint64_t i = 1; i <= 400; ++i) {
      world.put("e", std::string(i % 7, 'k'), std::string(i * 37 % 5'000, 'x'));
      fb::PingT ping;
      ping.token = i;
      client.send(ping);
      client.publish(number, i, "", "y");
      client.read_bytes_max = i * 13 % 997 + 1;
      round(world, client);
    }
    client.read_bytes_max = 65'536;
    REQUIRE(world.settle_until([&] {
      const Lines more = client.take_lines();
      lines.insert(lines.end(), more.begin(), more.end());
      return !client.fault().empty() || count_of(lines, "put ") == 400;
    }));
    CHECK(client.fault().empty());
    CHECK(count_of(lines, "pong ") == 400);
  }
}

TEST_CASE("an alert overtakes a large message in parts") {
  SessionWorld world;
  world.options["bulk"].priority = Priority::bulk;
  world.options["alert"].priority = Priority::alert;
  WireClient& client = world.welcomed({}, 8'192);
  client.subscribe(1, "#");
  world.settle();
  world.put("bulk", "", std::string(2'000'000, 'b'));
  fill(world, client);
  world.put("alert", "", "fire");
  client.reading = true;
  const Lines lines = world.lines(client);
  const auto alert = std::find(lines.begin(), lines.end(), "put 2 1 =fire");
  REQUIRE(alert != lines.end());
  CHECK(alert - lines.begin() < 30);
  CHECK(lines.back() == "put 1 1 =<2000000>");
}

TEST_CASE("no priority is starved by a higher one that always has more, on a slow link") {
  SessionWorld world;
  world.options["alert"].priority = Priority::alert;
  world.options["bulk"].priority = Priority::bulk;
  world.options["background"].priority = Priority::background;
  for (const size_t budget : {size_t{4'096}, size_t{limits::flush_budget_bytes}}) {
    CAPTURE(budget);
    world.sessions.limits.flush_budget_bytes = static_cast<uint32_t>(budget);
    WireClient& client = world.welcomed({}, 4'608);
    client.subscribe(1, "#");
    Lines lines;
    for (int i = 0; i < 2'000; ++i) {
      for (int k = 0; k < 10; ++k) world.put("alert", "", std::string(1'000, 'a'));
      if (i % 4 == 0) world.put("background", "", "slow");
      if (i % 4 == 0) world.put("bulk", "", "large");
      round(world, client);
      const Lines more = client.take_lines();
      lines.insert(lines.end(), more.begin(), more.end());
    }
    const auto number_of = [&](std::string_view name) {
      return "put " + std::to_string(world.topic(name).number) + " ";
    };
    CHECK(count_of(lines, number_of("alert")) > 500);
    CHECK(count_of(lines, number_of("bulk")) > 200);
    CHECK(count_of(lines, number_of("background")) > 200);
    client.close();
    world.settle();
  }
}

TEST_CASE("followers of one priority take turns") {
  SessionWorld world;
  for (const char* name : {"a", "b", "c"}) {
    for (int i = 0; i < 1'000; ++i) world.put(name, "", std::string(500, 'x'));
  }
  world.sessions.limits.flush_budget_bytes = 100'000;
  WireClient& client = world.welcomed();
  client.subscribe(1, "#", From::beginning);
  Lines lines;
  for (int i = 0; i < 6; ++i) {
    round(world, client);
    const Lines more = client.take_lines();
    lines.insert(lines.end(), more.begin(), more.end());
  }
  for (const char* begin : {"put 1", "put 2", "put 3"}) CHECK(count_of(lines, begin) > 50);
}

TEST_CASE("a slow reader of events is told exactly what it missed") {
  SessionWorld world;
  world.options["e"].keep_count = 10;
  WireClient& client = world.welcomed({}, 4'608);
  client.subscribe(1, "e");
  world.settle();
  client.take_lines();
  fill(world, client);
  for (int i = 0; i < 100; ++i) {
    world.put("e", "", std::string(1'000, 'x'));
    if (i % 10 == 0) round(world, client);
  }
  client.reading = true;
  const Lines lines = world.lines(client);
  uint64_t next = 1;
  uint64_t missed = 0;
  for (const std::string& line : lines) {
    unsigned topic = 0;
    unsigned long first = 0;
    unsigned long last = 0;
    if (std::sscanf(line.c_str(), "gap %u %lu %lu overflow", &topic, &first, &last) == 3) {
      CHECK(first == next);
      next = last + 1;
      missed += last + 1 - first;
    } else if (std::sscanf(line.c_str(), "put %u %lu", &topic, &first) == 2) {
      CHECK(first == next);
      ++next;
    }
  }
  CHECK(next == 101);
  CHECK(missed > 0);
  CHECK(world.topic("e").counters.missed == missed);
}

TEST_CASE("where the topic says so, falling behind ends the session with overflow") {
  SessionWorld world;
  world.options["e"].keep_count = 10;
  world.options["e"].overflow = Overflow::disconnect;
  WireClient& quick = world.welcomed();
  WireClient& slow = world.welcomed({}, 4'608);
  for (WireClient* client : {&quick, &slow}) client->subscribe(1, "e");
  world.settle();
  fill(world, slow);
  for (int i = 0; i < 100; ++i) {
    world.put("e", "", std::string(1'000, 'x'));
    round(world, quick);
  }
  slow.reading = true;
  const Lines lines = world.lines(slow);
  REQUIRE(lines.size() >= 2);
  CHECK(lines[lines.size() - 2] == "goodbye overflow");
  CHECK(slow.fault().empty());
  CHECK(world.ended_for(wire::Reason::overflow) == 1);
  CHECK(count_of(world.lines(quick), "put ") == 100);
}

TEST_CASE("one that comes with an old number is told what is missing, not thrown out") {
  // Wherever the socket cuts: the announcement may go out long before the gap.
  for (int sent = 0; sent < 300; ++sent) {
    SessionWorld world;
    world.options["e"].keep_count = 1;
    world.options["e"].overflow = Overflow::disconnect;
    world.options["e"].content = std::string(7'000, 'c');
    for (int i = 0; i < 5; ++i) world.put("e", "", "x");
    WireClient& client = world.welcomed({}, 4'608);
    client.subscribe(1, "f", From::beginning);
    world.put("f", "", std::string(static_cast<size_t>(sent) * 8, 'f'));
    client.subscribe(2, "e", From::seq, 1);
    client.reading = false;
    for (int i = 0; i < 4; ++i) round(world, client);
    client.reading = true;
    const Lines lines = world.lines(client);
    REQUIRE(client.fault().empty());
    const uint32_t number = world.topic("e").number;
    REQUIRE(lines.back() == "put " + std::to_string(number) + " 5 =x");
    REQUIRE(lines[lines.size() - 2] == "gap " + std::to_string(number) + " 1 4 retention");
  }
}

TEST_CASE("a slow reader of a state topic skips what was replaced, and converges") {
  SessionWorld world;
  WireClient& client = world.welcomed({}, 4'608);
  client.subscribe(1, "s");
  world.settle();
  world.put("s", "k0", "begin");
  REQUIRE(world.lines(client).back() == "snapshot_end 1 1 1");
  client.reading = false;
  const std::string payload(500, 'x');
  for (int i = 0; i < 1'000; ++i) {
    world.put("s", "k" + std::to_string(i % 5), payload);
    if (i % 10 == 0) round(world, client);
  }
  world.put("s", "k1", "end");
  world.del("s", "k2");
  client.reading = true;
  std::map<std::string, std::string> table;
  client.on_message = [&](const ReceivedMessage& message) {
    if (message.deletion) {
      table.erase(message.key);
    } else {
      table[message.key] = message.payload;
    }
  };
  const Lines lines = world.lines(client);
  CHECK(lines.size() < 30);
  CHECK(lines.back() == "position 1 " + std::to_string(world.topic("s").log.last_seq()));
  CHECK(table.size() == 4);
  CHECK(table["k1"] == "end");
  CHECK(table["k0"] == payload);
}

TEST_CASE("one that is slower than deletions are remembered starts over while connected") {
  SessionWorld world;
  world.options["s"] = SessionWorld::state_options();
  world.options["s"].deletions_kept = 2;
  WireClient& client = world.welcomed({}, 4'608);
  client.subscribe(1, "s");
  client.subscribe(2, "e");
  world.settle();
  for (const char* key : {"a", "b", "c", "d"}) world.put("s", key, "1");
  REQUIRE(world.lines(client).back() == "snapshot_end 1 4 4");
  client.reading = false;
  for (int i = 0; i < 50; ++i) world.put("e", "", std::string(1'000, 'x'));
  for (int i = 0; i < 3; ++i) round(world, client);
  for (const char* key : {"a", "b", "c"}) world.del("s", key);
  client.reading = true;
  const Lines lines = world.lines(client);
  const auto refetch = std::find(lines.begin(), lines.end(), "must_refetch 1 deletions_forgotten");
  REQUIRE(refetch != lines.end());
  CHECK(std::find(refetch, lines.end(), "snapshot_begin 1 7 1") != lines.end());
  CHECK(std::find(refetch, lines.end(), "put 1 4 d=1") != lines.end());
  CHECK(std::find(refetch, lines.end(), "snapshot_end 1 7 1") != lines.end());
}

TEST_CASE("a new priority holds for what is waiting already") {
  SessionWorld world;
  WireClient& client = world.welcomed({}, 4'608);
  client.subscribe(1, "+", From::beginning);
  for (int i = 0; i < 100; ++i) world.put("a", "", std::string(1'000, 'x'));
  fill(world, client);
  world.put("b", "", "late");
  world.router.mark();
  world.router.refresh_options([&](std::string_view name, Publisher) {
    TopicOptions options;
    options.priority = name == "b" ? Priority::alert : Priority::background;
    return std::make_shared<TopicOptions>(options);
  });
  client.reading = true;
  const Lines lines = world.lines(client);
  const auto late = std::find(lines.begin(), lines.end(), "put 2 1 =late");
  REQUIRE(late != lines.end());
  CHECK(late - lines.begin() < 40);
  CHECK(count_of(lines, "put 1") == 100);
}

}  // namespace
}  // namespace btb::test
