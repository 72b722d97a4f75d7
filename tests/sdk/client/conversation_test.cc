#include "sdk/client/conversation.h"

#include "tests/sdk/client/scripted.h"

using namespace btb;
using namespace btb::client;
using wire::Reason;
using wire::TopicKind;

TEST_CASE("a conversation opens with hello, and is connected when welcome came") {
  ConversationOptions options;
  options.name = std::string(100, 'n');
  options.agent = "test/1";
  Scripted s(options);
  s.conversation.begin(0);
  const auto hello = s.heard<fb::HelloT>();
  CHECK(hello.name.size() == 64);
  CHECK(hello.agent == "test/1");
  CHECK(s.conversation.state() == Conversation::State::greeting);
  fb::WelcomeT welcome;
  welcome.broker_name = "ward 7";
  s.say(welcome);
  CHECK(s.conversation.state() == Conversation::State::open);
  CHECK(s.recorder.take() == Lines{"connected ward 7"});
}

TEST_CASE("subscriptions made before the session are sent with it, later ones at once") {
  Scripted s;
  REQUIRE(s.conversation.subscribe({.filter = "a/#", .from = wire::From::last, .value = 3}).ok());
  s.connect();
  const auto first = s.heard<fb::SubscribeT>();
  CHECK(first.filter == "a/#");
  CHECK(first.from == wire::From::last);
  CHECK(first.value == 3);
  REQUIRE(s.conversation.subscribe({.filter = "b"}).ok());
  CHECK(s.heard<fb::SubscribeT>().filter == "b");
  const auto wrong = s.conversation.subscribe({.filter = "a/#/b"});
  REQUIRE(!wrong.ok());
  CHECK(wrong.error().text == "filter \"a/#/b\": # is not the last level");
}

TEST_CASE("a state topic is a snapshot, then changes, and the handler is told where it ends") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "t"});
  s.connect();
  s.recorder.take();
  s.subscribed(id, 1);
  s.topic(3, "t", TopicKind::state, 5);
  s.snapshot_begin(3);
  s.data(3, 2, "k1", "one");
  s.data(3, 5, "k2", "two");
  s.snapshot_end(3, 5);
  s.data(3, 6, "k1", "", wire::flag::deletion);
  CHECK(s.recorder.take() == Lines{"subscribed 1", "topic t", "t begin whole",
                                   "t 2 snapshot [k1] one", "t 5 snapshot [k2] two", "t end 5",
                                   "synced", "t 6 delete [k1] "});
  CHECK(s.conversation.position(3) == 6);
}

TEST_CASE("an events topic is synced when its last message at the announcement has come") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "e", .from = wire::From::beginning});
  s.connect();
  s.recorder.take();
  s.subscribed(id, 1);
  s.topic(1, "e", TopicKind::events, 2);
  s.data(1, 1, "", "a");
  s.data(1, 2, "", "b");
  s.data(1, 3, "", "c");
  CHECK(s.recorder.take() ==
        Lines{"subscribed 1", "topic e", "e 1 [] a", "e 2 [] b", "synced", "e 3 [] c"});
}

TEST_CASE("a subscription that matches nothing is synced at once, so that nobody waits for ever") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "none"});
  s.connect();
  s.recorder.take();
  s.subscribed(id, 0);
  CHECK(s.recorder.take() == Lines{"subscribed 0", "synced"});
}

TEST_CASE("two subscriptions of one topic are both synced though it is announced once") {
  Scripted s;
  const uint32_t first = *s.conversation.subscribe({.filter = "a/b"});
  const uint32_t second = *s.conversation.subscribe({.filter = "a/#"});
  s.connect();
  s.recorder.take();
  s.subscribed(first, 1);
  s.topic(1, "a/b", TopicKind::state);
  s.subscribed(second, 1);
  s.snapshot_begin(1);
  CHECK(s.recorder.take() == Lines{"subscribed 1", "topic a/b", "subscribed 1", "a/b begin whole"});
  s.snapshot_end(1, 0);
  CHECK(s.recorder.take() == Lines{"a/b end 0", "synced", "synced"});
}

TEST_CASE("a message in parts arrives whole, also when another topic overtakes it") {
  Scripted s;
  (void)s.conversation.subscribe({.filter = "#"});
  s.connect();
  s.topic(1, "big", TopicKind::events);
  s.topic(2, "alert", TopicKind::events);
  s.recorder.take();
  std::string payload;
  for (int i = 0; i < 10'000; ++i) payload += static_cast<char>('a' + i % 26);
  wire::DataHead head;
  head.topic = 1;
  head.seq = 1;
  ByteVector bytes;
  wire::append_message(bytes, head, as_bytes("key"), as_bytes(payload));
  const size_t first = wire::next_frame(bytes).consumed;
  s.say_bytes(ByteVector(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(first)));
  s.data(2, 1, "", "fire");
  s.say_bytes(ByteVector(bytes.begin() + static_cast<std::ptrdiff_t>(first), bytes.end()));
  CHECK(s.recorder.take() == Lines{"alert 1 [] fire", "big 1 [key] 10000"});
  CHECK(as_text(s.recorder.last_payload) == payload);
}

TEST_CASE("bytes may come in any pieces") {
  Scripted whole;
  Scripted pieces;
  for (Scripted* s : {&whole, &pieces}) {
    s->connect();
    s->recorder.take();
  }
  ByteVector bytes;
  fb::TopicT topic;
  topic.number = 1;
  topic.name = "t";
  wire::append_control(bytes, topic);
  wire::DataHead head;
  head.topic = 1;
  for (head.seq = 1; head.seq <= 5; ++head.seq) {
    wire::append_message(bytes, head, as_bytes("k"), as_bytes(std::string(head.seq, 'x')));
  }
  whole.say_bytes(bytes);
  for (const std::byte byte : bytes) pieces.say_bytes({byte});
  CHECK(whole.recorder.lines.size() == 6);
  CHECK(pieces.recorder.lines == whole.recorder.lines);
}

TEST_CASE("the end of a batch is told, whether by a message, a position or a snapshot's end") {
  Scripted s;
  s.connect();
  s.topic(1, "t", TopicKind::state);
  s.snapshot_begin(1);
  s.recorder.take();
  const uint8_t more = wire::flag::batch_more;
  s.data(1, 1, "a", "1", more);
  s.data(1, 2, "b", "2");
  s.data(1, 3, "a", "3", more);
  s.snapshot_end(1, 4);
  s.data(1, 5, "a", "5", more);
  s.position(1, 6);
  s.data(1, 7, "a", "7");
  CHECK(s.recorder.take() == Lines{"t 1 snapshot more [a] 1", "t 2 snapshot [b] 2", "t batch_end",
                                   "t 3 snapshot more [a] 3", "t batch_end", "t end 4",
                                   "t 5 more [a] 5", "t batch_end", "t position 6", "t 7 [a] 7"});
}

TEST_CASE("a gap ends an open batch, and what follows it begins another one") {
  Scripted s;
  s.connect();
  s.topic(1, "e", TopicKind::events);
  s.recorder.take();
  const uint8_t more = wire::flag::batch_more;
  s.data(1, 1, "", "1", more);
  s.gap(1, 2, 4);
  s.data(1, 5, "", "5", more);
  s.data(1, 6, "", "6");
  s.gap(1, 7, 8);
  CHECK(s.recorder.take() == Lines{"e 1 more [] 1", "e gap 2..4 retention", "e batch_end",
                                   "e 5 more [] 5", "e 6 [] 6", "e batch_end",
                                   "e gap 7..8 retention"});
}

TEST_CASE("gaps are told, those the broker names and those the numbers show") {
  Scripted s;
  s.connect();
  s.topic(1, "e", TopicKind::events, 9, 0);
  s.recorder.take();
  s.gap(1, 1, 4);
  s.data(1, 5, "", "five");
  s.data(1, 8, "", "eight");
  CHECK(s.recorder.take() ==
        Lines{"e gap 1..4 retention", "e 5 [] five", "e gap 6..7 none", "e 8 [] eight"});
  CHECK(s.conversation.counters().missed == 6);
}

TEST_CASE("after must_refetch the next snapshot is whole again") {
  Scripted s;
  s.connect();
  s.topic(1, "t", TopicKind::state);
  s.snapshot_begin(1);
  s.data(1, 9, "a", "old");
  s.snapshot_end(1, 9);
  s.recorder.take();
  s.must_refetch(1, Reason::overflow);
  s.snapshot_begin(1);
  s.data(1, 3, "b", "new");
  s.snapshot_end(1, 3);
  CHECK(s.recorder.take() ==
        Lines{"t must_refetch overflow", "t begin whole", "t 3 snapshot [b] new", "t end 3"});
}

TEST_CASE("a refused subscription says why and is gone") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "secret"});
  s.connect();
  s.recorder.take();
  fb::SubscribedT answer;
  answer.id = id;
  answer.reason = Reason::not_allowed;
  answer.text = "no";
  s.say(answer);
  CHECK(s.recorder.take() == Lines{"refused not_allowed no"});
  s.sent();
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  CHECK(s.sent().empty());
}

TEST_CASE("an unsubscribed filter is not asked for again") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "t"});
  s.connect();
  s.subscribed(id, 0);
  s.sent();
  s.recorder.take();
  s.conversation.unsubscribe(id);
  CHECK(s.heard<fb::UnsubscribeT>().id == id);
  fb::UnsubscribedT answer;
  answer.id = id;
  s.say(answer);
  CHECK(s.recorder.take() == Lines{"unsubscribed"});
  s.conversation.end(Reason::peer_failed, "");
  s.connect();
  CHECK(s.sent().empty());
}

TEST_CASE("a filter that is unsubscribed before welcome is never asked for") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "t"});
  s.conversation.begin(s.now_ms);
  s.sent();
  s.conversation.unsubscribe(id);
  s.say(fb::WelcomeT{});
  CHECK(s.sent().empty());
}

TEST_CASE("a subscription that was taken back before it was refused ends with both answers") {
  Scripted s;
  const uint32_t id = *s.conversation.subscribe({.filter = "t"});
  s.connect();
  s.conversation.unsubscribe(id);
  s.recorder.take();
  fb::SubscribedT refused;
  refused.id = id;
  refused.reason = Reason::too_many_subscriptions;
  s.say(refused);
  fb::UnsubscribedT unsubscribed;
  unsubscribed.id = id;
  unsubscribed.reason = Reason::id_unknown;
  s.say(unsubscribed);
  CHECK(s.recorder.take() == Lines{"refused too_many_subscriptions ", "unsubscribed"});
  CHECK(s.conversation.state() == Conversation::State::open);
}

TEST_CASE("a topic that is unsubscribed and subscribed again starts anew") {
  Scripted s;
  s.connect();
  s.topic(1, "t", TopicKind::events);
  s.data(1, 1, "", "a");
  s.topic(1, "t", TopicKind::events, 1, 0);
  s.data(1, 1, "", "a");
  CHECK(s.conversation.state() == Conversation::State::open);
  CHECK(s.recorder.lines.back() == "t 1 [] a");
}

TEST_CASE(
    "keep-alive: a ping before the time is over, an answer to the broker's, an end to silence") {
  Scripted s;
  s.connect();
  s.now_ms += 700;
  s.conversation.tick(s.now_ms);
  CHECK(s.conversation.output().empty());
  REQUIRE(s.conversation.next_tick_ms().has_value());
  CHECK(*s.conversation.next_tick_ms() == s.now_ms + 50);
  s.now_ms += 50;
  s.conversation.tick(s.now_ms);
  CHECK(s.heard<fb::PingT>().token == 1);
  fb::PingT ping;
  ping.token = 42;
  s.say(ping);
  CHECK(s.heard<fb::PongT>().token == 42);
  s.now_ms += 1'499;
  s.conversation.tick(s.now_ms);
  CHECK(s.conversation.state() == Conversation::State::open);
  s.now_ms += 1;
  s.conversation.tick(s.now_ms);
  CHECK(s.conversation.state() == Conversation::State::ended);
  CHECK(s.recorder.lines.back() == "disconnected keep_alive_timeout");
}

TEST_CASE("a paused conversation takes nothing more, and does not call a broker silent") {
  Scripted s;
  s.connect();
  s.topic(1, "e", TopicKind::events);
  s.recorder.take();
  s.conversation.pause_reading();
  s.data(1, 1, "", "a");
  CHECK(s.recorder.lines.empty());
  s.now_ms += 5'000;
  s.conversation.tick(s.now_ms);
  CHECK(s.conversation.state() == Conversation::State::open);
  s.conversation.resume_reading();
  s.say_bytes({});
  CHECK(s.recorder.lines == Lines{"e 1 [] a"});
}

TEST_CASE("a handler may end the session from inside a message, and hears nothing after it") {
  struct Closer : Recorder {
    Conversation* conversation = nullptr;
    void on_message(const Topic& t, const Message& m) override {
      conversation->close(Reason::normal, "enough");
      Recorder::on_message(t, m);  // the views are still good
    }
  } closer;
  Conversation conversation({}, closer);
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
  wire::append_message(bytes, head, as_bytes("k"), as_bytes(std::string(9'000, 'x')));
  head.seq = 2;
  wire::append_message(bytes, head, {}, as_bytes("y"));
  conversation.receive(bytes, 0);
  CHECK(closer.take() == Lines{"connected ", "topic t", "disconnected normal", "t 1 [k] 9000"});
}

TEST_CASE("commands get their replies, put together from their pieces") {
  Scripted s;
  CHECK(s.conversation.command("status", {}).error().code == Errc::unavailable);
  s.connect();
  s.recorder.take();
  const auto id = s.conversation.command("topics", {"a/#"});
  REQUIRE(id.ok());
  const auto command = s.heard<fb::CommandT>();
  CHECK(command.verb == "topics");
  CHECK(command.arguments == Lines{"a/#"});
  fb::ReplyT reply;
  reply.id = *id;
  reply.body = "[1,";
  reply.more = true;
  s.say(reply);
  reply.body = "2]";
  reply.more = false;
  s.say(reply);
  CHECK(s.recorder.take() == Lines{"reply none [1,2]"});
}
