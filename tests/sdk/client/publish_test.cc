#include "tests/sdk/client/scripted.h"

using namespace btb;
using namespace btb::client;
using wire::AckLevel;
using wire::Reason;
using wire::TopicKind;

namespace {

// A client with topic number 4 open for publishing.
struct Publishing : Scripted {
  Publishing() {
    publisher = *conversation.open("p", AckLevel::memory);
    connect();
    const auto open = heard<fb::OpenT>();
    CHECK(open.name == "p");
    opened(4);
    recorder.take();
  }
  void opened(uint32_t number) {
    fb::OpenedT answer;
    answer.id = publisher;
    answer.number = number;
    answer.kind = TopicKind::state;
    say(answer);
  }
  void ack(uint64_t published) {
    fb::AckT message;
    message.topic = 4;
    message.published = published;
    message.seq = published + 100;
    say(message);
  }
  uint32_t publisher = 0;
};

}  // namespace

TEST_CASE("a publisher counts its messages, and acks settle them") {
  Publishing s;
  CHECK(*s.conversation.publish(s.publisher, {.key = as_bytes("k"), .payload = as_bytes("one")}) ==
        1);
  CHECK(*s.conversation.publish(s.publisher, {.key = as_bytes("k"), .deletion = true}) == 2);
  const ByteVector bytes = s.sent();
  const auto first = wire::next_frame(bytes);
  REQUIRE(first.status == wire::NextFrame::Status::frame);
  CHECK(first.frame.data().topic == 4);
  CHECK(first.frame.data().seq == 1);
  CHECK(as_text(first.frame.payload()) == "one");
  const auto second = wire::next_frame(Bytes(bytes).subspan(first.consumed));
  REQUIRE(second.status == wire::NextFrame::Status::frame);
  CHECK(second.frame.data().deletion());
  s.ack(2);
  CHECK(s.recorder.take() == Lines{"ack 2 102"});
}

TEST_CASE("a large payload is published in parts") {
  Publishing s;
  const std::string payload(4'100, 'x');
  REQUIRE(s.conversation.publish(s.publisher, {.payload = as_bytes(payload)}).ok());
  const ByteVector bytes = s.sent();
  int parts = 0;
  for (Bytes rest = bytes; !rest.empty(); ++parts) {
    const auto next = wire::next_frame(rest);
    REQUIRE(next.status == wire::NextFrame::Status::frame);
    CHECK(next.frame.data().total == 4'100);
    CHECK(next.frame.data().part_more() == (parts < 4));
    rest = rest.subspan(next.consumed);
  }
  CHECK(parts == 5);
}

TEST_CASE("what a broker would not take is refused before it is sent") {
  Publishing s;
  const std::string large((1 << 20) + 1, 'x');
  CHECK(s.conversation.publish(s.publisher, {.payload = as_bytes(large)}).error().code ==
        Errc::limit);
  CHECK(s.conversation.publish(s.publisher, {.key = as_bytes(large)}).error().code == Errc::limit);
  CHECK(s.conversation.open("a/+", AckLevel::none).error().code == Errc::invalid);
  CHECK(s.sent().empty());
}

TEST_CASE("a publisher that is faster than its link is told to wait") {
  Publishing s;
  const std::string payload(100'000, 'x');
  Errc code = Errc::invalid;
  for (int i = 0; i < 100 && code != Errc::limit; ++i) {
    const auto seq = s.conversation.publish(s.publisher, {.payload = as_bytes(payload)});
    if (!seq) code = seq.error().code;
  }
  CHECK(code == Errc::limit);
  s.sent();
  CHECK(s.conversation.publish(s.publisher, {.payload = as_bytes(payload)}).ok());
}

TEST_CASE("rejects and refusals are told with their reason") {
  Publishing s;
  REQUIRE(s.conversation.publish(s.publisher, {.payload = as_bytes("x")}).ok());
  fb::RejectT reject;
  reject.topic = 4;
  reject.published = 1;
  reject.reason = Reason::topic_full;
  s.say(reject);
  CHECK(s.recorder.take() == Lines{"reject 1 topic_full"});
  s.conversation.end(Reason::peer_failed, "");
  CHECK(s.recorder.take() == Lines{"disconnected peer_failed"});  // nothing is unsettled
  s.connect();
  s.recorder.take();
  const uint32_t other = *s.conversation.open("$SYS/x", AckLevel::none);
  fb::OpenedT answer;
  answer.id = other;
  answer.reason = Reason::reserved_name;
  s.say(answer);
  CHECK(s.recorder.take() == Lines{"open_refused reserved_name"});
}

TEST_CASE(
    "messages not settled when the connection ends are named, and the topic is opened again") {
  Publishing s;
  for (int i = 0; i < 3; ++i) (void)s.conversation.publish(s.publisher, {.payload = as_bytes("x")});
  s.ack(1);
  s.recorder.take();
  s.conversation.end(Reason::peer_failed, "");
  CHECK(s.recorder.take() == Lines{"unsettled 2..3", "disconnected peer_failed"});
  CHECK(s.conversation.publish(s.publisher, {}).error().code == Errc::unavailable);
  s.connect();
  CHECK(s.heard<fb::OpenT>().id == s.publisher);
  s.opened(9);
  CHECK(*s.conversation.publish(s.publisher, {}) == 1);
}

TEST_CASE("a topic is opened once: the broker counts and acknowledges by topic") {
  Publishing s;
  const auto second = s.conversation.open("p", AckLevel::none);
  REQUIRE(!second.ok());
  CHECK(second.error().code == Errc::exists);
  CHECK(second.error().text == "topic \"p\" is open already");
  CHECK(s.sent().empty());
  REQUIRE(s.conversation.publish(s.publisher, {.payload = as_bytes("x")}).ok());
  s.ack(1);
  CHECK(s.recorder.take() == Lines{"ack 1 101"});
}

TEST_CASE("a topic that was refused may be asked for again") {
  Scripted s;
  s.connect();
  s.recorder.take();
  fb::OpenedT answer;
  answer.id = *s.conversation.open("p", AckLevel::none);
  CHECK(!s.conversation.open("p", AckLevel::none).ok());  // not answered yet
  answer.reason = Reason::not_allowed;
  s.say(answer);
  CHECK(s.conversation.open("p", AckLevel::none).ok());
}

TEST_CASE("a broker that gives two topics one number is not believed") {
  Publishing s;
  fb::OpenedT answer;
  answer.id = *s.conversation.open("q", AckLevel::memory);
  answer.number = 4;
  s.say(answer);
  CHECK(s.recorder.take() == Lines{"disconnected frame_malformed"});
}

TEST_CASE("a message is published behind a megabyte of which an odd part was sent") {
  Publishing s;
  const uint32_t id = s.publisher;
  const std::string large(700'000, 'x');
  for (int i = 0; i < 2; ++i) REQUIRE(s.conversation.publish(id, {.payload = as_bytes(large)}));
  constexpr size_t odd = (1U << 20) + 3;
  const Bytes output = s.conversation.output();
  ByteVector stream(output.begin(), output.begin() + odd);
  s.conversation.sent(odd, s.now_ms);
  REQUIRE(s.conversation.publish(id, {.key = as_bytes("k"), .payload = as_bytes("last")}));
  append(stream, s.sent());
  std::vector<uint64_t> whole;
  Bytes rest = stream;
  while (!rest.empty()) {
    const auto next = wire::next_frame(rest);
    REQUIRE(next.status == wire::NextFrame::Status::frame);
    if (!next.frame.data().part_more()) whole.push_back(next.frame.data().seq);
    rest = rest.subspan(next.consumed);
  }
  CHECK(whole == std::vector<uint64_t>{1, 2, 3});
}
