// Client: a connection to a broker that keeps itself up: sockets and poll(2) around a Conversation.
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
// It connects with a time-out, says hello, subscribes, answers pings; when the connection is lost
// it waits (Backoff), connects again and goes on at the positions where it was. It has no thread
// and no globals: everything happens inside run_once(), or, to live in another event loop, inside
// ready() called as fd(), wants_write() and timeout_ms() ask. Resource; one thread at a time, any.
// SIGPIPE is never raised.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sdk/base/clock.h"
#include "sdk/base/result.h"
#include "sdk/base/unique_fd.h"
#include "sdk/client/backoff.h"
#include "sdk/client/conversation.h"
#include "sdk/client/way.h"

namespace btb::client {

struct ClientOptions {
  // To one broker, or to several that are as good: they are tried one after the other, and only
  // when all have failed is there a pause. Without one, it waits for set_ways().
  std::vector<Way> ways;
  ConversationOptions conversation;
  uint32_t connect_timeout_ms = 5'000;  // of one attempt, welcome included
  BackoffOptions backoff;
  bool reconnect = true;                // after a session was lost
  bool retry_first = false;             // also as long as there never was a session
  uint32_t goodbye_timeout_ms = 1'000;  // how long close() may take to send what waits
};

class Client {
 public:
  enum class State : uint8_t {
    idle,        // not started
    connecting,  // the transport, then the welcome
    open,
    waiting,  // for the next attempt
    closing,  // the rest is sent
    stopped,  // for good: see ending()
  };

  // `handler` and `clock` outlive the client.
  Client(ClientOptions options, Handler& handler, const Clock& clock);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Begins to connect. The look-up of a host's name may block.
  void start();

  // Waits up to `timeout_ms` (negative: without limit) until something can be done, and does it.
  // False once the client has stopped. A signal ends the wait early.
  bool run_once(int timeout_ms);

  // For another event loop: wait until fd() is readable (if wants_read()) or writable (if
  // wants_write(); if neither, do not wait for it at all) or timeout_ms() have passed, then call
  // ready(). fd() is -1 between connections and may change with every call of a non-const function;
  // timeout_ms() is -1 for no limit.
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool wants_read() const;
  [[nodiscard]] bool wants_write() const;
  [[nodiscard]] int timeout_ms() const;
  void ready(bool readable, bool writable);

  // Other ways from the next attempt on: the broker was found elsewhere. Tried at once if there is
  // no connection and none is being made.
  void set_ways(std::vector<Way> ways);
  // The same ways, but fewer: `keep` tells which, the one that is used is among them.
  void keep_ways(const std::function<bool(const Way& way)>& keep);
  // The next attempt at the latest so long from now; a whole round of them.
  void try_within(uint32_t wait_ms);
  // No attempt before then (Clock::mono_ms), however long the wait was to be; 0: as it was.
  void hold_until(uint64_t time_ms) { held_until_ms_ = time_ms; }

  // Says goodbye; run_once() or ready() send it and stop. Without a session it stops at once.
  void close();

  // Requests, as Conversation has them; they are sent by the next run_once() or ready().
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
  // Why the last session or attempt ended, and what kind of failure it was, once there was one.
  // When all ways failed, that of the greatest weight among them.
  [[nodiscard]] const Ending& ending() const { return ending_; }
  // That of the greatest weight since the last session; of equals the last.
  [[nodiscard]] const Ending& most_telling_ending() const { return most_telling_; }
  // The way that is used or was tried last. REQUIRES: there was one.
  [[nodiscard]] const Way& way() const { return options_.ways[way_]; }
  [[nodiscard]] const std::vector<Way>& ways() const { return options_.ways; }
  // Whether some ways of this round are still to be tried.
  [[nodiscard]] bool in_round() const { return ways_left_ < options_.ways.size(); }
  // How often all ways failed since the last session.
  [[nodiscard]] uint32_t rounds_failed() const { return rounds_failed_; }
  [[nodiscard]] Conversation& conversation() { return conversation_; }
  [[nodiscard]] const Conversation& conversation() const { return conversation_; }

 private:
  void connect();
  void connect_failed(const Error& error);
  void transport_connected();
  void read_some();
  void drain();
  void take_buffered();
  ssize_t send_some(Bytes output) const;
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
  UniqueFd fd_;
  bool transport_up_ = false;
  uint32_t message_bytes_max_ = 0;  // of one write; 0: any number
  size_t way_ = 0;                  // which of them is tried or used
  size_t ways_left_ = 0;            // to try before this counts as a failure
  uint32_t rounds_failed_ = 0;
  uint32_t busy_ = 0;            // how often the link was busy, this way
  uint32_t attempt_ = 0;         // which address of the host is tried
  uint32_t addresses_left_ = 0;  // to try at once, before this counts as a failure
  uint64_t deadline_ms_ = 0;     // of connecting, waiting or closing
  uint64_t held_until_ms_ = 0;   // of waiting
  Ending ending_;
  Ending refusal_;       // the one of the greatest weight in this round of the ways; weight 0: none
  bool heeded_ = false;  // ending_ may be for good: it is not of somebody who was only heard
  bool refusal_heeded_ = false;
  Ending most_telling_;
  std::vector<uint64_t> buffer_;  // 8-aligned; its first buffered_ bytes wait to be understood
  size_t buffered_ = 0;
  bool stalled_ = false;  // reading was paused with frames left in the buffer
};

}  // namespace btb::client
