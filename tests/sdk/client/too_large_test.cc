// Messages with more payload than a client wants: left out one by one, counted and told.
#include "tests/sdk/client/scripted.h"

using namespace btb;
using namespace btb::client;
using wire::From;
using wire::Reason;
using wire::TopicKind;

namespace {

ConversationOptions small() {
  ConversationOptions options;
  options.message_bytes_max = 10'000;
  options.unfinished_bytes_max = 12'000;  // what is left out is not kept meanwhile
  return options;
}

// A client that takes 10,000 bytes a message, with an events topic 1 and a state topic 2.
struct Small : Scripted {
  Small() : Scripted(small()) {
    id = *conversation.subscribe({.filter = "#", .from = From::beginning});
    connect();
    sent();
    subscribed(id, 2);
    topic(1, "e", TopicKind::events, 3);
    topic(2, "s", TopicKind::state);
    snapshot_begin(2);
    recorder.take();
  }
  // The first part of a message alone.
  void first_part(uint32_t number, uint64_t seq, size_t bytes, uint8_t flags = 0) {
    wire::DataHead head;
    head.topic = number;
    head.seq = seq;
    head.flags = flags;
    ByteVector all;
    wire::append_message(all, head, as_bytes("k"), as_bytes(std::string(bytes, 'x')));
    all.resize(wire::next_frame(all).consumed);
    say_bytes(all);
  }
  uint32_t id = 0;
};

}  // namespace

TEST_CASE("a message larger than wanted is left out and told, and those after it come") {
  Small s;
  s.data(1, 1, "", std::string(10'000, 'x'));
  s.data(1, 2, "k", std::string(50'000, 'x'));
  s.data(1, 3, "", "three");
  CHECK(s.recorder.take() == Lines{"e 1 [] 10000", "e too_large 2 [k] 50000", "e 3 [] three"});
  CHECK(s.conversation.state() == Conversation::State::open);
  CHECK(s.conversation.counters().too_large == 1);
  CHECK(s.conversation.counters().messages == 2);
  CHECK(s.conversation.counters().missed == 0);
}

TEST_CASE("a message in one frame is left out as well if it is too large") {
  ConversationOptions options;
  options.message_bytes_max = 10;
  Scripted s(options);
  s.connect();
  s.topic(1, "e", TopicKind::events);
  s.recorder.take();
  s.data(1, 1, "", "12345678901");
  s.data(1, 2, "", "1234567890");
  CHECK(s.recorder.take() == Lines{"e too_large 1 [] 11", "e 2 [] 1234567890"});
}

TEST_CASE("what was left out is not fetched again, also if its last part never came") {
  Small s;
  s.snapshot_end(2, 0);
  s.data(1, 1, "", "one");
  s.first_part(1, 2, 50'000);
  CHECK(s.conversation.position(1) == 2);
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  const auto subscribe = s.heard<fb::SubscribeT>();
  CHECK(subscribe.from == From::resume);
  REQUIRE(subscribe.positions.size() == 2);
  CHECK(subscribe.positions[0].seq() == 2);
  s.subscribed(s.id, 2);
  s.topic(1, "e", TopicKind::events, 3, 2);
  s.recorder.take();
  s.data(1, 3, "", "three");
  CHECK(s.recorder.take() == Lines{"e 3 [] three"});
}

TEST_CASE("a message that was left out ends its batch, and what there was at the beginning") {
  Small s;
  s.snapshot_end(2, 0);
  s.recorder.take();
  s.data(1, 1, "", "one", wire::flag::batch_more);
  s.data(1, 2, "", "two", wire::flag::batch_more);
  s.data(1, 3, "", std::string(50'000, 'x'));
  CHECK(s.recorder.take() == Lines{"e 1 more [] one", "e 2 more [] two", "e too_large 3 [] 50000",
                                   "e batch_end", "synced"});
}

TEST_CASE("a row that is too large may be replaced while its parts come") {
  Small s;
  s.first_part(2, 4, 50'000);
  s.data(2, 5, "k", "small");
  s.snapshot_end(2, 5);
  CHECK(s.recorder.take() == Lines{"s too_large 4 [k] 50000", "s 5 snapshot [k] small", "s end 5"});
}

TEST_CASE("a message that is too large and comes again after a cut is told once") {
  Scripted s(small());
  const uint32_t id = *s.conversation.subscribe({.filter = "#", .from = From::beginning});
  s.connect();
  s.subscribed(id, 2);
  s.topic(1, "e", TopicKind::events, 2);
  s.data(1, 1, "", std::string(50'000, 'x'));
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  s.subscribed(id, 2);
  s.topic(1, "e", TopicKind::events, 2);
  s.recorder.take();
  s.data(1, 1, "", std::string(50'000, 'x'));
  s.data(1, 2, "", "two");
  CHECK(s.recorder.take() == Lines{"e 2 [] two"});
  CHECK(s.conversation.counters().too_large == 1);
  CHECK(s.conversation.counters().duplicates == 1);
}

TEST_CASE("a handler may end the session when it is told of a message that is too large") {
  struct Closer : Recorder {
    Conversation* conversation = nullptr;
    void on_too_large(const Topic& t, uint64_t seq, Bytes key, uint32_t bytes) override {
      conversation->close(Reason::normal, "enough");
      Recorder::on_too_large(t, seq, key, bytes);
    }
  } closer;
  Conversation conversation(small(), closer);
  closer.conversation = &conversation;
  conversation.begin(0);
  ByteVector bytes;
  wire::append_control(bytes, fb::WelcomeT());
  fb::TopicT topic;
  topic.number = 1;
  topic.name = "t";
  wire::append_control(bytes, topic);
  wire::DataHead head;
  head.topic = 1;
  head.seq = 1;
  wire::append_message(bytes, head, as_bytes("k"), as_bytes(std::string(50'000, 'x')));
  conversation.receive(bytes, 0);
  CHECK(closer.take() ==
        Lines{"connected ", "topic t", "disconnected normal", "t too_large 1 [k] 50000"});
}
