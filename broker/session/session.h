// Session: one client, from its first byte to its goodbye.
//
// Reads frames, answers requests, and, once a turn, writes what its followers have before them:
// gathered ranges of the logs, in the order of priority, within a budget. What a broken or hostile
// client does ends its own session with a named reason and nothing else. Resource, owned by
// Sessions, never moved; [loop] thread.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/link/link.h"
#include "broker/routing/router.h"
#include "broker/session/publications.h"
#include "sdk/wire/control.h"

namespace btb {

class Sessions;
struct SessionEnd;

// What the listener knows of a connection.
struct SessionTraits {
  std::string peer;            // for people: "unix uid 1000 pid 4711"
  std::string origin{};        // whom its connections are counted for: see origin_of
  std::string listener;        // the endpoint it came in at
  std::string adapter{};       // address of the Bluetooth adapter it came in at; empty: none
  bool classic = false;        // over BR/EDR, of which an adapter has seven links
  bool admin = false;          // commands are taken
  bool is_operator = false;    // the kernel vouches for it: root or the broker's own user, here
  bool client_publish = true;  // it may publish, until a reload says otherwise

  // The address of a Bluetooth peer ("le 02:BB:00:00:00:00"), whatever the kind of link. Lives as
  // long as `peer`.
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
  Session(Sessions& sessions, uint64_t id, UniqueFd fd, SessionTraits traits);
  ~Session();

  enum class State : uint8_t {
    hello_expected,
    open,
    closing,  // goodbye is being sent, or was: what is read is forgotten until the client closes
    ended,    // to be destroyed at the end of the turn
  };

  // Says goodbye and ends the session as soon as that is written, or some time has passed. May be
  // called twice.
  void close(wire::Reason reason, std::string_view text, uint32_t retry_after_ms = 0);
  void close(const fb::GoodbyeT& goodbye);
  // After close: what one write takes of the goodbye is sent, and no more.
  void cut_off();
  // Writes what there is, as far as the link takes it. Called by Sessions, once a turn. Returns
  // what it cost, in bytes.
  size_t flush();
  // Handles the requests that were postponed, as far as this turn's share goes. Called by Sessions,
  // once a turn.
  void go_on();
  // After its end: takes it out of what it follows, until so much work is done; true once nothing
  // is left of it there. Called by Sessions, once a turn.
  bool leave_on(uint64_t work_until);
  // Whether its client may publish, by the rules of the listener it came in at.
  void allow_publishing(bool allowed) { publications_.allowed = allowed; }
  // From now on it can send commands, and nothing else.
  void reserve() { reserved_ = true; }
  [[nodiscard]] bool is_reserved() const { return reserved_; }
  // Looks at the time: handshake, keep-alive, goodbye.
  void tick(uint64_t now_ms);

  [[nodiscard]] uint64_t id() const { return id_; }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const SessionTraits& traits() const { return traits_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& agent() const { return agent_; }
  [[nodiscard]] const SessionCounters& counters() const { return counters_; }
  [[nodiscard]] uint64_t connected_ms() const { return connected_ms_; }
  [[nodiscard]] bool behind() const { return behind_ && state_ == State::open; }
  [[nodiscard]] bool said_hello() const { return keep_alive_ms_ != 0; }
  [[nodiscard]] uint64_t behind_bytes() const;
  // For how long there was nothing to send to it, if it can let go of its place: 0 if it cannot,
  // because it does not know how, publishes, or has something to come.
  [[nodiscard]] uint64_t idle_ms(uint64_t now_ms) const;
  // What the session's own buffers take of memory, used or not.
  [[nodiscard]] size_t buffer_bytes() const { return in_.capacity() + out_.capacity(); }

 private:
  friend class Flush;

  // --- reading ---
  void on_readable() override;
  void on_writable() override;
  void take_frames(Bytes buffer);
  // Reads nothing more until the next turn, or until the client has read.
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
  void handshake_done();

  // --- writing ---
  template <class Native>
  void send(const Native& message) {
    wire::append_control(out_, message);
    wake();
  }
  void wake();
  void write_rest();
  [[nodiscard]] size_t unsent() const { return out_.size() - out_sent_; }
  // Frees what was sent, once that is all of it or much.
  void drop_sent();

  // Ends without a goodbye of ours: the link is broken, or one was said already.
  void end(const SessionEnd& how);
  // It publishes and asks for nothing more; what it follows is let go of bit by bit.
  void leave();

  Sessions& sessions_;
  const uint64_t id_;
  SessionTraits traits_;
  State state_ = State::hello_expected;
  wire::Reason reason_ = wire::Reason::none;
  Link link_;
  ByteVector in_;   // the beginning of a frame whose rest has not come yet, or postponed frames
  ByteVector out_;  // control frames, and the rest of a frame that was cut; always written first
  size_t out_sent_ = 0;       // of out_
  const AccountPtr account_;  // of all sessions of its peer
  Publications publications_;
  std::unique_ptr<fb::SubscribeT> pending_subscribe_;  // its positions come in several frames
  Marks pending_marks_;                                // these
  std::vector<uint32_t> pending_gone_;                 // numbers among them that are void
  // What is done bit by bit; the requests behind it wait.
  struct PendingErrand {
    std::unique_ptr<Errand> what;
    uint32_t id = 0;
    bool subscribes = false;
    std::string filter = {};          // of a subscription that does not resume
    std::vector<uint32_t> gone = {};  // to be told of with the answer
  };
  PendingErrand errand_;
  std::vector<uint32_t> gone_;  // numbers that are void and still to be told; requests wait
  std::string name_, agent_;
  uint32_t hints_ = 0;  // looked for so far
  bool postponed_ = false;
  bool held_up_ = false;  // postponed until the client has read more of the answers
  bool behind_ = false;   // it has more to read than one flush brought
  bool reserved_ = false;
  bool can_let_go_ = false;
  uint64_t connected_ms_ = 0;
  uint64_t heard_ms_ = 0;
  uint64_t wrote_ms_ = 0;
  uint64_t carried_ms_ = 0;  // something of a topic was written
  uint64_t closing_ms_ = 0;
  uint32_t keep_alive_ms_ = 0;                // 0 before hello
  std::array<uint8_t, priorities> waited_{};  // flushes in which a priority was due and got nothing
  SessionCounters counters_;
};

}  // namespace btb
