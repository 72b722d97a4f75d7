// Publisher: what btpub does with a topic: publishes what it is given, counts what the broker has
// confirmed, and says what it has not. Resource; the main thread.
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

  // `client` outlives this object's use; `id` is what its open() returned.
  void attach(client::Client& client, uint32_t id);

  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool ever_open() const { return ever_open_; }
  [[nodiscard]] std::optional<Exit> failed() const { return failed_; }
  // What it ends with when everything is settled.
  [[nodiscard]] Exit outcome() const;
  [[nodiscard]] bool settled() const;
  // Of one message, as the broker of this session said. REQUIRES: open.
  [[nodiscard]] uint32_t message_bytes_max() const;

  // Why this can never be published, for people: "its key has 1025 bytes, more than 1024"; empty
  // if it can. REQUIRES: open.
  [[nodiscard]] std::string fault_of(const client::Publication& publication) const;
  // False if it has to wait, until open() or until what was published before is sent. `line`: where
  // it came from, for what is said if it is rejected; 0: it is no line.
  bool publish(const client::Publication& publication, uint64_t line = 0);
  // One line of the input was not published, and why.
  void leave_out(uint64_t line_number, std::string_view why);
  // Publishing was given up with nothing else to say than this.
  void fail(Exit exit, std::string_view text);

  // To be called before the client's turn: a connection that is lost in it may take along what has
  // not been sent.
  void before_turn();
  // Something ends it early: says `what` ("interrupted") and how much was confirmed, if something
  // was not. What happens to the connection from here on is not an error.
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
  bool waits_;
  bool open_ = false;
  bool ever_open_ = false;
  bool stopping_ = false;
  bool of_rows_ = false;
  bool told_of_no_key_ = false;
  bool unsent_ = false;         // when the turn began
  uint64_t published_ = 0;      // in this session
  uint64_t settled_ = 0;        // of them
  uint64_t settled_total_ = 0;  // in all sessions
  uint64_t rejects_ = 0;
  uint64_t left_out_ = 0;
  std::deque<uint64_t> lines_;  // of the messages settled_ + 1 to published_, if it waits for acks
  std::optional<Exit> failed_;
};

}  // namespace btb::cli
