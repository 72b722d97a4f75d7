// Publishing: opening topics, acknowledgements, refusals, messages in parts.
#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

using wire::AckLevel;

constexpr uint8_t more_flag = wire::flag::batch_more;

TEST_CASE("a topic is opened once it may be published to, or the reason is told") {
  SessionWorld world;
  world.options["closed"].client_publish = false;
  world.router.topics_max = 3;
  world.topic("closed");
  WireClient& client = world.welcomed();
  client.open(1, "a/b", AckLevel::none);
  client.open(2, "s", AckLevel::disk);
  client.open(3, "a//b");
  client.open(4, "a/+");
  client.open(5, "$SYS/x");
  client.open(6, "closed");
  client.open(7, "one too many");
  CHECK(world.lines(client) == Lines{"opened 1 none 2 0", "opened 2 none 3 1",
                                     "opened 3 name_invalid 0 0", "opened 4 name_invalid 0 0",
                                     "opened 5 reserved_name 0 0", "opened 6 not_allowed 0 0",
                                     "opened 7 too_many_topics 0 0"});
  world.sessions.limits.subscriptions_per_session = 2;
  client.open(8, "a/c");
  CHECK(world.lines(client) == Lines{"opened 8 too_many_topics 0 0"});
}

TEST_CASE("a listener may forbid publishing") {
  SessionWorld world;
  WireClient& client =
      world.welcomed({.peer = "", .listener = "", .admin = false, .client_publish = false});
  client.open(1, "a");
  CHECK(world.lines(client) == Lines{"opened 1 not_allowed 0 0"});
  CHECK(world.router.topic_count() == 0);
}

TEST_CASE("one acknowledgement settles all that came in one turn") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.open(1, "e", AckLevel::memory);
  client.open(2, "f", AckLevel::none);
  REQUIRE(world.lines(client).size() == 2);
  for (uint64_t i = 1; i <= 10; ++i) client.publish(1, i, "", "x");
  client.publish(2, 1, "", "x");
  CHECK(world.lines(client) == Lines{"ack 1 10 10"});
  client.publish(1, 11, "", "x");
  CHECK(world.lines(client) == Lines{"ack 1 11 11"});
}

TEST_CASE("a topic that is opened twice is the same one, and the later wish for acks counts") {
  SessionWorld world;
  world.sessions.limits.subscriptions_per_session = 1;
  WireClient& client = world.welcomed();
  client.open(1, "e", AckLevel::none);
  client.publish(1, 1, "", "x");
  client.open(2, "e", AckLevel::memory);
  client.publish(1, 2, "", "x");
  CHECK(world.lines(client) == Lines{"opened 1 none 1 0", "opened 2 none 1 1", "ack 1 2 2"});
  client.open(3, "e", AckLevel::none);
  client.publish(1, 3, "", "x");
  CHECK(world.lines(client) == Lines{"opened 3 none 1 0"});
}

TEST_CASE("of a message in parts the last part says whether its batch goes on") {
  SessionWorld world;
  WireClient& reader = world.welcomed();
  reader.subscribe(1, "e");
  WireClient& client = world.welcomed();
  client.open(1, "e", AckLevel::none);
  REQUIRE(world.lines(client).size() == 1);
  (void)world.lines(reader);
  std::vector<bool> more;
  reader.on_message = [&](const ReceivedMessage& message) { more.push_back(message.batch_more); };
  const auto publish = [&](uint64_t seq, uint8_t first_flags, uint8_t last_flags) {
    ByteVector bytes;
    for (const bool last : {false, true}) {
      const ByteVector part(last ? 4 : 4096);
      wire::DataHead head = wire::part_head({}, part, 4100);
      head.topic = 1;
      head.seq = seq;
      head.flags = static_cast<uint8_t>(last ? last_flags : first_flags | wire::flag::part_more);
      const size_t at = bytes.size();
      bytes.resize(at + head.stride());
      wire::write_data_frame(bytes.data() + at, head, {}, part);
    }
    client.send_raw(bytes);
    world.settle();
  };
  publish(1, 0, more_flag);
  publish(2, more_flag, 0);
  CHECK(more == std::vector<bool>{true, false});
}

TEST_CASE("a message gets the broker's time, or its own if that is not in the future") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.open(1, "e");
  world.settle();
  const int64_t now_us = world.clock.now_us();
  client.publish(1, 1, "", "x");
  client.publish(1, 2, "", "x", 0, now_us - 5);
  client.publish(1, 3, "", "x", 0, now_us + 5);
  client.publish(1, 4, "", "x", 0, -5);
  world.settle();
  std::vector<int64_t> times;
  Cursor cursor = world.topic("e").log.begin();
  std::array<LogRange, 1> range;
  bool skipped = false;
  REQUIRE(world.topic("e").log.read(cursor, 0, 1'000, range, skipped) == 1);
  for (uint32_t at = 0; at < range[0].size;) {
    const auto& head = *reinterpret_cast<const wire::DataHead*>(range[0].data + at);
    times.push_back(head.time_us);
    at += head.stride();
  }
  CHECK(times == std::vector<int64_t>{now_us, now_us - 5, now_us, now_us});
}

TEST_CASE("a message that is not taken is answered with the reason, and counted once") {
  SessionWorld world;
  world.options["s"] = SessionWorld::state_options();
  world.options["s"].keys_max = 1;
  world.sessions.limits.message_bytes = 8'000;
  WireClient& client = world.welcomed();
  client.open(1, "s", AckLevel::memory);
  client.open(2, "e", AckLevel::memory);
  REQUIRE(world.lines(client).size() == 2);
  client.publish(1, 1, "a", "1");
  client.publish(1, 2, "b", "1");
  client.publish(1, 3, "a", "2");
  CHECK(world.lines(client) == Lines{"reject 1 2 topic_full", "ack 1 3 2"});
  CHECK(world.topic("s").counters.rejected == 1);
  client.publish(2, 1, "a", "", wire::flag::deletion);
  client.publish(2, 2, "", std::string(8'001, 'x'));
  client.publish(99, 1, "", "x");
  CHECK(world.lines(client) == Lines{"reject 2 1 delete_unsupported",
                                     "reject 2 2 message_too_large", "reject 99 1 topic_unknown"});
  CHECK(world.topic("e").counters.rejected == 2);
  CHECK(world.topic("e").log.last_seq() == 0);
}

TEST_CASE("a deletion of what is not there is settled and changes nothing") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.open(1, "s", AckLevel::memory);
  client.publish(1, 1, "a", "", wire::flag::deletion);
  REQUIRE(world.lines(client) == Lines{"opened 1 none 1 1", "ack 1 1 0"});
  CHECK(world.topic("s").log.last_seq() == 0);
}

TEST_CASE("a message in parts is put together, whatever comes in other topics meanwhile") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.open(1, "big", AckLevel::memory);
  client.open(2, "little", AckLevel::memory);
  client.subscribe(3, "#", wire::From::beginning);
  client.publish_part(1, 1, 4'100, 2'000, true, "key");
  client.publish(2, 1, "", "between");
  client.publish_part(1, 1, 4'100, 2'000, true);
  REQUIRE(world.lines(client) == Lines{"opened 1 none 1 1", "opened 2 none 2 1",
                                       "subscribed 3 none 2", "ack 2 1 1", "topic 1 big events 0",
                                       "topic 2 little events 0", "put 2 1 =between"});
  client.publish_part(1, 1, 4'100, 100, false);
  // Cut anew, into parts that fill a packet.
  CHECK(world.lines(client) ==
        Lines{"ack 1 1 1", "part 1 1", "part 1 1", "part 1 1", "part 1 1", "put 1 1 key=<4100>"});
}

TEST_CASE("large messages follow one another, and none leaves anything behind") {
  SessionWorld world;
  world.sessions.limits.message_bytes = 10'000;
  WireClient& client = world.welcomed();
  client.open(1, "e", AckLevel::memory);
  REQUIRE(world.lines(client).size() == 1);
  for (uint64_t i = 1; i <= 5; ++i) client.publish(1, i, "", std::string(9'000, 'x'));
  client.publish(1, 6, "", "x");
  CHECK(world.lines(client) == Lines{"ack 1 6 6"});
}

TEST_CASE("parts in disorder are refused, and the topic goes on") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.open(1, "e", AckLevel::memory);
  REQUIRE(world.lines(client).size() == 1);
  SUBCASE("another message begins before the last one is complete") {
    client.publish_part(1, 1, 9'000, 4'096, true);
    client.publish(1, 2, "", "x");
    CHECK(world.lines(client) == Lines{"reject 1 1 part_out_of_order", "ack 1 2 1"});
  }
  SUBCASE("a message in parts begins before the last one is complete") {
    client.publish_part(1, 1, 9'000, 4'096, true);
    client.publish(1, 2, "k", std::string(5'000, 'x'));
    CHECK(world.lines(client) == Lines{"reject 1 1 part_out_of_order", "ack 1 2 1"});
  }
  SUBCASE("the end comes without the beginning") {
    client.publish_part(1, 1, 9'000, 808, false);
    client.publish(1, 2, "", "x");
    CHECK(world.lines(client) == Lines{"reject 1 1 part_out_of_order", "ack 1 2 1"});
  }
  SUBCASE("more parts than the whole") {
    for (int i = 0; i < 4; ++i) client.publish_part(1, 1, 9'000, 4'096, true);
    client.publish_part(1, 1, 9'000, 808, false);
    client.publish(1, 2, "", "x");
    CHECK(world.lines(client) == Lines{"reject 1 1 part_out_of_order", "ack 1 2 1"});
  }
  SUBCASE("the parts do not agree how large the whole is") {
    client.publish_part(1, 1, 5'000, 4'096, true);
    client.publish_part(1, 1, 4'000'000'000, 4'096, true);
    client.publish_part(1, 1, 8'292, 100, false);
    client.publish(1, 2, "", "x");
    CHECK(world.lines(client) == Lines{"reject 1 1 part_out_of_order", "ack 1 2 1"});
  }
  SUBCASE("a message too large is swallowed to its end") {
    client.publish_part(1, 1, limits::message_bytes_max + 1, 4'096, true);
    client.publish_part(1, 1, limits::message_bytes_max + 1, 4'096, true);
    client.publish_part(1, 1, limits::message_bytes_max + 1, 100, false);
    client.publish(1, 2, "", "x");
    CHECK(world.lines(client) == Lines{"reject 1 1 message_too_large", "ack 1 2 1"});
  }
  CHECK(world.topic("e").log.last_seq() == 1);
}

TEST_CASE("a number that is 0 does no harm to a message in parts") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.open(1, "e", AckLevel::memory);
  client.subscribe(1, "e");
  REQUIRE(world.lines(client).size() == 3);
  client.publish(1, 0, "key", std::string(4'100, 'x'));
  CHECK(world.lines(client) ==
        Lines{"ack 1 0 1", "part 1 1", "part 1 1", "part 1 1", "part 1 1", "put 1 1 key=<4100>"});
}

TEST_CASE("messages that are begun and not ended hold no more than one message may") {
  SessionWorld world;
  world.sessions.limits.message_bytes = 100'000;
  WireClient& client = world.welcomed();
  for (uint32_t i = 1; i <= 50; ++i) client.open(i, "e" + std::to_string(i));
  REQUIRE(world.lines(client).size() == 50);
  for (uint32_t topic = 1; topic <= 50; ++topic) {
    client.publish_part(topic, 1, 90'000, 4'096, true);
  }
  const Lines lines = world.lines(client);
  CHECK(lines.size() == 49);
  CHECK(std::all_of(lines.begin(), lines.end(),
                    [](const std::string& line) { return line.ends_with("message_too_large"); }));
}

TEST_CASE("a client that publishes to a thousand topics gets each message where it belongs") {
  SessionWorld world;
  constexpr uint32_t count = 1'000;
  for (uint32_t i = 0; i < count; ++i) world.topic("e" + std::to_string(i));  // numbers 1 to 1000
  WireClient& client = world.welcomed();
  const auto nth = [](uint32_t i) { return i * 387 % count; };  // all of them, in another order
  for (uint32_t i = 0; i < count; ++i) {
    client.open(i + 1, "e" + std::to_string(nth(i)),
                i % 2 == 0 ? AckLevel::memory : AckLevel::none);
  }
  REQUIRE(world.lines(client).size() == count);
  for (uint64_t seq = 1; seq <= 3; ++seq) {
    for (uint32_t number = 1; number <= count; ++number) {
      client.publish(number, seq, "", std::to_string(number));
    }
  }
  client.publish(count + 1, 1, "", "x");
  Lines lines = world.lines(client);
  REQUIRE(std::count(lines.begin(), lines.end(), "reject 1001 1 topic_unknown") == 1);
  std::map<uint32_t, uint64_t> acked;
  for (const std::string& line : lines) {
    unsigned topic = 0;
    unsigned long published = 0;
    unsigned long seq = 0;
    if (std::sscanf(line.c_str(), "ack %u %lu %lu", &topic, &published, &seq) != 3) continue;
    CHECK(published == seq);
    acked[topic] = published;
  }
  CHECK(acked.size() == count / 2);
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t number = nth(i) + 1;
    CHECK(world.router.find(number)->log.last_seq() == 3);
    CHECK(acked.contains(number) == (i % 2 == 0));
    if (i % 2 == 0) CHECK(acked[number] == 3);
  }
}

TEST_CASE("a batch is passed on as one") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.subscribe(1, "e");
  client.open(2, "e");
  client.publish(1, 1, "", "a", more_flag);
  client.publish(1, 2, "", "b", more_flag);
  client.publish(1, 3, "", "c");
  CHECK(world.lines(client) == Lines{"subscribed 1 none 0", "opened 2 none 1 0",
                                     "topic 1 e events 0", "put 1 1 =a +", "put 1 2 =b +",
                                     "put 1 3 =c"});
}

TEST_CASE("a batch that its publisher leaves open ends with the session") {
  SessionWorld world;
  WireClient& reader = world.welcomed();
  reader.subscribe(1, "e");
  WireClient& writer = world.welcomed();
  writer.open(1, "e");
  writer.publish(1, 1, "", "a", more_flag);
  REQUIRE(world.lines(reader).back() == "put 1 1 =a +");
  writer.close();
  CHECK(world.lines(reader) == Lines{"position 1 1"});
}

TEST_CASE("a batch ends although its last message is refused before it reaches the topic") {
  SessionWorld world;
  world.sessions.limits.message_bytes = 100;
  WireClient& client = world.welcomed();
  client.subscribe(1, "e");
  client.open(2, "e");
  client.publish(1, 1, "", "a", more_flag);
  REQUIRE(world.lines(client).back() == "put 1 1 =a +");
  client.publish(1, 2, "", std::string(101, 'x'));
  CHECK(world.lines(client) == Lines{"reject 1 2 message_too_large", "position 1 1"});
  client.publish(1, 3, "", "a", more_flag);
  client.publish(1, 4, "", std::string(9'000, 'x'));
  CHECK(world.lines(client) ==
        Lines{"reject 1 4 message_too_large", "put 1 2 =a +", "position 1 2"});
  client.publish(1, 5, "", "a", more_flag);
  client.publish_part(1, 6, 9'000, 4'096, true);
  CHECK(world.lines(client) == Lines{"reject 1 6 message_too_large", "put 1 3 =a +"});
  client.publish(1, 7, "", "b", more_flag);
  client.publish(1, 8, "", "c");
  CHECK(world.lines(client) == Lines{"put 1 4 =b +", "put 1 5 =c"});
}

TEST_CASE("a topic that was opened is closed to clients when a reload says so") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.open(1, "e", AckLevel::memory);
  REQUIRE(world.lines(client).size() == 1);
  client.publish(1, 1, "", "x");
  CHECK(world.lines(client) == Lines{"ack 1 1 1"});
  world.options["e"].client_publish = false;
  world.router.refresh_options(
      [&](std::string_view name, Publisher) { return world.options_of(name); });
  client.publish(1, 2, "", "x");
  client.publish(1, 3, "", std::string(10'000, 'x'));
  CHECK(world.lines(client) == Lines{"reject 1 2 not_allowed", "reject 1 3 not_allowed"});
  world.options["e"].client_publish = true;
  world.router.refresh_options(
      [&](std::string_view name, Publisher) { return world.options_of(name); });
  client.publish(1, 4, "", "x");
  CHECK(world.lines(client) == Lines{"ack 1 4 2"});
  world.sessions.allow_publishing("", false);
  client.publish(1, 5, "", "x");
  CHECK(world.lines(client) == Lines{"reject 1 5 not_allowed"});
}

}  // namespace
}  // namespace btb::test
