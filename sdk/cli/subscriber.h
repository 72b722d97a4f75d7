// Subscriber: what btsub does with what it is told: messages to an Output in the wished form, notes
// about the connection to standard error, figures if asked, and when to stop. Resource; the main
// thread.
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
  uint64_t count = 0;                 // stop after so many messages; 0: never
  bool once = false;                  // stop once everything there was has come
  bool tells_kept = false;            // says how many messages of events topics could be asked for
  bool rate = false;                  // figures once a second instead of messages
  bool latency = false;
};

class Subscriber final : public client::Handler {
 public:
  Subscriber(SubscriberOptions options, Formatter formatter, Output& output, const Program& program,
             const Clock& clock);

  // `client` outlives this object's use. `subscriptions` are those to be synced, and their filters.
  void attach(client::Client& client, std::map<uint32_t, std::string> subscriptions);

  // What it ends with, once that is decided.
  [[nodiscard]] std::optional<Exit> done() const { return done_; }
  // Ends because the time for it is over; says so if the broker has not answered at all.
  void time_over(Exit exit);
  // Ends because this ending was the last one, and says why.
  Exit give_up(const client::Ending& ending);
  [[nodiscard]] uint64_t taken() const { return taken_; }
  // When the next line of figures is due; nothing without them.
  [[nodiscard]] std::optional<uint64_t> next_figures_ms() const;
  void figures(uint64_t now_ms);
  // Writes all that came to the output, together. False if that has no reader any more.
  bool flush();
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
  std::map<uint32_t, std::string> unsynced_;    // filters of subscriptions
  std::map<uint32_t, std::string> unanswered_;  // likewise, in no session yet
  struct {
    uint64_t topics = 0;
    uint64_t messages = 0;
    std::string name;    // of the last one
  } kept_;               // of events topics, from before
  bool hinted_ = false;  // that somebody else may have places

  struct Figures {
    uint64_t messages = 0;
    uint64_t bytes = 0;
  } total_, since_;
  uint64_t started_ms_ = 0;
  uint64_t figures_ms_ = 0;
  // Latencies in microseconds, by powers of two cut into eight: a percentile is at most 12.5 % too
  // high.
  static constexpr size_t latency_slots = 8 * 48;
  std::array<uint64_t, latency_slots> latencies_{};
  uint64_t latency_count_ = 0;
  int64_t latency_max_us_ = 0;
};

}  // namespace btb::cli
