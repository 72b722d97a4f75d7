// Session: one client, from its first byte to its goodbye.
//
// It reads frames and answers requests. Once a turn it writes new messages of the topics it
// follows: gathered ranges of the logs, in the order of priority, within a budget. A broken or
// hostile client can end its own session only, and the end has a named reason. Resource, owned by
// Sessions, never moved; [loop] thread.
//
// session.cc is its life: reading, writing, the end. session_requests.cc answers the requests.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/link/link.h"
#include "broker/routing/router.h"
#include "broker/session/outbox.h"
#include "broker/session/publications.h"
#include "broker/session/session_context.h"
#include "sdk/wire/control.h"

namespace btb {

// What the listener knows about a connection.
struct SessionTraits {
  std::string peer;            // for people: "unix uid 1000 pid 4711"
  std::string origin{};        // connections with the same origin share limits: see origin_of
  std::string listener;        // the endpoint it came in at
  std::string adapter{};       // address of the Bluetooth adapter it came in at; empty: none
  bool classic = false;        // over BR/EDR; an adapter has seven such links at most
  bool admin = false;          // it may send commands
  bool is_operator = false;    // root or the broker's own user on this machine, says the kernel
  bool client_publish = true;  // it may publish, until a reload says otherwise

  // The address in `peer`, without the kind of link: "02:BB:00:00:00:00" of "le 02:BB:00:00:00:00".
  // Only for Bluetooth peers. Valid as long as `peer`.
  [[nodiscard]] std::string_view device() const {
    const size_t space = peer.find(' ');
    return std::string_view(peer).substr(space == std::string::npos ? peer.size() : space + 1);
  }
};

struct SessionCounters {
  uint64_t sent_bytes = 0;
  uint64_t received_bytes = 0;
  uint64_t received_messages = 0;
  uint64_t missed_messages = 0;  // reported to the client as gaps
};

class Session final : public Subscriber, private Poll::Events {
 public:
  // `context` must outlive the session. `account` is shared by all sessions of the same peer.
  Session(SessionContext& context, uint64_t id, std::unique_ptr<Stream> stream,
          SessionTraits traits, AccountPtr account);
  ~Session();

  enum class State : uint8_t {
    hello_expected,
    open,
    closing,  // the goodbye is being sent, or was sent; what the client still sends is ignored
    ended,    // Sessions destroys it when leave_on has returned true
  };

  // Puts a goodbye into the outbox, and ends the session when the client has closed the connection
  // after it, or after 2 s. May be called twice.
  void close(wire::Reason reason, std::string_view text, uint32_t retry_after_ms = 0);
  void close(const fb::GoodbyeT& goodbye);
  // Ends the session at once. What one write takes of the unsent bytes is still sent. REQUIRES:
  // close was called.
  void cut_off();
  // Writes what is due, within the budget and as far as the link takes it. Called by Sessions, once
  // a turn. Returns FlushResult::cost, in bytes.
  size_t flush();
  // Handles postponed requests, within its share of work in this turn. Called by Sessions after
  // SessionEvents::postponed.
  void go_on();
  // Ends what the session follows, until Router::work() has reached `work_until`. True when nothing
  // is left. Called by Sessions after SessionEvents::leaving.
  bool leave_on(uint64_t work_until);
  // Whether the listener lets its clients publish.
  void allow_publishing(bool allowed) { publications_.allowed = allowed; }
  // From now on the client can send commands, and nothing else.
  void reserve() { reserved_ = true; }
  [[nodiscard]] bool is_reserved() const { return reserved_; }
  // Checks the timeouts of handshake, keep-alive and goodbye. Called about once a second, with a
  // monotonic time.
  void tick(uint64_t now_ms);

  [[nodiscard]] uint64_t id() const { return id_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const SessionTraits& traits() const { return traits_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& agent() const { return agent_; }
  [[nodiscard]] const SessionCounters& counters() const { return counters_; }
  [[nodiscard]] uint64_t connected_ms() const { return connected_ms_; }
  // Whether it has more to send than fitted into its last flush.
  [[nodiscard]] bool behind() const { return behind_ && state_ == State::open; }
  [[nodiscard]] bool said_hello() const { return keep_alive_ms_ != 0; }
  // Bytes that are still to be sent to it: an upper bound.
  [[nodiscard]] uint64_t behind_bytes() const;
  // For how long no topic had anything for it. 0 if it cannot let go of its place: its client does
  // not know how, it publishes, or it has something to receive.
  [[nodiscard]] uint64_t idle_ms(uint64_t now_ms) const;
  // Bytes of memory that its own buffers take, used or not.
  [[nodiscard]] size_t buffer_bytes() const { return in_.capacity() + outbox_.capacity(); }

 private:
  // --- reading ---
  void on_readable() override;
  void on_writable() override;
  void take_frames(Bytes buffer);
  // Stops reading until the next turn, or until the client has read its answers.
  void postpone();
  void handle(const wire::FrameView& frame);
  void handle_open(const wire::FrameView& frame);
  template <class Native>
  void decode_for(const wire::FrameView& frame, void (Session::*handler)(Native&));
  void on_hello(fb::HelloT& hello);
  void on_subscribe(fb::SubscribeT& subscribe);
  void refuse_pending_subscribe();
  void answer_subscribe(uint32_t id, wire::Reason reason, const std::string& text,
                        uint32_t topics = 0);
  void note_gone(const std::vector<Mark>& positions);
  bool tell_gone(uint64_t work_until);
  void answer_unsubscribe(uint32_t id, wire::Reason reason);
  bool go_on_with_errand(uint64_t work_until);
  [[nodiscard]] bool has_errand() const { return errand_.what != nullptr || !gone_.empty(); }
  void answer_errand();
  std::string hint_for(const std::string& filter);
  void count_refusal(wire::Reason reason);
  void on_unsubscribe(fb::UnsubscribeT& unsubscribe);
  void on_open(fb::OpenT& open);
  void on_command(fb::CommandT& command);
  void on_ping(fb::PingT& ping);
  void on_pong(fb::PongT& pong);
  void on_goodbye(fb::GoodbyeT& goodbye);
  [[nodiscard]] wire::Reason subscribe_fault(const fb::SubscribeT& subscribe,
                                             const char*& text) const;
  [[nodiscard]] wire::Reason open_fault(const std::string& name, const char*& text) const;

  // --- writing ---
  template <class Native>
  void send(const Native& message) {
    outbox_.add(message);
    wake();
  }
  void wake();
  size_t flush_topics();
  void write_rest();

  // Ends the session without a goodbye of the broker: the link is broken, or a goodbye was said
  // already.
  void end(const SessionEnd& how);
  // Ends publishing and open requests at once. What it follows ends in pieces, in leave_on.
  void leave();

  SessionContext& context_;
  const uint64_t id_;
  SessionTraits traits_;
  State state_ = State::hello_expected;
  wire::Reason reason_ = wire::Reason::none;
  Link link_;
  ByteVector in_;  // the beginning of a frame whose rest has not come yet, or postponed requests
  Outbox outbox_;
  const AccountPtr account_;  // of all sessions of its peer
  Publications publications_;
  std::unique_ptr<fb::SubscribeT> pending_subscribe_;  // its positions come in several frames
  Marks pending_marks_;                                // the positions that have come
  std::vector<uint32_t> pending_gone_;                 // topics among them that were freed
  // The request that is carried out in pieces; later requests wait until it is answered.
  struct PendingErrand {
    std::unique_ptr<Errand> what;
    uint32_t id = 0;
    bool subscribes = false;
    std::string filter = {};          // for a hint; empty if the subscription resumes
    std::vector<uint32_t> gone = {};  // freed topics that the client is told about after the answer
  };
  PendingErrand errand_;
  std::vector<uint32_t> gone_;  // freed topics the client is still to be told about; requests wait
  std::string name_, agent_;
  uint32_t hints_ = 0;  // how often it looked for a hint (did you mean)
  bool postponed_ = false;
  bool held_up_ = false;  // postponed until the client has read more of its answers
  bool behind_ = false;   // it has more to send than fitted into its last flush
  bool reserved_ = false;
  bool can_let_go_ = false;
  uint64_t connected_ms_ = 0;
  uint64_t heard_ms_ = 0;
  uint64_t wrote_ms_ = 0;
  uint64_t carried_ms_ = 0;  // when something of a topic was last written
  uint64_t closing_ms_ = 0;
  uint32_t keep_alive_ms_ = 0;  // 0 before hello
  PriorityWaits waits_{};
  SessionCounters counters_;
};

}  // namespace btb
