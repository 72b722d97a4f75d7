// Helpers for tests of the client: a handler that writes down what it is told, one line a call, and
// a broker's side of a conversation as calls.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "sdk/client/conversation.h"
#include "sdk/wire/control.h"

namespace btb::client {

// Every call as a line of text.
class Recorder : public Handler {
 public:
  std::vector<std::string> lines;

  // The lines so far, which are then forgotten.
  std::vector<std::string> take() { return std::exchange(lines, {}); }

  void on_connected(const Session& s) override {
    add("connected ", s.broker_name, s.resumed ? " resumed" : "",
        s.epoch_changed ? " epoch_changed" : "");
  }
  void on_disconnected(const Ending& e, int64_t retry_ms) override {
    add("disconnected ", wire::name_of(e.reason), e.by_broker ? " by_broker" : "",
        retry_ms >= 0 ? " retry" : "");
    text = e.text;
  }
  void on_subscribed(uint32_t, uint32_t topics) override { add("subscribed ", number(topics)); }
  void on_subscription_refused(uint32_t, wire::Reason reason, std::string_view words) override {
    add("refused ", wire::name_of(reason), " ", words);
  }
  void on_unsubscribed(uint32_t) override { add("unsubscribed"); }
  void on_synced(uint32_t) override { add("synced"); }
  void on_topic(const Topic& t) override { add("topic ", t.name); }
  void on_message(const Topic& t, const Message& m) override {
    const bool large = m.payload.size() > 64;
    add(t.name, " ", number(m.seq), m.deletion ? " delete" : "", m.snapshot ? " snapshot" : "",
        m.batch_more ? " more" : "", " [", as_text(m.key), "] ",
        large ? number(m.payload.size()) : std::string(as_text(m.payload)));
    if (large) last_payload.assign(m.payload.begin(), m.payload.end());
  }
  void on_batch_end(const Topic& t) override { add(t.name, " batch_end"); }
  void on_snapshot_begin(const Topic& t, SnapshotKind kind, uint64_t) override {
    add(t.name, kind == SnapshotKind::whole ? " begin whole" : " begin changes");
  }
  void on_snapshot_end(const Topic& t, uint64_t seq) override { add(t.name, " end ", number(seq)); }
  void on_gap(const Topic& t, uint64_t first, uint64_t last, wire::Reason reason) override {
    add(t.name, " gap ", number(first), "..", number(last), " ", wire::name_of(reason));
  }
  void on_too_large(const Topic& t, uint64_t seq, Bytes key, uint32_t bytes) override {
    add(t.name, " too_large ", number(seq), " [", as_text(key), "] ", number(bytes));
  }
  void on_position(const Topic& t, uint64_t seq) override {
    add(t.name, " position ", number(seq));
  }
  void on_must_refetch(const Topic& t, wire::Reason reason) override {
    add(t.name, " must_refetch ", wire::name_of(reason));
  }
  void on_opened(uint32_t, wire::TopicKind kind) override { add("opened ", wire::name_of(kind)); }
  void on_open_refused(uint32_t, wire::Reason reason, std::string_view) override {
    add("open_refused ", wire::name_of(reason));
  }
  void on_ack(uint32_t, uint64_t published, uint64_t seq) override {
    add("ack ", number(published), " ", number(seq));
  }
  void on_reject(uint32_t, uint64_t published, wire::Reason reason, std::string_view) override {
    add("reject ", number(published), " ", wire::name_of(reason));
  }
  void on_unsettled(uint32_t, uint64_t first, uint64_t last) override {
    add("unsettled ", number(first), "..", number(last));
  }
  void on_reply(uint32_t, wire::Reason reason, std::string_view, std::string_view body) override {
    add("reply ", wire::name_of(reason), " ", body);
  }

  std::string text;         // of the last ending
  ByteVector last_payload;  // of the last large message

 private:
  static std::string number(uint64_t value) { return std::to_string(value); }
  template <class... Parts>
  void add(const Parts&... parts) {
    std::string line;
    (line.append(std::string_view(parts)), ...);
    lines.push_back(line);
  }
};

using Lines = std::vector<std::string>;

// A client's conversation and the broker's side of it. What the broker says is given to the client
// at once; what the client says is taken apart on demand.
class Scripted {
 public:
  explicit Scripted(ConversationOptions options = {})
      : conversation(std::move(options), recorder) {}

  Recorder recorder;
  Conversation conversation;
  uint64_t now_ms = 1'000;
  uint64_t epoch = 7;

  // Connects and is welcomed; the greeting is not recorded.
  void connect() {
    conversation.begin(now_ms);
    sent();
    fb::WelcomeT welcome;
    welcome.broker_name = "b";
    welcome.session = 1;
    welcome.epoch = epoch;
    welcome.keep_alive_ms = 1'000;
    welcome.message_bytes_max = 1 << 20;
    welcome.part_bytes_max = limits::part_bytes_max;
    welcome.subscriptions_max = 10;
    welcome.admin = true;
    say(welcome);
  }

  template <class Native>
  void say(const Native& message) {
    ByteVector bytes;
    wire::append_control(bytes, message);
    say_bytes(bytes);
  }
  void say_bytes(const ByteVector& bytes) {
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    const size_t taken = conversation.receive(pending_, now_ms);
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(taken));
  }

  void subscribed(uint32_t id, uint32_t topics) {
    fb::SubscribedT message;
    message.id = id;
    message.topics = topics;
    say(message);
  }
  void topic(uint32_t number, const std::string& name, wire::TopicKind kind, uint64_t last_seq = 0,
             uint64_t position = 0) {
    fb::TopicT message;
    message.number = number;
    message.name = name;
    message.kind = kind;
    message.first_seq = 1;
    message.last_seq = last_seq;
    message.position = position;
    say(message);
  }
  void data(uint32_t number, uint64_t seq, std::string_view key, std::string_view payload,
            uint8_t flags = 0) {
    wire::DataHead head;
    head.topic = number;
    head.seq = seq;
    head.flags = flags;
    ByteVector bytes;
    wire::append_message(bytes, head, as_bytes(key), as_bytes(payload));
    say_bytes(bytes);
  }
  void snapshot_begin(uint32_t number) {
    fb::SnapshotBeginT message;
    message.topic = number;
    say(message);
  }
  void snapshot_end(uint32_t number, uint64_t seq) {
    fb::SnapshotEndT message;
    message.topic = number;
    message.seq = seq;
    say(message);
  }
  void position(uint32_t number, uint64_t seq) {
    fb::PositionT message;
    message.topic = number;
    message.seq = seq;
    say(message);
  }
  void gap(uint32_t number, uint64_t first, uint64_t last) {
    fb::GapT message;
    message.topic = number;
    message.first = first;
    message.last = last;
    message.reason = wire::Reason::retention;
    say(message);
  }
  void must_refetch(uint32_t number, wire::Reason reason) {
    fb::MustRefetchT message;
    message.topic = number;
    message.reason = reason;
    say(message);
  }

  // All that the client has written since the last call.
  ByteVector sent() {
    const Bytes output = conversation.output();
    ByteVector bytes(output.begin(), output.end());
    conversation.sent(bytes.size(), now_ms);
    return bytes;
  }
  // The only frame that the client has written since the last call.
  template <class Native>
  Native heard() {
    const ByteVector bytes = sent();
    const wire::NextFrame next = wire::next_frame(bytes);
    REQUIRE(next.status == wire::NextFrame::Status::frame);
    REQUIRE(next.consumed == bytes.size());
    REQUIRE(next.frame.kind == wire::ControlOf<Native>::kind);
    auto message = wire::decode<Native>(next.frame);
    REQUIRE(message != nullptr);
    return std::move(*message);
  }

 private:
  ByteVector pending_;
};

}  // namespace btb::client
