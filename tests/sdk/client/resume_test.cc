// A client that comes back: what it asks for, and what it makes of the answers.
#include "tests/sdk/client/scripted.h"

using namespace btb;
using namespace btb::client;
using wire::From;
using wire::Reason;
using wire::TopicKind;

namespace {

// A client that holds a state topic up to 5 and an events topic up to 2, and lost its connection.
struct Away : Scripted {
  explicit Away(From from = From::latest) {
    id = *conversation.subscribe({.filter = "#", .from = from});
    connect();
    sent();
    subscribed(id, 2);
    topic(1, "s", TopicKind::state, 5);
    snapshot_begin(1);
    data(1, 5, "k", "v");
    snapshot_end(1, 5);
    topic(2, "e", TopicKind::events, 2);
    data(2, 1, "", "a");
    data(2, 2, "", "b");
    conversation.end(Reason::peer_failed, "");
    recorder.take();
  }
  uint32_t id = 0;
};

}  // namespace

TEST_CASE("coming back names the position of every topic and the epoch they belong to") {
  Away s;
  s.connect();
  CHECK(s.recorder.take() == Lines{"connected b resumed"});
  const auto subscribe = s.heard<fb::SubscribeT>();
  CHECK(subscribe.from == From::resume);
  CHECK(subscribe.epoch == 7);
  REQUIRE(subscribe.positions.size() == 2);
  CHECK(subscribe.positions[0].topic() == 1);
  CHECK(subscribe.positions[0].seq() == 5);
  CHECK(subscribe.positions[1].topic() == 2);
  CHECK(subscribe.positions[1].seq() == 2);
}

TEST_CASE("after coming back the snapshot of a state topic is only what changed") {
  Away s;
  s.connect();
  s.recorder.take();
  s.subscribed(s.id, 2);
  s.topic(1, "s", TopicKind::state, 9, 5);
  s.snapshot_begin(1);
  s.data(1, 8, "k", "", wire::flag::deletion);
  s.snapshot_end(1, 9);
  s.topic(2, "e", TopicKind::events, 3, 2);
  s.data(2, 3, "", "c");
  CHECK(s.recorder.take() == Lines{"subscribed 2", "topic s", "s begin changes", "s 8 delete [k] ",
                                   "s end 9", "topic e", "e 3 [] c", "synced"});
}

TEST_CASE("the messages of a lost connection that come again are an error, a gap is told") {
  Away s;
  s.connect();
  s.topic(2, "e", TopicKind::events, 9, 2);
  s.recorder.take();
  s.data(2, 5, "", "x");
  CHECK(s.recorder.take() == Lines{"e gap 3..4 none", "e 5 [] x"});
  s.data(2, 5, "", "x");
  CHECK(s.recorder.lines.back() == "disconnected frame_malformed");
}

TEST_CASE("another epoch makes all topics new, and the old positions are sent to nobody") {
  Away s;
  s.epoch = 8;
  s.connect();
  CHECK(s.recorder.take() == Lines{"connected b resumed epoch_changed",
                                   "s must_refetch epoch_changed", "e must_refetch epoch_changed"});
  const auto subscribe = s.heard<fb::SubscribeT>();
  CHECK(subscribe.from == From::resume);
  CHECK(subscribe.epoch == 7);
  CHECK(subscribe.positions.empty());
  s.topic(1, "e", TopicKind::events, 1);  // the number means another topic now
  s.must_refetch(1, Reason::epoch_changed);
  s.data(1, 1, "", "x");
  CHECK(s.recorder.take() == Lines{"topic e", "e 1 [] x"});
  s.must_refetch(1, Reason::epoch_changed);
  CHECK(s.recorder.take() == Lines{"e must_refetch epoch_changed"});
}

namespace {

// Says goodbye at the first topic that is void.
struct Leaving : Recorder {
  Conversation* conversation = nullptr;
  const Topic* first = nullptr;
  void on_topic(const Topic& topic) override {
    if (first == nullptr) first = &topic;
  }
  void on_must_refetch(const Topic& topic, Reason reason) override {
    CHECK(&topic == first);
    CHECK(conversation->topic(topic.number) == nullptr);
    Recorder::on_must_refetch(topic, reason);
    conversation->close(Reason::normal, "");
  }
};

}  // namespace

TEST_CASE(
    "the topics of another epoch stay where they are until they were told, or nobody listens") {
  Leaving leaving;
  Conversation conversation({}, leaving);
  leaving.conversation = &conversation;
  const auto say = [&](const auto& message) {
    ByteVector bytes;
    wire::append_control(bytes, message);
    (void)conversation.receive(bytes, 1'000);
  };
  const auto welcome = [&](uint64_t epoch) {
    fb::WelcomeT message;
    message.epoch = epoch;
    conversation.begin(1'000);
    say(message);
  };
  (void)conversation.subscribe({.filter = "#"});
  welcome(1);
  for (const uint32_t number : {1, 2}) {
    fb::TopicT topic;
    topic.number = number;
    topic.name = number == 1 ? "old" : "older";
    say(topic);
  }
  conversation.end(Reason::peer_failed, "");
  leaving.take();
  welcome(2);
  CHECK(leaving.take() == Lines{"connected  resumed epoch_changed",
                                "old must_refetch epoch_changed", "disconnected normal"});
}

TEST_CASE("what was unsubscribed is not told to be void, nor resumed, nor missed") {
  Away s;
  s.connect();
  s.recorder.take();
  s.conversation.unsubscribe(s.id);  // no answer comes any more
  SUBCASE("in another epoch") {
    s.conversation.end(Reason::peer_failed, "");
    s.recorder.take();
    s.epoch = 8;
    s.connect();
    CHECK(s.recorder.take() == Lines{"connected b resumed epoch_changed"});
  }
  SUBCASE("in the same") {
    s.conversation.end(Reason::peer_failed, "");
    s.recorder.take();
    s.connect();
    const uint32_t id = *s.conversation.subscribe({.filter = "e"});
    s.subscribed(id, 1);
    s.topic(2, "e", TopicKind::events, 9, 9);
    s.data(2, 10, "", "x");
    CHECK(s.recorder.take() ==
          Lines{"connected b resumed", "subscribed 1", "topic e", "synced", "e 10 [] x"});
  }
}

TEST_CASE("a subscription that was cut before all its topics were known asks again as at first") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "#", .from = From::beginning});
  s.connect();
  s.sent();
  s.subscribed(id, 2);
  s.topic(1, "e", TopicKind::events, 3);
  s.data(1, 1, "", "a");
  s.data(1, 2, "", "b");
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  CHECK(s.heard<fb::SubscribeT>().from == From::beginning);
  s.subscribed(id, 2);
  s.recorder.take();
  s.topic(1, "e", TopicKind::events, 3);
  s.data(1, 1, "", "a");
  s.data(1, 2, "", "b");
  s.data(1, 3, "", "c");
  s.topic(2, "f", TopicKind::events, 1);
  s.data(2, 1, "", "x");
  CHECK(s.recorder.take() == Lines{"topic e", "e 3 [] c", "topic f", "f 1 [] x", "synced"});
  CHECK(s.conversation.counters().duplicates == 2);
}

TEST_CASE("what passed by while a cut subscription was away is a gap") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "#"});
  s.connect();
  s.subscribed(id, 2);
  s.topic(1, "e", TopicKind::events, 3, 3);
  s.data(1, 4, "", "a");
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  s.subscribed(id, 2);
  s.recorder.take();
  s.topic(1, "e", TopicKind::events, 9, 9);
  s.data(1, 10, "", "b");
  CHECK(s.recorder.take() == Lines{"topic e", "e gap 5..9 none", "e 10 [] b"});
}

TEST_CASE("more positions than fit into one frame travel in several") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "#"});
  s.connect();
  s.sent();
  constexpr uint32_t topics = 10'000;
  s.subscribed(id, topics);
  for (uint32_t i = 1; i <= topics; ++i) {
    s.topic(i, "t/" + std::to_string(i), TopicKind::events, i, i);
  }
  CHECK(s.recorder.lines.back() == "synced");
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  const ByteVector bytes = s.sent();
  size_t seen = 0;
  bool more = true;
  for (Bytes rest = bytes; !rest.empty();) {
    const auto next = wire::next_frame(rest);
    REQUIRE(next.status == wire::NextFrame::Status::frame);
    const auto message = wire::decode<fb::SubscribeT>(next.frame);
    REQUIRE(message != nullptr);
    CHECK(more);
    CHECK(message->id == id);
    more = message->more;
    seen += message->positions.size();
    rest = rest.subspan(next.consumed);
  }
  CHECK(!more);
  CHECK(seen == topics);
}

TEST_CASE("a batch that was open when the connection broke ends after the return") {
  Away s;
  s.connect();
  s.topic(2, "e", TopicKind::events, 2, 2);
  s.data(2, 3, "", "x", wire::flag::batch_more);
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  s.topic(2, "e", TopicKind::events, 4, 3);
  s.recorder.take();
  s.data(2, 4, "", "y");
  CHECK(s.recorder.take() == Lines{"e 4 [] y", "e batch_end"});
}

TEST_CASE("half a message of a lost connection is forgotten") {
  Away s;
  s.connect();
  s.topic(2, "e", TopicKind::events, 3, 2);
  wire::DataHead head;
  head.topic = 2;
  head.seq = 3;
  ByteVector bytes;
  wire::append_message(bytes, head, {}, as_bytes(std::string(5'000, 'x')));
  bytes.resize(wire::next_frame(bytes).consumed);
  s.say_bytes(bytes);
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  s.topic(2, "e", TopicKind::events, 3, 2);
  s.recorder.take();
  s.data(2, 3, "", std::string(5'000, 'x'));
  CHECK(s.recorder.take() == Lines{"e 3 [] 5000"});
}

TEST_CASE("a message in parts that comes again is dropped like any other") {
  Scripted s;
  (void)s.conversation.subscribe({.filter = "#", .from = From::beginning});
  s.connect();
  s.topic(1, "e", TopicKind::events, 1);
  s.data(1, 1, "", std::string(5'000, 'x'));
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  s.topic(1, "e", TopicKind::events, 2);
  s.recorder.take();
  s.data(1, 1, "", std::string(5'000, 'x'));
  s.data(1, 2, "", std::string(6'000, 'y'));
  CHECK(s.recorder.take() == Lines{"e 2 [] 6000"});
  CHECK(s.conversation.counters().duplicates == 1);
}
