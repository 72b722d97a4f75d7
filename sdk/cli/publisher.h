// Publisher: the part of btpub between its input and the client. It publishes messages to one
// topic, counts the ones that the broker has confirmed, and reports the ones that it has not.
// Resource; the main thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "sdk/cli/program.h"
#include "sdk/client/client.h"

namespace btb::cli {

class Publisher final : public client::Handler {
 public:
  Publisher(const Program& program, bool waits_for_acks)
      : program_(program), waits_(waits_for_acks) {}

  // To be called before the client starts. `client` is borrowed; `id` came from its open().
  void attach(client::Client& client, uint32_t id);

  // Whether the broker takes messages for the topic now.
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool ever_open() const { return ever_open_; }
  // The exit code, if publishing was given up.
  [[nodiscard]] std::optional<Exit> failed() const { return failed_; }
  // The exit code once everything is settled.
  [[nodiscard]] Exit outcome() const;
  // Whether each message was confirmed or rejected; without acks: whether each was sent.
  [[nodiscard]] bool settled() const;
  // The most bytes of one message, in this session. REQUIRES: open.
  [[nodiscard]] uint32_t message_bytes_max() const;

  // Why the broker can never take this, for people: "its key has 1025 bytes, more than 1024"; empty
  // if it can. REQUIRES: open.
  [[nodiscard]] std::string fault_of(const client::Publication& publication) const;
  // False if it has to wait: until open(), or until earlier messages are sent. `line`: the number
  // of its line in the input, named if the broker rejects it; 0: it was not a line.
  bool publish(const client::Publication& publication, uint64_t line = 0);
  // Says that a line of the input is not published, and why.
  void leave_out(uint64_t line_number, std::string_view why);
  // Gives up: prints `text`, and failed() is `exit` from now on.
  void fail(Exit exit, std::string_view text);

  // To be called before each turn of the client. If the connection is lost in that turn, bytes that
  // were not sent before it are lost, too.
  void before_turn();
  // To be called when something ends the program early. If messages are not confirmed, it prints
  // `what` ("interrupted") and the numbers. After this, a lost connection is not an error.
  void stop(std::string_view what);

 private:
  void on_connected(const client::Session& session) override;
  void on_opened(uint32_t publisher, wire::TopicKind kind) override;
  void on_open_refused(uint32_t publisher, wire::Reason reason, std::string_view text) override;
  void on_ack(uint32_t publisher, uint64_t published, uint64_t seq) override;
  void on_reject(uint32_t publisher, uint64_t published, wire::Reason reason,
                 std::string_view text) override;
  void on_unsettled(uint32_t publisher, uint64_t first, uint64_t last) override;
  void on_disconnected(const client::Ending& ending, int64_t retry_ms) override;
  void refuse(const std::string& what, wire::Reason reason, std::string_view text) const;
  void settle(uint64_t published);
  [[nodiscard]] std::string tally(uint64_t unsettled) const;

  const Program& program_;
  client::Client* client_ = nullptr;
  uint32_t id_ = 0;
  bool waits_;  // for acks
  bool open_ = false;
  bool ever_open_ = false;
  bool stopping_ = false;
  bool of_rows_ = false;
  bool told_of_no_key_ = false;
  bool unsent_ = false;         // when the turn began, not all bytes were sent
  uint64_t published_ = 0;      // messages in this session
  uint64_t settled_ = 0;        // how many of them were confirmed or rejected
  uint64_t settled_total_ = 0;  // the same, in all sessions
  uint64_t rejects_ = 0;
  uint64_t left_out_ = 0;
  std::deque<uint64_t> lines_;  // lines of the messages settled_ + 1 to published_, if waits_
  std::optional<Exit> failed_;
};

}  // namespace btb::cli
