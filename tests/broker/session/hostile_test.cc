// What broken and hostile clients get: a named reason, and nobody else notices.
#include "tests/broker/session/session_world.h"

namespace btb::test {
namespace {

ByteVector head(uint32_t size, uint8_t kind, uint8_t flags = 0, uint16_t key_size = 0) {
  ByteVector out(8);
  std::memcpy(out.data(), &size, 4);
  out[4] = static_cast<std::byte>(kind);
  out[5] = static_cast<std::byte>(flags);
  std::memcpy(out.data() + 6, &key_size, 2);
  return out;
}

ByteVector with_body(ByteVector bytes, size_t size, uint8_t fill = 0) {
  bytes.resize(size, static_cast<std::byte>(fill));
  return bytes;
}

template <class Native>
ByteVector frame_of(const Native& message) {
  ByteVector out;
  wire::append_control(out, message);
  return out;
}

// What the session of a client that sends this ends with.
std::string ends_with(const ByteVector& bytes, bool say_hello = true) {
  SessionWorld world;
  WireClient& other = world.welcomed();
  other.subscribe(1, "e");
  WireClient& client = say_hello ? world.welcomed() : world.connect();
  client.send_raw(bytes);
  const Lines lines = world.lines(client);
  world.put("e", "", "still here");
  CHECK(world.lines(other).back() == "put 1 1 =still here");
  CHECK(world.sessions.count() <= 2);
  return lines.empty() ? "nothing" : lines.front();
}

TEST_CASE("every malformed frame ends its session with a named reason") {
  constexpr uint8_t ping = 19;
  constexpr uint8_t data = 1;
  CHECK(ends_with(head(7, ping)) == "goodbye frame_malformed");
  CHECK(ends_with(head(0, ping)) == "goodbye frame_malformed");
  CHECK(ends_with(head(16, 0)) == "goodbye frame_malformed");
  CHECK(ends_with(head(16, 2)) == "goodbye frame_malformed");
  CHECK(ends_with(head(16, 255)) == "goodbye frame_malformed");
  CHECK(ends_with(head(31, data)) == "goodbye frame_malformed");
  CHECK(ends_with(head(limits::control_frame_bytes_max + 1, ping)) == "goodbye frame_too_large");
  CHECK(ends_with(head(0xFFFFFFFF, ping)) == "goodbye frame_too_large");
  CHECK(ends_with(head(wire::data_frame_bytes_max + 1, data)) == "goodbye frame_too_large");
  CHECK(ends_with(head(4'000, data, 0, 1'025)) == "goodbye frame_too_large");
  CHECK(ends_with(with_body(head(40, data, 32), 40, 1)) == "goodbye frame_malformed");
  CHECK(ends_with(with_body(head(40, data), 40)) == "goodbye frame_malformed");  // topic 0
  CHECK(ends_with(with_body(head(64, data, 0, 64), 64, 1)) == "goodbye frame_malformed");
  CHECK(ends_with(with_body(head(64, ping), 64, 0xFF)) == "goodbye frame_unverifiable");
  CHECK(ends_with(with_body(head(8, ping), 8)) == "goodbye frame_unverifiable");
  CHECK(ends_with(head(16, ping, 1)) == "goodbye frame_malformed");
  CHECK(ends_with(head(16, ping, 0, 1)) == "goodbye frame_malformed");
  CHECK(ends_with(with_body(head(64, 20), 64, 0xFF)) == "goodbye frame_unverifiable");  // a pong
}

// Lets every argument of the command be the first one, as no builder would.
ByteVector command_of_one_string(uint32_t arguments, size_t bytes) {
  flatbuffers::FlatBufferBuilder builder;
  const auto text = builder.CreateString(std::string(bytes, 'x'));
  const std::vector<flatbuffers::Offset<flatbuffers::String>> same(arguments, text);
  const auto all = builder.CreateVector(same);
  fb::CommandBuilder command(builder);
  command.add_arguments(all);
  builder.Finish(command.Finish());
  ByteVector frame = head(static_cast<uint32_t>(8 + builder.GetSize()), 35);
  append(frame,
         Bytes(reinterpret_cast<const std::byte*>(builder.GetBufferPointer()), builder.GetSize()));
  frame.resize(align_up(frame.size(), 8));
  return frame;
}

TEST_CASE("a command does not unpack to more than it has in its frame") {
  CHECK(ends_with(command_of_one_string(8'000, 30'000)) == "goodbye frame_unverifiable");
  CHECK(ends_with(command_of_one_string(17, 1)) == "goodbye frame_unverifiable");
  CHECK(ends_with(command_of_one_string(3, 30'000)) == "goodbye frame_unverifiable");
  CHECK(ends_with(command_of_one_string(16, 1)).starts_with("reply 0 not_allowed"));
}

TEST_CASE("what is refused is counted by its reason") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.subscribe(1, "a/#/b");
  client.subscribe(1, "a", static_cast<wire::From>(200));
  client.open(1, "$SYS/mine", wire::AckLevel::none);
  client.publish(99, 1, "", "x");
  client.unsubscribe(7);
  CHECK(world.lines(client) == Lines{"subscribed 1 name_invalid 0", "subscribed 1 not_allowed 0",
                                     "opened 1 reserved_name 0 0", "reject 99 1 topic_unknown",
                                     "unsubscribed 7 id_unknown"});
  for (const auto reason :
       {wire::Reason::name_invalid, wire::Reason::not_allowed, wire::Reason::reserved_name,
        wire::Reason::topic_unknown, wire::Reason::id_unknown}) {
    CHECK(world.sessions.refusals().at(reason) == 1);
  }
}

TEST_CASE("a broken hello is refused like any other broken frame") {
  CHECK(ends_with(with_body(head(64, 16), 64, 0xFF), false) == "goodbye frame_unverifiable");
  CHECK(ends_with(head(1 << 30, 16), false) == "goodbye frame_too_large");
  CHECK(ends_with(head(3, 16), false) == "goodbye frame_malformed");
}

TEST_CASE("a frame that only a broker sends, or a second hello, is unexpected") {
  CHECK(ends_with(frame_of(fb::HelloT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::WelcomeT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::SubscribedT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::UnsubscribedT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::TopicT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::SnapshotBeginT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::SnapshotEndT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::PositionT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::GapT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::MustRefetchT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::OpenedT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::AckT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::RejectT())) == "goodbye frame_unexpected");
  CHECK(ends_with(frame_of(fb::ReplyT())) == "goodbye frame_unexpected");
}

TEST_CASE("a torn frame waits for its rest, and goes when the client goes") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.send_raw(head(64, 19));
  CHECK(world.lines(client).empty());
  client.close();
  world.settle();
  CHECK(world.ended_for(wire::Reason::peer_closed) == 1);
}

TEST_CASE("whoever asks without ever reading the answers is stopped") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.reading = false;
  for (int i = 0; i < 100'000 && world.endings.empty(); ++i) {
    client.send(fb::PingT());
    if (i % 100 == 0) {
      client.pump();
      world.loop.run_once(false);
    }
  }
  CHECK(world.endings == std::vector{wire::Reason::control_overflow});
  client.reading = true;
  Lines lines = world.lines(client);
  REQUIRE(lines.size() >= 2);
  CHECK(lines[lines.size() - 2] == "goodbye control_overflow");
  CHECK(client.fault().empty());
}

TEST_CASE("whoever publishes rubbish without reading the answers is stopped") {
  SessionWorld world;
  WireClient& client = world.welcomed();
  client.reading = false;
  for (uint64_t i = 0; i < 200'000 && world.endings.empty(); ++i) {
    client.publish(1, i, "", "x");
    if (i % 100 == 0) {
      client.pump();
      world.loop.run_once(false);
    }
  }
  CHECK(world.endings == std::vector{wire::Reason::control_overflow});
}

TEST_CASE("a client that never reads costs a cursor, and the others get everything") {
  SessionWorld world;
  world.options["e"].keep_bytes = 100'000;
  WireClient& stuck = world.welcomed();
  WireClient& quick = world.welcomed();
  for (WireClient* client : {&stuck, &quick}) client->subscribe(1, "#");
  world.settle();
  quick.take_lines();
  stuck.reading = false;
  size_t received = 0;
  for (int i = 0; i < 2'000; ++i) {
    world.put("e", "", std::string(1'000, 'x'));
    world.put("s", std::to_string(i % 10), std::string(100, 'y'));
    world.loop.run_once(false);
    quick.pump();
  }
  for (const std::string& line : world.lines(quick)) received += line.starts_with("put");
  CHECK(received == 4'000);
  CHECK(world.topic("e").log.memory_bytes() < 300'000);
  uint64_t behind = 0;
  world.sessions.for_each([&](const Session& session) {
    if (session.id() == 1) behind = session.behind_bytes();
  });
  CHECK(behind > 0);
  CHECK(behind < 400'000);  // of the logs, which are there anyway, and a few of its own
  stuck.reading = true;
  CHECK(world.lines(stuck).size() > 100);
  CHECK(stuck.fault().empty());
}

TEST_CASE("subscriptions that are made and taken back at once over many topics are all answered") {
  SessionWorld world;
  for (int i = 0; i < 2'000; ++i) world.topic("t" + std::to_string(i));
  WireClient& client = world.welcomed();
  for (uint32_t i = 1; i <= 20; ++i) {
    client.subscribe(i, "#");
    client.unsubscribe(i);
  }
  const uint64_t before = world.router.work();
  const Lines lines = world.lines(client);  // between the answers, perhaps, what was subscribed to
  CHECK(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
          return line.starts_with("subscribed") || line.starts_with("unsubscribed");
        }) == 40);
  CHECK(world.router.work() - before < 20 * 2'000 * 10);
}

}  // namespace
}  // namespace btb::test
