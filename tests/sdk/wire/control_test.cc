#include "sdk/wire/control.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/sdk/wire/random.h"

namespace btb::wire {
namespace {

using Status = NextFrame::Status;

template <class Native>
ByteVector encoded(const Native& message) {
  ByteVector out;
  append_control(out, message);
  return out;
}

// The message after a way through the wire.
template <class Native>
Native over_the_wire(const Native& message) {
  const ByteVector stream = encoded(message);
  REQUIRE(stream.size() % frame_alignment == 0);
  const NextFrame next = next_frame(stream);
  REQUIRE(next.status == Status::frame);
  REQUIRE(next.consumed == stream.size());
  REQUIRE(next.frame.kind == ControlOf<Native>::kind);
  const auto read = decode<Native>(next.frame);
  REQUIRE(read != nullptr);
  return *read;
}

fb::SubscribeT a_subscription() {
  fb::SubscribeT subscribe;
  subscribe.id = 3;
  subscribe.filter = "ward/+/medication";
  subscribe.from = From::resume;
  subscribe.value = -5;
  subscribe.epoch = 0xFEDCBA9876543210;
  for (uint32_t topic = 1; topic <= 3; ++topic)
    subscribe.positions.emplace_back(topic, 0, topic * 10);
  return subscribe;
}

TEST_CASE("hello and welcome are read back as they were written") {
  fb::HelloT hello;
  hello.name = "ward tablet";
  hello.agent = "btsub/0.1";
  hello.keep_alive_ms = 15'000;
  hello.credentials = {1, 2, 3};
  const fb::HelloT got = over_the_wire(hello);
  CHECK(got.protocol_min == 1);
  CHECK(got.name == "ward tablet");
  CHECK(got.keep_alive_ms == 15'000);
  CHECK(got.battery_percent == -1);
  CHECK(got.credentials == hello.credentials);

  fb::WelcomeT welcome;
  welcome.epoch = 77;
  welcome.admin = true;
  welcome.part_bytes_max = limits::part_bytes_max;
  const fb::WelcomeT answer = over_the_wire(welcome);
  CHECK(answer.epoch == 77);
  CHECK(answer.admin);
  CHECK(answer.part_bytes_max == limits::part_bytes_max);
}

TEST_CASE("a subscription with positions is read back as it was written") {
  const fb::SubscribeT got = over_the_wire(a_subscription());
  CHECK(got.id == 3);
  CHECK(got.filter == "ward/+/medication");
  CHECK(got.from == From::resume);
  CHECK(got.value == -5);
  CHECK(got.epoch == 0xFEDCBA9876543210);
  REQUIRE(got.positions.size() == 3);
  CHECK(got.positions[2].topic() == 3);
  CHECK(got.positions[2].seq() == 30);
}

TEST_CASE("messages without any field set are read back") {
  CHECK(over_the_wire(fb::PingT()).token == 0);
  CHECK(over_the_wire(fb::GoodbyeT()).reason == Reason::none);
  CHECK(over_the_wire(fb::CommandT()).arguments.empty());
  CHECK(over_the_wire(fb::GapT()).last == 0);
}

TEST_CASE("control frames follow one another and data at multiples of eight") {
  ByteVector stream;
  append_control(stream, fb::PingT());
  DataHead head;
  head.topic = 1;
  head.seq = 1;
  append_message(stream, head, as_bytes("k"), as_bytes("odd"));
  fb::GoodbyeT goodbye;
  goodbye.text = "see you";
  append_control(stream, goodbye);

  Bytes rest = stream;
  for (const Kind kind : {Kind::ping, Kind::data, Kind::goodbye}) {
    const NextFrame next = next_frame(rest);
    REQUIRE(next.status == Status::frame);
    CHECK(next.frame.kind == kind);
    rest = rest.subspan(next.consumed);
  }
  CHECK(rest.empty());
}

TEST_CASE("a table cut short or damaged in any byte is refused or read, never read beyond") {
  const ByteVector whole = encoded(a_subscription());
  size_t refused = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    for (unsigned flip = 1; flip < 256; ++flip) {
      ByteVector damaged = whole;
      damaged[at] ^= static_cast<std::byte>(flip);
      const NextFrame next = next_frame(damaged);
      if (next.status != Status::frame || next.frame.kind != Kind::subscribe) continue;
      if (decode<fb::SubscribeT>(next.frame) == nullptr) ++refused;
    }
  }
  CHECK(refused > 1000);  // most changes of offsets and lengths are found
}

TEST_CASE("a frame too small for a table is refused") {
  for (uint32_t body = 0; body < 12; ++body) {
    CAPTURE(body);
    ByteVector frame(align_up(head_bytes + body, frame_alignment));
    const fb::Head head(head_bytes + body, Kind::hello, 0, 0);
    std::memcpy(frame.data(), &head, head_bytes);
    const NextFrame next = next_frame(frame);
    REQUIRE(next.status == Status::frame);
    CHECK(decode<fb::HelloT>(next.frame) == nullptr);
  }
}

TEST_CASE("a table of another kind's bytes is refused or read, never read beyond") {
  Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    ByteVector frame = random.bytes(align_up(head_bytes + 4 + random.below(120), frame_alignment));
    const fb::Head head(static_cast<uint32_t>(frame.size()), Kind::command, 0, 0);
    std::memcpy(frame.data(), &head, head_bytes);
    const uint32_t root = random.below(32) * 4;
    if (random.below(2) == 0) std::memcpy(frame.data() + head_bytes, &root, sizeof root);
    const NextFrame next = next_frame(frame);
    REQUIRE(next.status == Status::frame);
    (void)decode<fb::CommandT>(next.frame);
  }
}

TEST_CASE("a command has as many arguments as it may, and no more") {
  fb::CommandT command;
  command.verb = "status";
  command.arguments.assign(limits::command_arguments_max, "x");
  CHECK(over_the_wire(command).arguments == command.arguments);
  command.arguments.emplace_back("one more");
  const ByteVector frame = encoded(command);
  CHECK(decode<fb::CommandT>(next_frame(frame).frame) == nullptr);
}

TEST_CASE("enum values have the names of docs/protocol.md, and strange ones are unknown") {
  CHECK(name_of(Reason::keep_alive_timeout) == "keep_alive_timeout");
  CHECK(name_of(Reason::deletions_forgotten) == "deletions_forgotten");
  CHECK(name_of(Kind::must_refetch) == "must_refetch");
  CHECK(name_of(Priority::background) == "background");
  CHECK(name_of(TopicKind::state) == "state");
  CHECK(name_of(static_cast<Reason>(20)) == "unknown");
  CHECK(name_of(static_cast<Reason>(65'535)) == "unknown");
  CHECK(name_of(static_cast<Kind>(2)) == "unknown");
  CHECK(name_of(static_cast<Kind>(255)) == "unknown");
  CHECK(name_of(static_cast<TopicKind>(9)) == "unknown");
}

}  // namespace
}  // namespace btb::wire
