// Conversation: the client's side of the protocol (docs/protocol.md) without a socket. Bytes go in;
// Handler calls and bytes come out. Use it with a transport of your own. Client (client.h) adds
// sockets and reconnecting.
//
// One object serves any number of connections in a row. begin() starts a connection, and end() says
// that it broke. A resume needs the subscriptions, the position in every topic, and the publishers,
// so these outlive a connection.
//
// Resource. Any thread may use it, one at a time. Times are Clock::mono_ms values, in milliseconds.
// Nothing in here blocks. Nothing is allocated for a message that comes in one frame: its key and
// payload are views into the caller's buffer.
//
// Bounds: topic numbers are below 2^24. ConversationOptions limits all unfinished messages
// together, one reply, and the unsent bytes. If the broker breaks the protocol or goes past a
// bound, the session ends with a named reason. A message larger than message_bytes_max is left out,
// and on_too_large says so.
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
#include "sdk/client/subscription.h"
#include "sdk/wire/words.h"

namespace btb::fb {
struct SubscribeT;
}
namespace btb::wire {
struct DataHead;
struct FrameView;
}  // namespace btb::wire

namespace btb::client {

// Of conversation_state.h, which is not installed.
struct TopicState;
struct SubscriptionState;
struct PublisherState;
struct TopicPage;

struct ConversationOptions {
  std::string name;            // of this client, for people at the broker; cut to 64 bytes
  std::string agent;           // program and version, "btsub/0.1.0"
  uint32_t keep_alive_ms = 0;  // 0: the broker's own
  uint32_t message_bytes_max = limits::message_bytes_max;  // of a payload; larger: on_too_large
  // All parts of messages that are not complete. Beyond it the session ends: frame_too_large.
  size_t unfinished_bytes_max = 256U << 20;
  // The body of one reply. Beyond it the session ends: frame_too_large.
  size_t reply_bytes_max = 256U << 20;
  // This client hears the announcements of the broker over the air (Roaming does), so the broker
  // may ask it to let go of its place.
  bool can_let_go = false;
  // publish() answers `limit` while more unsent bytes wait than this.
  size_t output_bytes_max = 4U << 20;
  // The conversation calls on_disconnected. Client turns this off and calls it itself, because it
  // knows whether it connects again.
  bool tells_end = true;
};

// A message to publish. `key` and `payload` are borrowed until publish() returns.
struct Publication {
  Bytes key = {};
  Bytes payload = {};
  bool deletion = false;    // the row with this key is gone. REQUIRES: the payload is empty
  bool batch_more = false;  // the next message of this publisher belongs to the same batch
  int64_t time_us = 0;      // since 1970-01-01 UTC; 0: the broker sets the time
};

// Counted since the object was made, over all sessions.
struct Counters {
  uint64_t messages = 0;       // handed to on_message
  uint64_t payload_bytes = 0;  // of these messages
  uint64_t duplicates = 0;     // messages sent again after a reconnect, and dropped
  uint64_t missed = 0;         // sequence numbers in gaps
  uint64_t too_large = 0;      // messages left out because of message_bytes_max
  uint64_t sessions = 0;       // welcomes
};

class Conversation {
 public:
  enum class State : uint8_t {
    idle,      // no connection
    greeting,  // hello is written, welcome is awaited
    open,      // there is a session
    ended,     // by a goodbye or a fault: send what output() holds, then close the connection
  };

  // `handler` outlives the conversation. It is called from end, close, receive and tick.
  Conversation(ConversationOptions options, Handler& handler);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // --- the connection ---
  // A transport is connected. Drops the output of an earlier connection, and writes hello.
  // REQUIRES: the state is idle or ended.
  void begin(uint64_t now_ms);
  // The transport is gone. Ends the session with this reason, unless it has ended already. Drops
  // the output; the state is idle from here on.
  void end(wire::Reason reason, std::string text);
  // Writes goodbye and ends the session. receive() takes nothing after it. Has no effect without a
  // connection.
  void close(wire::Reason reason, std::string text);

  // Takes whole frames off the front of `bytes`, and calls the handler for them. The first byte
  // must lie at a multiple of 8 in memory. Returns the number of bytes taken, a multiple of 8. The
  // caller brings the rest again, with more bytes behind it. A buffer of `frame_bytes_max` bytes
  // holds any frame.
  size_t receive(Bytes bytes, uint64_t now_ms);
  static constexpr size_t frame_bytes_max = limits::control_frame_bytes_max;

  // Bytes to send, in order. Valid until the next call of a non-const function.
  [[nodiscard]] Bytes output() const { return Bytes(output_).subspan(output_sent_); }
  // The transport took the first `bytes` of output(). REQUIRES: output() has as many.
  void sent(size_t bytes, uint64_t now_ms);

  // Keep-alive: writes a ping, or ends the session if the broker was silent for too long. Call it
  // at next_tick_ms(), or more often.
  void tick(uint64_t now_ms);
  // The time at which tick() is needed next. Nothing without a session or without keep-alive.
  [[nodiscard]] std::optional<uint64_t> next_tick_ms() const;

  // From now until resume_reading(), receive() takes nothing. If on_message calls this, receive()
  // returns after that message. Silence of the broker is not counted meanwhile.
  void pause_reading() { paused_ = true; }
  void resume_reading() { paused_ = false; }
  [[nodiscard]] bool reading_paused() const { return paused_; }

  // --- requests, at any time ---
  // Subscribe, unsubscribe and open wait for the next session if there is none, and subscriptions
  // and publishers are made again in each session. Publish and command need a session.

  // Returns the id of the subscription. on_subscribed or on_subscription_refused follows. Error
  // `invalid`: the text says what is wrong with the filter.
  Result<uint32_t> subscribe(const Subscription& subscription);
  // on_unsubscribed follows in this session; messages may come until then. Without a session,
  // begin() drops the subscription and no call follows. Has no effect if the id is not known.
  void unsubscribe(uint32_t id);
  // Asks for a topic to publish to, and returns the id of its publisher. on_opened or
  // on_open_refused follows, and again after each reconnect. A topic has one publisher, because
  // the broker counts and acknowledges by topic. Errors: `exists` (the topic is open already),
  // `invalid` (not a topic name).
  Result<uint32_t> open(std::string_view name, wire::AckLevel ack);
  // Writes one message, and returns its number in this publisher's count, from 1 in each session.
  // Errors: `unavailable` (no session, or not opened: wait for on_opened), `limit` (the message or
  // its key is too large, or too many bytes are unsent: wait until output() shrinks).
  Result<uint64_t> publish(uint32_t publisher, const Publication& publication);
  // Writes an operator's request, and returns its id. on_reply follows in this session, or never.
  // Errors: `unavailable` (no session), `refused` (the broker takes no commands from this client).
  Result<uint32_t> command(std::string_view verb, std::vector<std::string> arguments);

  // --- what is known; references stay valid as long as the conversation ---
  [[nodiscard]] State state() const { return state_; }
  // The last session; without content before the first welcome.
  [[nodiscard]] const Session& session() const { return session_; }
  // The end of the last connection. Reason `none` from begin() until it ends.
  [[nodiscard]] const Ending& ending() const { return ending_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // Null for a number that was not announced in this session. The head of handler.h says how long
  // a Topic lives.
  [[nodiscard]] const Topic* topic(uint32_t number) const;
  // The last message of this topic that was received completely, for a resume. 0: none, or a number
  // that was not announced in this session.
  [[nodiscard]] uint64_t position(uint32_t number) const;

 private:
  using Pages = std::vector<std::unique_ptr<TopicPage>>;  // topics by number
  using FrameView = wire::FrameView;

  // conversation.cc: the connection, the stream, the messages, the requests
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

  // conversation_control.cc: the control frames. (take_topics, tell_void, forget, forget_unmatched
  // and on_topic_gone are in conversation.cc.)
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
  void drop_ending_subscriptions();
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
  size_t output_sent_ = 0;  // bytes at the front of output_ that the transport took
  uint64_t received_at_ms_ = 0;
  uint64_t sent_at_ms_ = 0;
  uint64_t ping_token_ = 0;

  Pages pages_;
  size_t unfinished_bytes_ = 0;

  uint32_t next_id_ = 1;  // of subscriptions, publishers and commands
  std::map<uint32_t, std::unique_ptr<SubscriptionState>> subscriptions_;
  std::map<uint32_t, std::unique_ptr<PublisherState>> publishers_;
  std::map<uint32_t, std::string> replies_;  // by command: the body, as far as it came
};

}  // namespace btb::client
