// Conversation: the client's side of the protocol (docs/protocol.md) without a socket: bytes in,
// Handler calls and bytes out. For those who bring their own transport; with sockets and
// reconnecting it is Client (client.h).
//
// One object serves any number of connections in a row: begin() starts one, end() tells that it
// broke. What outlives a connection is what a resume needs: the subscriptions, the position in
// every topic, the publishers.
//
// Resource; one thread at a time, any. Times are Clock::mono_ms values. Nothing in here blocks. In
// the plain path (whole messages) nothing is allocated: keys and payloads handed to the handler are
// views into the caller's buffer.
//
// Bounds: topic numbers below 2^24; all unfinished messages together, one reply, and the bytes
// waiting to be sent as in ConversationOptions. A broker that goes past one, or breaks the
// protocol, ends the session with a named reason. A message larger than message_bytes_max is left
// out, and said.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/base/bytes.h"
#include "sdk/base/limits.h"
#include "sdk/base/result.h"
#include "sdk/client/handler.h"
#include "sdk/wire/words.h"

namespace btb::fb {
struct SubscribeT;
}
namespace btb::wire {
struct DataHead;
struct FrameView;
}  // namespace btb::wire

namespace btb::client {

struct ConversationOptions {
  std::string name;            // of this client, for people at the broker: at most 64 bytes
  std::string agent;           // program and version, "btsub/0.1.0"
  uint32_t keep_alive_ms = 0;  // 0: the broker's own
  uint32_t message_bytes_max = limits::message_bytes_max;  // payload; larger: on_too_large
  size_t unfinished_bytes_max = 256U << 20;                // parts kept while waiting for the rest
  size_t reply_bytes_max = 256U << 20;
  // Hears what the broker announces over the air (Roaming does): it may be asked to let go.
  bool can_let_go = false;
  // publish() answers `limit` while more than this waits to be sent.
  size_t output_bytes_max = 4U << 20;
  // on_disconnected is called; Client, which knows whether it connects again, does it itself.
  bool tells_end = true;
};

struct Subscription {
  std::string filter;
  wire::From from = wire::From::latest;
  int64_t value = 0;         // of from seq, last and time
  bool no_snapshot = false;  // of state topics: changes only
};

struct Publication {
  Bytes key = {};
  Bytes payload = {};
  bool deletion = false;    // REQUIRES: the payload is empty
  bool batch_more = false;  // the next one of this publisher belongs to the same batch
  int64_t time_us = 0;      // when it happened; 0: when the broker takes it
};

// What went through, since the object was made.
struct Counters {
  uint64_t messages = 0;
  uint64_t payload_bytes = 0;
  uint64_t duplicates = 0;  // sent again after a reconnect, and not handed on
  uint64_t missed = 0;      // sequence numbers in gaps
  uint64_t too_large = 0;   // messages left out because of message_bytes_max
  uint64_t sessions = 0;
};

class Conversation {
 public:
  enum class State : uint8_t {
    idle,      // no connection
    greeting,  // hello is written, welcome awaited
    open,
    ended,  // goodbye said or heard, or a fault: send what output() holds, then close the
            // connection
  };

  // `handler` outlives the conversation.
  Conversation(ConversationOptions options, Handler& handler);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // --- the connection ---
  // A transport is connected: drops output of an earlier one and writes hello.
  void begin(uint64_t now_ms);
  // The transport is gone. Without effect on a conversation that ended by itself.
  void end(wire::Reason reason, std::string text);
  // Says goodbye; nothing is read after it.
  void close(wire::Reason reason, std::string text);

  // Takes whole frames off the front of `bytes` (whose first byte lies at a multiple of 8 in
  // memory) and tells the handler. Returns how many bytes were taken, a multiple of 8; the caller
  // brings the rest again, with more behind it. A frame needs at most `frame_bytes_max` of them.
  size_t receive(Bytes bytes, uint64_t now_ms);
  static constexpr size_t frame_bytes_max = limits::control_frame_bytes_max;

  // Bytes to send, in order; valid until the next call of a non-const function.
  [[nodiscard]] Bytes output() const { return Bytes(output_).subspan(output_sent_); }
  // The first `bytes` of output() were taken by the transport.
  void sent(size_t bytes, uint64_t now_ms);

  // Keep-alive: call it when next_tick_ms() has come, or more often.
  void tick(uint64_t now_ms);
  // When tick() is next needed; nothing outside a session.
  [[nodiscard]] std::optional<uint64_t> next_tick_ms() const;

  // From now until resume_reading(), receive() takes nothing: inside on_message it returns behind
  // that message.
  void pause_reading() { paused_ = true; }
  void resume_reading() { paused_ = false; }
  [[nodiscard]] bool reading_paused() const { return paused_; }

  // --- requests: at any time; without a session they wait for the next one ---
  // The error says what is wrong with the filter.
  Result<uint32_t> subscribe(const Subscription& subscription);
  void unsubscribe(uint32_t id);
  // Asks for a topic to publish to; on_opened or on_open_refused follows, after a reconnect once
  // more. A topic has one publisher, because the broker counts and acknowledges by topic:
  // `exists` for one that is open already. `invalid` for what is no name.
  Result<uint32_t> open(std::string_view name, wire::AckLevel ack);
  // The number of the message in this publisher's count, or an error: `unavailable` (not opened, or
  // no session: wait for on_opened), `limit` (larger than the broker takes, or too much unsent:
  // wait until output() shrinks).
  Result<uint64_t> publish(uint32_t publisher, const Publication& publication);
  // An operator's request; on_reply follows. `unavailable` without a session, `refused` if it is
  // not admin.
  Result<uint32_t> command(std::string_view verb, std::vector<std::string> arguments);

  // --- what is known ---
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const Session& session() const { return session_; }
  [[nodiscard]] const Ending& ending() const { return ending_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // Null for a number that was not announced.
  [[nodiscard]] const Topic* topic(uint32_t number) const;
  // The last message of a topic that was received completely, as a resume would name it; 0: none.
  [[nodiscard]] uint64_t position(uint32_t number) const;

 private:
  struct TopicState;
  struct SubscriptionState;
  struct PublisherState;
  struct TopicPage;
  using Pages = std::vector<std::unique_ptr<TopicPage>>;  // topics by number
  using FrameView = wire::FrameView;

  // conversation.cc: the stream and the messages
  void on_frame(const FrameView& frame);
  void on_data(const FrameView& frame);
  void on_part(TopicState& topic, const wire::DataHead& head, const FrameView& frame);
  void on_not_newer(TopicState& topic, const wire::DataHead& head);
  void deliver(TopicState& topic, const wire::DataHead& head, Bytes key, Bytes payload);
  void leave_out(TopicState& topic, const wire::DataHead& head, Bytes key);
  void move_to(TopicState& topic, uint64_t seq);
  void moved(TopicState& topic, const wire::DataHead& head);
  void note_missing(TopicState& topic, uint64_t first, uint64_t last, wire::Reason reason);
  void end_batch(TopicState& topic);
  void drop_partial(TopicState& topic);
  TopicState* find(uint32_t number) const;
  void fail(wire::Reason reason, std::string text);
  void settle_end(Ending ending);
  template <class Native>
  void write(const Native& message);

  // conversation_control.cc: everything else
  void on_control(const FrameView& frame);
  void on_greeting(const FrameView& frame);
  template <class Native>
  std::unique_ptr<Native> read(const FrameView& frame);
  template <class Native>
  TopicState* read_topic(const FrameView& frame, std::unique_ptr<Native>& message);
  void on_welcome(const FrameView& frame);
  void on_goodbye(const FrameView& frame);
  void on_ping(const FrameView& frame);
  void on_subscribed(const FrameView& frame);
  void on_unsubscribed(const FrameView& frame);
  void on_topic(const FrameView& frame);
  void on_snapshot_begin(const FrameView& frame);
  void on_snapshot_end(const FrameView& frame);
  void on_position(const FrameView& frame);
  void on_gap(const FrameView& frame);
  void on_must_refetch(const FrameView& frame);
  void on_topic_gone(uint32_t number);
  void on_opened(const FrameView& frame);
  void on_ack(const FrameView& frame);
  void on_reject(const FrameView& frame);
  void on_reply(const FrameView& frame);
  void send_subscribe(SubscriptionState& subscription);
  void send_open(PublisherState& publisher);
  const SubscriptionState* deciding(std::string_view name) const;
  void start_topic(TopicState& topic, uint64_t position, bool known, bool again);
  void await_sync(TopicState& topic, bool snapshot, bool again);
  void write_positions(const SubscriptionState& subscription, fb::SubscribeT& message);
  void topic_synced(TopicState& topic);
  void check_synced(SubscriptionState& subscription);
  Pages take_topics();
  void tell_void(const Pages& gone);
  void forget(TopicState& topic);
  void forget_unmatched(const std::string& gone, bool by_answered);
  PublisherState* publisher_of(uint32_t topic_number);
  TopicState* make(uint32_t number);

  ConversationOptions options_;
  Handler& handler_;
  State state_ = State::idle;
  bool paused_ = false;
  Session session_;
  Ending ending_;
  Counters counters_;

  ByteVector output_;
  size_t output_sent_ = 0;
  uint64_t received_at_ms_ = 0;
  uint64_t sent_at_ms_ = 0;
  uint64_t ping_token_ = 0;

  Pages pages_;
  size_t unfinished_bytes_ = 0;

  uint32_t next_id_ = 1;  // of subscriptions, publishers and commands
  std::map<uint32_t, std::unique_ptr<SubscriptionState>> subscriptions_;
  std::map<uint32_t, std::unique_ptr<PublisherState>> publishers_;
  std::map<uint32_t, std::string> replies_;  // bodies so far
};

}  // namespace btb::client
