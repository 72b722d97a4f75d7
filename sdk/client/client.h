// Client: keeps a connection to a broker. It puts sockets and poll(2) around a Conversation.
//
//   class Printer : public btb::client::Handler { void on_message(...) override { ... } };
//
//   Printer printer;
//   btb::SystemClock clock;
//   btb::client::ClientOptions options;
//   options.ways = {{*btb::parse_endpoint("unix:/run/btbroker/main.sock")}};
//   btb::client::Client client(options, printer, clock);
//   auto id = client.subscribe({.filter = "ward/#"});
//   client.start();
//   while (client.run_once(-1)) {
//   }
//
// It connects with a time-out, says hello, subscribes, and answers pings. When the connection is
// lost, it waits (Backoff), connects again, and goes on at the positions where it was.
//
// It has no thread and no globals. It works inside run_once(). In another event loop it works
// inside ready(), and fd(), wants_read(), wants_write() and timeout_ms() say when to call it.
//
// Resource. Any thread may use it, one at a time. Times are Clock::mono_ms values, in milliseconds.
// Nothing blocks except run_once() and the look-up of a host's name. SIGPIPE is never raised.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sdk/base/clock.h"
#include "sdk/base/result.h"
#include "sdk/base/unique_fd.h"
#include "sdk/client/backoff.h"
#include "sdk/client/conversation.h"
#include "sdk/client/way.h"

namespace btb {
class Stream;
struct IoResult;
}  // namespace btb

namespace btb::client {

struct ClientOptions {
  // Ways to one broker, or to several brokers of equal use. The client tries them one after the
  // other, and pauses only when all have failed. If the list is empty, it waits for set_ways().
  std::vector<Way> ways;
  ConversationOptions conversation;
  uint32_t connect_timeout_ms = 5'000;  // for one attempt, the welcome included
  BackoffOptions backoff;
  bool reconnect = true;                // connect again after a session was lost
  bool retry_first = false;             // try again as long as there never was a session
  uint32_t goodbye_timeout_ms = 1'000;  // after close(): time to send the unsent bytes
};

class Client {
 public:
  enum class State : uint8_t {
    idle,        // not started
    connecting,  // the transport connects, then the welcome is awaited
    open,        // there is a session
    waiting,     // for the next attempt
    closing,     // close() was called; unsent bytes are still sent
    stopped,     // for good: see ending()
  };

  // Nothing is sent before start(). `handler` and `clock` outlive the client.
  Client(ClientOptions options, Handler& handler, const Clock& clock);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Begins to connect. Has no effect after the first call. The look-up of a host's name may block.
  // A failure to connect is reported by on_disconnected.
  void start();

  // Waits until something can be done, and does it. Waits at most `timeout_ms` (negative: no
  // limit). A signal ends the wait early. Returns false once the client has stopped.
  bool run_once(int timeout_ms);

  // For another event loop. Wait until fd() is readable (if wants_read()), or fd() is writable (if
  // wants_write()), or timeout_ms() have passed. Then call ready(). If the client wants neither,
  // do not wait for fd() at all. fd() is -1 between connections. All four values may change with
  // every call of a non-const function. timeout_ms() is -1 if there is no limit.
  [[nodiscard]] int fd() const;
  [[nodiscard]] bool wants_read() const;
  [[nodiscard]] bool wants_write() const;
  [[nodiscard]] int timeout_ms() const;
  // `readable` and `writable` say what poll found. Both are false after a time-out.
  void ready(bool readable, bool writable);

  // Replaces the ways, because the broker was found elsewhere. Takes the first 32 of them; an empty
  // list changes nothing. A client that waits for its next attempt tries them at once. A client
  // that is connected or connecting uses them from its next attempt on.
  void set_ways(std::vector<Way> ways);
  // Forgets all ways except the current one and those for which `keep` returns true.
  void keep_ways(const std::function<bool(const Way& way)>& keep);
  // If the client waits: it begins a new round of all ways, after `wait_ms` at the latest.
  void try_within(uint32_t wait_ms);
  // A client that waits makes no attempt before `time_ms` (Clock::mono_ms). 0 takes this back.
  void hold_until(uint64_t time_ms) { held_until_ms_ = time_ms; }

  // Says goodbye. run_once() or ready() send it, and then stop the client. A client without a
  // connection stops at once. May be called again.
  void close();

  // Requests: see Conversation for their results and errors. They are sent by the next run_once()
  // or ready().
  Result<uint32_t> subscribe(const Subscription& subscription) {
    return conversation_.subscribe(subscription);
  }
  void unsubscribe(uint32_t id) { conversation_.unsubscribe(id); }
  Result<uint32_t> open(std::string_view name, wire::AckLevel ack) {
    return conversation_.open(name, ack);
  }
  Result<uint64_t> publish(uint32_t publisher, const Publication& publication) {
    return conversation_.publish(publisher, publication);
  }
  Result<uint32_t> command(std::string_view verb, std::vector<std::string> arguments) {
    return conversation_.command(verb, std::move(arguments));
  }

  [[nodiscard]] State state() const { return state_; }
  // Why the last session or attempt ended. Reason `none` before the first end. When all ways
  // failed, it is the ending with the greatest weight among them. The reference stays valid as long
  // as the client; its content changes.
  [[nodiscard]] const Ending& ending() const { return ending_; }
  // The most informative failure since the last session: the ending with the greatest weight, and
  // the newest one of equal weight.
  [[nodiscard]] const Ending& most_telling_ending() const { return most_telling_; }
  // The current way: the client uses it, tried it last, or tries it next. Valid until the next call
  // of a non-const function. REQUIRES: ways() is not empty.
  [[nodiscard]] const Way& way() const { return options_.ways[way_]; }
  // Valid until the next call of a non-const function.
  [[nodiscard]] const std::vector<Way>& ways() const { return options_.ways; }
  // Some ways of this round have failed, and the others are not tried yet.
  [[nodiscard]] bool in_round() const { return ways_left_ < options_.ways.size(); }
  // How often all ways failed since the last session.
  [[nodiscard]] uint32_t rounds_failed() const { return rounds_failed_; }
  // Do not call its begin, end, close, receive, sent and tick: the client does.
  [[nodiscard]] Conversation& conversation() { return conversation_; }
  [[nodiscard]] const Conversation& conversation() const { return conversation_; }

 private:
  void connect();
  void connect_failed(const Error& error);
  void transport_connected();
  void read_some();
  void drain();
  void take_buffered();
  [[nodiscard]] IoResult send_some(Bytes output) const;
  void write_some();
  void check_time();
  void lost(wire::Reason reason, std::string text);
  void wait_or_stop();
  void note_refusal();
  bool take_next_way();
  void learn_ways(const Ending& ending);
  void conversation_ended();
  void stop();
  void end_round();
  [[nodiscard]] bool may_retry() const;
  [[nodiscard]] uint64_t deadline_ms() const;

  ClientOptions options_;
  Handler& handler_;
  const Clock& clock_;
  Conversation conversation_;
  Backoff backoff_;
  State state_ = State::idle;
  UniqueFd connecting_;             // the socket, until it is connected
  std::unique_ptr<Stream> stream_;  // the connection
  size_t way_ = 0;                  // index of the way that is tried or used
  size_t ways_left_ = 0;            // ways still to try in this round
  uint32_t rounds_failed_ = 0;
  uint32_t busy_ = 0;            // how often the link of this way was busy
  uint32_t attempt_ = 0;         // which address of the host is tried
  uint32_t addresses_left_ = 0;  // addresses of the host still to try; 0: not counted yet
  uint64_t deadline_ms_ = 0;     // of connecting, waiting or closing
  uint64_t held_until_ms_ = 0;   // waiting lasts until then at least
  Ending ending_;
  Ending refusal_;  // the ending with the greatest weight in this round of ways; weight 0: none
  // ending_ may stop the client: it came from a broker that was named, or that had said welcome.
  // Anybody may answer on a way that was only heard.
  bool heeded_ = false;
  bool refusal_heeded_ = false;
  Ending most_telling_;
  std::vector<uint64_t> buffer_;  // aligned to 8; received bytes, not taken by the conversation
  size_t buffered_ = 0;           // bytes in buffer_
  bool stalled_ = false;          // reading was paused with frames left in the buffer
};

}  // namespace btb::client
