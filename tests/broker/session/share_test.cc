// What one session may take: of a turn with its requests, of the memory with what it does not read.
#include <algorithm>

#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

// Of topics t/N/a/b/c/d/e/f: different ones match all of them.
std::string overlapping_filter(uint32_t number) {
  std::string filter = "t/+";
  for (int level = 0; level < 6; ++level) {
    filter +=
        (number >> level & 1U) != 0 ? "/+" : "/" + std::string(1, static_cast<char>('a' + level));
  }
  return filter;
}

void make_topics(SessionWorld& world, int count) {
  for (int i = 0; i < count; ++i) world.topic("t/" + std::to_string(i) + "/a/b/c/d/e/f");
}

// A client that asks for much at once: each subscription is half of what a turn is for.
struct MuchAsked {
  static constexpr uint32_t subscriptions = 40;

  explicit MuchAsked(int send_buffer_bytes = 0) : client(world.welcomed({}, send_buffer_bytes)) {
    make_topics(world, 500);
    world.sessions.limits.request_work = world.sessions.limits.turn_work = 1'000;
    for (uint32_t i = 1; i <= subscriptions; ++i) client.subscribe(i, overlapping_filter(i));
  }
  // The broker reads what was asked and does the first of it.
  void begin() {
    client.pump();
    world.loop.run_once(false);
  }
  SessionWorld world;
  WireClient& other = world.welcomed();
  WireClient& client;
};

size_t buffer_bytes(SessionWorld& world) {
  size_t bytes = 0;
  world.sessions.for_each([&](const Session& session) { bytes += session.buffer_bytes(); });
  return bytes;
}

TEST_CASE("requests that are much work are spread over turns, and answered in their order") {
  MuchAsked much;
  much.client.send(fb::PingT());
  Lines answers;
  size_t most_in_a_turn = 0;
  for (int turn = 0; turn < 100; ++turn) {
    much.begin();
    const size_t before = answers.size();
    for (const std::string& line : much.client.take_lines()) {
      if (!line.starts_with("topic")) answers.push_back(line);
    }
    most_in_a_turn = std::max(most_in_a_turn, answers.size() - before);
  }
  REQUIRE(answers.size() == MuchAsked::subscriptions + 1);
  for (uint32_t i = 0; i < MuchAsked::subscriptions; ++i) {
    CHECK(answers[i] == "subscribed " + std::to_string(i + 1) + " none 500");
  }
  CHECK(answers.back() == "pong 0");
  CHECK(most_in_a_turn <= 4);
  much.client.send(fb::PingT());
  CHECK(much.world.lines(much.client) == Lines{"pong 0"});
}

TEST_CASE("while the requests of one client wait, the others are served") {
  MuchAsked much;
  much.client.send(fb::PingT());
  much.begin();
  much.other.send(fb::PingT());
  for (int turn = 0; turn < 3; ++turn) {
    much.other.pump();
    much.world.loop.run_once(false);
  }
  much.other.pump();
  CHECK(much.other.take_lines() == Lines{"pong 0"});
  much.client.pump();
  Lines lines = much.client.take_lines();
  CHECK(std::find(lines.begin(), lines.end(), "pong 0") == lines.end());
  lines = much.world.lines(much.client);
  CHECK(std::find(lines.begin(), lines.end(), "pong 0") != lines.end());
}

TEST_CASE("taking subscriptions back, and opening what many follow, are work as well") {
  SessionWorld world;
  make_topics(world, 500);
  for (int i = 0; i < 20; ++i) world.welcomed().subscribe(1, "u/+");
  WireClient& client = world.welcomed();
  const auto answered_in_a_turn = [&](std::string_view answer) {
    client.pump();
    world.loop.run_once(false);
    world.loop.run_once(false);
    client.pump();
    const Lines lines = client.take_lines();
    world.settle();
    (void)client.take_lines();
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.starts_with(answer); });
  };
  for (uint32_t i = 1; i <= 20; ++i) client.subscribe(i, overlapping_filter(i));
  world.settle();
  (void)client.take_lines();
  world.sessions.limits.request_work = world.sessions.limits.turn_work = 1'100;
  for (uint32_t i = 1; i <= 20; ++i) client.unsubscribe(i);
  CHECK(answered_in_a_turn("unsubscribed") <= 4);
  world.sessions.limits.request_work = world.sessions.limits.turn_work = 60;
  for (uint32_t i = 1; i <= 20; ++i) client.open(i, "u/" + std::to_string(i));
  CHECK(answered_in_a_turn("opened") <= 3);
}

// A crowd that does its worst, and one who is to feel nothing of it.
struct Crowd {
  explicit Crowd(int topics) {
    make_topics(world, topics);
    healthy.subscribe(1, "e");
    world.topic("e");
    REQUIRE(world.lines(healthy).back().starts_with("topic "));
  }
  void connect(int count) {
    for (int i = 0; i < count; ++i) members.push_back(&world.welcomed());
  }
  // One turn of the loop, with a message for the healthy one in it that has to come at once.
  // Returns the work that was done for requests.
  uint64_t turn() {
    for (WireClient* member : members) {
      member->pump();
      (void)member->take_lines();
    }
    const uint64_t before = world.router.work();
    world.put("e", "", "m");
    world.loop.run_once(false);
    healthy.pump();
    REQUIRE(healthy.take_lines().size() == 1);
    return world.router.work() - before;
  }
  SessionWorld world;
  WireClient& healthy = world.welcomed();
  std::vector<WireClient*> members;
};

// No more than the share of all, one helping that was begun at its end, and what each whole request
// costs whatever it asks for.
uint64_t turn_work_max() {
  return limits::turn_work + limits::request_work_per_turn + 100;
}

TEST_CASE("a hundred clients with thousands of overlapping filters cost each turn a share only") {
  Crowd crowd(300);
  crowd.connect(100);
  for (WireClient* member : crowd.members) {
    for (uint32_t i = 1; i <= 40; ++i) member->subscribe(i, overlapping_filter(i));
  }
  int turns = 0;
  for (uint64_t work = 1; work != 0; ++turns) {
    work = crowd.turn();
    REQUIRE(work <= turn_work_max());
  }
  CHECK(turns > 500);  // 1.2 million visits at 2,000 a turn
  size_t followers = 0;
  crowd.world.sessions.for_each(
      [&](const Session& session) { followers += session.followers().size(); });
  CHECK(followers == 100 * 300 + 1);
  for (WireClient* member : crowd.members) member->unsubscribe(1);
  for (uint64_t work = 1; work != 0;) {
    work = crowd.turn();
    REQUIRE(work <= turn_work_max());
  }
  for (WireClient* member : crowd.members) member->goodbye();
  for (turns = 0; crowd.world.sessions.count() != 1; ++turns) {
    REQUIRE(crowd.turn() <= turn_work_max());
  }
  CHECK(turns > 20);
  CHECK(crowd.world.endings.size() == 100);
}

TEST_CASE("while a crowd leaves, the one that asks is answered") {
  Crowd crowd(300);
  crowd.connect(30);
  for (WireClient* member : crowd.members) {
    for (uint32_t i = 1; i <= 40; ++i) member->subscribe(i, overlapping_filter(i));
  }
  WireClient& asks = crowd.world.welcomed();
  while (crowd.turn() != 0) {
  }
  for (WireClient* member : crowd.members) member->goodbye();
  while (crowd.world.endings.size() != crowd.members.size()) crowd.turn();
  asks.subscribe(1, "e");
  Lines lines;
  int turns = 0;
  for (; lines.empty() && turns < 1'000; ++turns) {
    asks.pump();
    crowd.turn();
    asks.pump();
    lines = asks.take_lines();
  }
  REQUIRE_FALSE(lines.empty());
  CHECK(lines.front() == "subscribed 1 none 1");
  CHECK(turns <= 5);
}

TEST_CASE("the filters of the attack, all equal, are looked at once") {
  Crowd crowd(300);
  crowd.connect(1);
  for (uint32_t i = 1; i <= 1'024; ++i) crowd.members[0]->subscribe(i, "+/+/+/#");
  uint64_t work = 0;
  for (int turn = 0; turn < 50; ++turn) work += crowd.turn();
  CHECK(work < 300 * 8 + 1'024 * 20);
}

TEST_CASE("those that have much to read take of a turn what all of them may take together") {
  Crowd crowd(1);
  for (int i = 0; i < 400; ++i) {
    crowd.world.put("s/" + std::to_string(i), "key", std::string(3'000, 'x'));
  }
  crowd.connect(20);
  for (WireClient* member : crowd.members) member->subscribe(1, "s/#");
  const auto sent = [&] {
    uint64_t bytes = 0;
    crowd.world.sessions.for_each([&](const Session& session) {
      if (session.id() != 1) bytes += session.counters().sent_bytes;
    });
    return bytes;
  };
  uint64_t before = sent(), most = 0;
  const uint64_t all = uint64_t{20} * 400 * 3'000;
  for (int turn = 0; turn < 2'000 && before < all; ++turn) {
    crowd.turn();
    const uint64_t now = sent();
    most = std::max(most, now - before);
    before = now;
  }
  CHECK(before > all);
  CHECK(most <= limits::catch_up_budget_bytes + limits::flush_budget_bytes);
}

TEST_CASE("an operator ends a session whose requests wait, and it hears why") {
  MuchAsked much;
  much.begin();
  CHECK(much.world.sessions.kick(2, "enough"));
  const Lines lines = much.world.lines(much.client);
  REQUIRE(lines.size() >= 2);
  CHECK(lines[lines.size() - 2] == "goodbye kicked");
  CHECK(much.world.sessions.count() == 1);  // the broker saw it close, without waiting
}

TEST_CASE("what stands behind requests that wait is handled: rubbish, goodbye, the end") {
  MuchAsked much;
  std::string expected;
  wire::Reason reason = wire::Reason::none;
  SUBCASE("rubbish") {
    const ByteVector rubbish(64, std::byte{0xFF});
    much.client.send_raw(rubbish);
    reason = wire::Reason::frame_malformed;
  }
  SUBCASE("goodbye") {
    much.client.goodbye();
    reason = wire::Reason::normal;
  }
  SUBCASE("messages, and the client is gone") {
    much.client.open(1, "e");
    much.client.publish(501, 1, "", "taken");
    reason = wire::Reason::peer_closed;
  }
  much.begin();
  if (reason == wire::Reason::peer_closed) much.client.shut_writing();
  much.world.settle();
  CHECK(much.world.endings == std::vector{reason});
  CHECK(much.world.sessions.count() == 1);
  if (reason == wire::Reason::peer_closed) CHECK(much.world.topic("e").log.last_seq() == 1);
}

TEST_CASE(
    "requests that wait are handled although the client reads nothing, and nothing else comes") {
  MuchAsked much(4'608);
  much.client.reading = false;
  much.begin();
  for (int turn = 0; turn < 100 && much.world.sessions.flush(); ++turn) {
  }
  much.world.sessions.for_each([](const Session& session) {
    if (session.id() == 2) CHECK(session.subscription_count() == MuchAsked::subscriptions);
  });
  much.client.reading = true;
  const Lines lines = much.world.lines(much.client);
  CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
          return line.starts_with("subscribed");
        }) == MuchAsked::subscriptions);
}

TEST_CASE("a connection that breaks while requests wait takes none of them along") {
  MuchAsked much(4'608);
  much.client.open(1, "e");
  much.client.publish(501, 1, "", "taken");
  much.client.reading = false;
  much.begin();
  for (int turn = 0; turn < 5; ++turn) much.world.loop.run_once(false);
  // Full by now: nothing is written that could fail.
  much.client.close();
  CHECK(much.world.settle_until([&] { return much.world.sessions.count() == 1; }));
  CHECK(much.world.topic("e").log.last_seq() == 1);
}

TEST_CASE("a client whose requests wait is not taken for silent") {
  MuchAsked much;
  much.begin();
  for (int turn = 0; turn < 12; ++turn) {
    much.world.clock.advance_ms(limits::keep_alive_ms / 4);
    much.other.send(fb::PingT());
    much.other.pump();
    much.world.sessions.tick();
    much.world.loop.run_once(false);
  }
  CHECK(much.world.endings.empty());
}

// Each command is answered with 10,000 bytes.
struct LongAnswers {
  LongAnswers() {
    world.on_command = [](const std::string&, const std::vector<std::string>&) {
      return CommandResult{wire::Reason::none, "", std::string(10'000, 'x')};
    };
  }
  SessionWorld world;
  WireClient& client = world.welcomed({.peer = "", .listener = "", .admin = true}, 4'608);
};

TEST_CASE("what a slow reader's answers took of the memory is given back once it has read them") {
  LongAnswers answers;
  answers.client.reading = false;
  for (int i = 0; i < 80; ++i) answers.client.send(fb::CommandT());
  answers.world.settle();
  CHECK(buffer_bytes(answers.world) > 700'000);
  answers.client.reading = true;
  CHECK(answers.world.lines(answers.client).size() == 80);
  CHECK(buffer_bytes(answers.world) <= 1'024);
}

TEST_CASE("a reader that is always behind keeps what it has not read, not what it has") {
  LongAnswers answers;
  uint64_t asked_bytes = 0;
  size_t most_bytes = 0;
  while (answers.client.received_bytes() < 3'000'000) {
    while (asked_bytes < answers.client.received_bytes() + 100'000) {
      answers.client.send(fb::CommandT());
      asked_bytes += 10'000;
    }
    answers.client.pump();
    answers.world.loop.run_once(false);
    most_bytes = std::max(most_bytes, buffer_bytes(answers.world));
  }
  CHECK(most_bytes > 90'000);
  CHECK(most_bytes < 500'000);
}

}  // namespace
}  // namespace btb::test
