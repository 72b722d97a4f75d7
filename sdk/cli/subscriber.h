// Subscriber: the part of btsub between the client and the output. It writes messages to an Output
// in the chosen form, prints notes about the connection on standard error, measures if that is
// asked, and decides when to stop. Resource; the main thread. Borrows all references it is given.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sdk/base/clock.h"
#include "sdk/cli/format.h"
#include "sdk/cli/output.h"
#include "sdk/cli/program.h"
#include "sdk/client/client.h"

namespace btb::cli {

struct SubscriberOptions {
  std::vector<std::string> excludes;  // valid filters
  uint64_t count = 0;                 // stop after this many messages; 0: never
  bool once = false;                  // stop once all messages from before the start have come
  bool tells_kept = false;            // say how many older messages the events topics keep
  bool rate = false;                  // print rates once a second instead of messages
  bool latency = false;               // print latencies once a second instead of messages
};

class Subscriber final : public client::Handler {
 public:
  Subscriber(SubscriberOptions options, Formatter formatter, Output& output, const Program& program,
             const Clock& clock);

  // To be called before the client starts. `client` is borrowed. `subscriptions`: the filter of
  // each subscription, by its id.
  void attach(client::Client& client, std::map<uint32_t, std::string> subscriptions);

  // The exit code, once it is decided.
  [[nodiscard]] std::optional<Exit> done() const { return done_; }
  // Stops with `exit` because the time is over. Prints an error if the broker never answered.
  void time_over(Exit exit);
  // Stops because there will be no other attempt to connect, and prints why. Returns the exit code.
  Exit give_up(const client::Ending& ending);
  // How many messages came, without those of excluded topics.
  [[nodiscard]] uint64_t taken() const { return taken_; }
  // When the next line of figures is due (Clock::mono_ms); nothing before the first connection, and
  // nothing if neither rate nor latency is asked.
  [[nodiscard]] std::optional<uint64_t> next_figures_ms() const;
  // Appends a line of figures to the output.
  void figures(uint64_t now_ms);
  // Writes the output. False if its reader has gone away or writing failed.
  bool flush();
  // Appends the figures of the whole time, if figures are asked.
  void summary();

 private:
  void on_connected(const client::Session& session) override;
  void on_disconnected(const client::Ending& ending, int64_t retry_ms) override;
  void on_subscription_refused(uint32_t id, wire::Reason reason, std::string_view text) override;
  void on_no_topic(uint32_t id, std::string_view hint) override;
  void on_synced(uint32_t id) override;
  void on_topic(const client::Topic& topic) override;
  void on_message(const client::Topic& topic, const client::Message& message) override;
  void on_gap(const client::Topic& topic, uint64_t first, uint64_t last,
              wire::Reason reason) override;
  void on_too_large(const client::Topic& topic, uint64_t seq, Bytes key,
                    uint32_t payload_bytes) override;
  void on_must_refetch(const client::Topic& topic, wire::Reason reason) override;

  void finish(Exit exit);
  void tell_kept();
  void measure(const client::Message& message);
  [[nodiscard]] int64_t latency_us(double part) const;
  void append_figures(std::string_view label, uint64_t messages, uint64_t bytes, double seconds);

  SubscriberOptions options_;
  Formatter formatter_;
  Output& output_;
  const Program& program_;
  const Clock& clock_;
  client::Client* client_ = nullptr;
  std::optional<Exit> done_;
  std::vector<bool> excluded_;  // by topic number
  uint64_t taken_ = 0;
  std::map<uint32_t, std::string> unsynced_;    // filters of subscriptions that are not synced
  std::map<uint32_t, std::string> unanswered_;  // filters that no broker has answered yet
  // Events topics that keep messages from before the subscription.
  struct {
    uint64_t topics = 0;
    uint64_t messages = 0;
    std::string name;  // of the last topic
  } kept_;
  bool hinted_ = false;  // the hint to `btctl scan` was printed

  struct Figures {
    uint64_t messages = 0;
    uint64_t bytes = 0;
  } total_, since_;
  uint64_t started_ms_ = 0;
  uint64_t figures_ms_ = 0;
  // Counts of latencies in microseconds. Each power of two is cut into eight slots, so a percentile
  // is at most 12.5 % too high.
  static constexpr size_t latency_slots = 8 * 48;
  std::array<uint64_t, latency_slots> latencies_{};
  uint64_t latency_count_ = 0;
  int64_t latency_max_us_ = 0;
};

}  // namespace btb::cli
