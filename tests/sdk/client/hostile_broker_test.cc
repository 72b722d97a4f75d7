// What a broker that breaks the protocol gets: an end with a named reason, said in a goodbye.
#include "tests/sdk/client/scripted.h"

using namespace btb;
using namespace btb::client;
using wire::Reason;
using wire::TopicKind;

namespace {

// The reason the session ended with after `misbehave`.
template <class Misbehave>
Reason ended_with(Misbehave misbehave, ConversationOptions options = {}) {
  Scripted s(options);
  s.connect();
  s.topic(1, "e", TopicKind::events);
  s.topic(2, "s", TopicKind::state);
  REQUIRE(s.conversation.state() == Conversation::State::open);
  misbehave(s);
  if (s.conversation.state() != Conversation::State::ended) return Reason::none;
  CHECK(s.heard<fb::GoodbyeT>().reason == s.conversation.ending().reason);
  CHECK(!s.conversation.ending().text.empty());
  const size_t lines = s.recorder.lines.size();
  s.data(1, 1, "", "after the end");
  CHECK(s.recorder.lines.size() == lines);
  return s.conversation.ending().reason;
}

ByteVector raw_data(wire::DataHead head, std::string_view payload) {
  head.size = static_cast<uint32_t>(wire::data_head_bytes + payload.size());
  ByteVector bytes(head.stride());
  wire::write_data_frame(bytes.data(), head, {}, as_bytes(payload));
  return bytes;
}

}  // namespace

TEST_CASE("before welcome a broker says welcome or goodbye, nothing else") {
  Scripted s;
  s.conversation.begin(0);
  s.sent();
  SUBCASE("a message") {
    s.data(1, 1, "", "x");
    CHECK(s.recorder.lines == Lines{"disconnected frame_unexpected"});
  }
  SUBCASE("an older protocol") {
    fb::WelcomeT welcome;
    welcome.protocol = 9;
    s.say(welcome);
    CHECK(s.recorder.lines == Lines{"disconnected version_unsupported"});
  }
  SUBCASE("a refusal") {
    fb::GoodbyeT goodbye;
    goodbye.reason = Reason::full;
    goodbye.text = "come later";
    goodbye.retry_after_ms = 500;
    s.say(goodbye);
    CHECK(s.recorder.lines == Lines{"disconnected full by_broker"});
    CHECK(!s.conversation.ending().greeted);
    CHECK(s.conversation.ending().retry_after_ms == 500);
    CHECK(s.recorder.text == "come later");
  }
}

TEST_CASE("kinds that only clients send, and answers to nothing, are unexpected") {
  CHECK(ended_with([](Scripted& s) { s.say(fb::HelloT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::WelcomeT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::SubscribeT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::UnsubscribeT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::OpenT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::CommandT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::SubscribedT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::UnsubscribedT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::OpenedT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::AckT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::RejectT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::ReplyT()); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.say(fb::PongT()); }) == Reason::none);
}

TEST_CASE("what speaks of a topic that was not announced is malformed") {
  CHECK(ended_with([](Scripted& s) { s.data(3, 1, "", "x"); }) == Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.data(~0U, 1, "", "x"); }) == Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.snapshot_begin(3); }) == Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.snapshot_end(3, 1); }) == Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.position(3, 1); }) == Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.gap(3, 1, 1); }) == Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.must_refetch(3, Reason::overflow); }) ==
        Reason::frame_malformed);
}

TEST_CASE("topics have numbers in range, valid names, and keep them") {
  CHECK(ended_with([](Scripted& s) { s.topic(0, "x", TopicKind::events); }) ==
        Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.topic(~0U, "x", TopicKind::events); }) ==
        Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.topic(1, "other", TopicKind::events); }) ==
        Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.topic(5, "a/\x1b[31m", TopicKind::events); }) ==
        Reason::name_invalid);
}

TEST_CASE("messages come in the order of their numbers, snapshots one at a time") {
  CHECK(ended_with([](Scripted& s) {
          s.data(1, 2, "", "x");
          s.data(1, 2, "", "x");
        }) == Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.data(1, 0, "", "x"); }) == Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.snapshot_begin(1); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.snapshot_end(2, 1); }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) {
          s.snapshot_begin(2);
          s.snapshot_begin(2);
        }) == Reason::frame_unexpected);
  CHECK(ended_with([](Scripted& s) { s.gap(1, 5, 4); }) == Reason::frame_malformed);
}

TEST_CASE("parts belong together, also those of a message that is left out") {
  ConversationOptions options;
  SUBCASE("kept") {}
  SUBCASE("left out") {
    options.message_bytes_max = 5'000;
  }
  wire::DataHead head;
  head.topic = 1;
  head.seq = 1;
  head.total = 8'000;
  const std::string part(4'000, 'x');
  const auto say = [&](Scripted& s, uint8_t flags, uint64_t seq, uint32_t total) {
    wire::DataHead one = head;
    one.flags = flags;
    one.seq = seq;
    one.total = total;
    s.say_bytes(raw_data(one, part));
  };
  const uint8_t more = wire::flag::part_more;
  CHECK(ended_with([&](Scripted& s) { say(s, 0, 1, 8'000); }, options) ==
        Reason::part_out_of_order);
  CHECK(ended_with(
            [&](Scripted& s) {
              say(s, more, 1, 8'000);
              say(s, 0, 2, 8'000);
            },
            options) == Reason::part_out_of_order);
  CHECK(ended_with(
            [&](Scripted& s) {
              say(s, more, 1, 8'000);
              say(s, 0, 1, 9'000);
            },
            options) == Reason::part_out_of_order);
  CHECK(ended_with(
            [&](Scripted& s) {
              say(s, more, 1, 8'000);
              say(s, more, 1, 8'000);
              say(s, 0, 1, 8'000);
            },
            options) == Reason::frame_malformed);
  CHECK(ended_with(
            [&](Scripted& s) {
              say(s, more, 1, 20'000);
              say(s, 0, 1, 20'000);
            },
            options) == Reason::frame_malformed);
  // A row that is replaced while it is being sent stops half way: that is no fault.
  CHECK(ended_with(
            [&](Scripted& s) {
              say(s, more, 1, 8'000);
              s.position(1, 1);
            },
            options) == Reason::none);
}

TEST_CASE("what is larger than agreed ends the session, however it is cut") {
  ConversationOptions tight;
  tight.unfinished_bytes_max = 10'000;
  CHECK(ended_with(
            [](Scripted& s) {
              for (uint32_t number = 1; number <= 2; ++number) {
                wire::DataHead head;
                head.topic = number;
                head.seq = 1;
                ByteVector bytes;
                wire::append_message(bytes, head, {}, as_bytes(std::string(12'000, 'x')));
                bytes.resize(8 * wire::next_frame(bytes).consumed);
                s.say_bytes(bytes);
              }
            },
            tight) == Reason::frame_too_large);
  ConversationOptions brief;
  brief.reply_bytes_max = 10;
  CHECK(ended_with(
            [](Scripted& s) {
              fb::ReplyT reply;
              reply.id = *s.conversation.command("status", {});
              s.sent();
              reply.body = "12345678901";
              s.say(reply);
            },
            brief) == Reason::frame_too_large);
}

TEST_CASE("bytes that are no frames, and tables that are broken, have their names") {
  CHECK(ended_with([](Scripted& s) { s.say_bytes(ByteVector(64, std::byte{0xFF})); }) ==
        Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) { s.say_bytes(ByteVector(64)); }) == Reason::frame_malformed);
  CHECK(ended_with([](Scripted& s) {
          ByteVector bytes;
          fb::TopicT topic;
          topic.number = 9;
          topic.name = "x";
          wire::append_control(bytes, topic);
          for (size_t i = wire::head_bytes; i < bytes.size(); ++i) bytes[i] = std::byte{0xFF};
          s.say_bytes(bytes);
        }) == Reason::frame_unverifiable);
}

TEST_CASE("acks and rejects of what was never published are malformed") {
  const auto with_publisher = [](auto misbehave) {
    return ended_with([&](Scripted& s) {
      const uint32_t id = *s.conversation.open("p", wire::AckLevel::memory);
      fb::OpenedT opened;
      opened.id = id;
      opened.number = 4;
      s.say(opened);
      s.sent();
      misbehave(s);
    });
  };
  CHECK(with_publisher([](Scripted& s) {
          fb::AckT ack;
          ack.topic = 4;
          ack.published = 1;
          s.say(ack);
        }) == Reason::frame_malformed);
  CHECK(with_publisher([](Scripted& s) {
          fb::RejectT reject;
          reject.topic = 4;
          reject.published = 1;
          s.say(reject);
        }) == Reason::frame_malformed);
}

TEST_CASE("every single bit of a conversation may be wrong without doing harm") {
  ByteVector good;
  wire::append_control(good, fb::WelcomeT());
  fb::TopicT topic;
  topic.number = 1;
  topic.name = "t";
  topic.kind = TopicKind::state;
  wire::append_control(good, topic);
  fb::SnapshotBeginT begin;
  begin.topic = 1;
  wire::append_control(good, begin);
  wire::DataHead head;
  head.topic = 1;
  head.seq = 1;
  wire::append_message(good, head, as_bytes("key"), as_bytes("payload"));
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    ByteVector bytes = good;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    Scripted s;
    (void)s.conversation.subscribe({.filter = "#"});
    s.conversation.begin(0);
    s.say_bytes(bytes);
    CHECK(s.conversation.counters().messages <= 1);
  }
}
