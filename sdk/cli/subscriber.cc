// Subscriber: when it ends; events of the session; messages; figures of rate and latency.
#include "sdk/cli/subscriber.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <utility>

#include "sdk/wire/topic_name.h"
#include "sdk/wire/words.h"

namespace btb::cli {

using wire::Reason;

namespace {

constexpr uint64_t figures_every_ms = 1'000;
constexpr size_t output_bytes_max = 1U << 20;

size_t slot_of(int64_t latency_us) {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(latency_us, 0));
  if (value < 8) return value;
  const auto power = static_cast<size_t>(std::bit_width(value)) - 1;
  return 8 * (power - 2) + (value >> (power - 3) & 7);
}

// The largest latency that the slot counts.
int64_t latency_of(size_t slot) {
  if (slot < 8) return static_cast<int64_t>(slot);
  const size_t power = slot / 8 + 2;
  return static_cast<int64_t>(((8 + slot % 8 + 1) << (power - 3)) - 1);
}

}  // namespace

Subscriber::Subscriber(SubscriberOptions options, Formatter formatter, Output& output,
                       const Program& program, const Clock& clock)
    : options_(std::move(options)),
      formatter_(std::move(formatter)),
      output_(output),
      program_(program),
      clock_(clock) {}

void Subscriber::attach(client::Client& client, std::map<uint32_t, std::string> subscriptions) {
  client_ = &client;
  unanswered_ = subscriptions;
  unsynced_ = std::move(subscriptions);
}

void Subscriber::finish(Exit exit) {
  if (done_) return;
  done_ = exit;
  client_->conversation().pause_reading();
}

void Subscriber::time_over(Exit exit) {
  if (started_ms_ == 0) program_.error("the time was over before the broker answered");
  finish(exit);
}

// --- the session ---

void Subscriber::on_connected(const client::Session& session) {
  if (started_ms_ == 0) started_ms_ = figures_ms_ = clock_.mono_ms();
  const std::string to = session.broker_name + " at " + to_string(client_->way().endpoint);
  if (!session.resumed) return program_.detail("connected to " + to);
  program_.note("connected again to " + to +
                (session.epoch_changed ? "; it is another run of the broker" : ""));
}

void Subscriber::on_disconnected(const client::Ending& ending, int64_t retry_ms) {
  if (retry_ms >= 0) {
    if (ending.reason == Reason::let_go) {
      return program_.note("let go of its place at the broker, until there is something new");
    }
    program_.note(ending_text(ending, false) +
                  (retry_ms == 0 ? "; there is another way"
                                 : "; next attempt in " + std::to_string(retry_ms) + " ms"));
    const bool elsewhere = ending.reason == Reason::full && retry_ms != 0 && program_.is_named() &&
                           is_bluetooth(client_->way().endpoint);
    if (elsewhere && !std::exchange(hinted_, true)) {
      program_.note("`btctl scan` shows who else is in reach");
    }
    return;
  }
  if (done_ || (ending.reason == Reason::normal && !ending.by_broker)) return;
  program_.error(ending_text(ending, true));
  finish(exit_of(ending));
}

Exit Subscriber::give_up(const client::Ending& ending) {
  on_disconnected(ending, -1);
  finish(Exit::unreachable);
  return *done_;
}

void Subscriber::on_subscription_refused(uint32_t, Reason reason, std::string_view text) {
  program_.error("the broker refused the subscription: " + reason_text(reason, text));
  finish(Exit::refused);
}

// Notes it only once for each filter, not again after a reconnect.
void Subscriber::on_no_topic(uint32_t id, std::string_view hint) {
  const auto filter = unanswered_.extract(id);
  if (filter.empty()) return;
  program_.note("no topic matches " + filter.mapped() + (options_.once ? "" : " yet") +
                (hint.empty() ? "" : "; " + std::string(hint)));
}

void Subscriber::on_synced(uint32_t id) {
  unanswered_.erase(id);
  if (unsynced_.erase(id) == 0 || !unsynced_.empty()) return;
  if (options_.tells_kept) tell_kept();
  program_.detail("subscribed; all that was there has come");
  if (options_.once) finish(Exit::ok);
}

// Older messages of events topics come only if they are asked for. This note says so.
void Subscriber::tell_kept() {
  if (kept_.messages == 0) return;
  const std::string who =
      kept_.topics == 1 ? kept_.name + " keeps " : std::to_string(kept_.topics) + " topics keep ";
  program_.note(who + std::to_string(kept_.messages) +
                (kept_.messages == 1 ? " message" : " messages") +
                " from before; --from beginning prints " + (kept_.messages == 1 ? "it" : "them"));
}

// --- messages ---

void Subscriber::on_topic(const client::Topic& topic) {
  if (topic.number >= excluded_.size()) excluded_.resize(topic.number + 1);
  excluded_[topic.number] = std::any_of(
      options_.excludes.begin(), options_.excludes.end(),
      [&](const std::string& filter) { return wire::filter_matches(filter, topic.name); });
  const bool keeps = topic.kind == wire::TopicKind::events && topic.first_seq <= topic.last_seq;
  if (unsynced_.empty() || excluded_[topic.number] || !keeps || topic.position < topic.last_seq) {
    return;
  }
  ++kept_.topics;
  kept_.messages += topic.last_seq - topic.first_seq + 1;
  kept_.name = topic.name;
}

void Subscriber::on_message(const client::Topic& topic, const client::Message& message) {
  if (done_ || excluded_[topic.number]) return;
  ++taken_;
  if (options_.rate || options_.latency) {
    measure(message);
  } else {
    formatter_.append(output_.buffer(), topic, message);
    output_.flush_above(output_bytes_max);
  }
  if (taken_ == options_.count) finish(Exit::ok);
}

void Subscriber::on_gap(const client::Topic& topic, uint64_t first, uint64_t last, Reason reason) {
  if (excluded_[topic.number]) return;
  program_.note(topic.name + ": missed " + std::to_string(first) + ".." + std::to_string(last) +
                (reason == Reason::none ? "" : ": " + std::string(wire::name_of(reason))));
}

void Subscriber::on_too_large(const client::Topic& topic, uint64_t seq, Bytes,
                              uint32_t payload_bytes) {
  if (done_ || excluded_[topic.number]) return;
  program_.note(topic.name + ": left out " + std::to_string(seq) + ": " +
                std::to_string(payload_bytes) + " bytes are more than the limit of " +
                std::to_string(limits::message_bytes_max));
}

void Subscriber::on_must_refetch(const client::Topic& topic, Reason reason) {
  if (done_ || excluded_[topic.number]) return;
  if (!options_.rate && !options_.latency) {
    formatter_.append_refetch(output_.buffer(), topic, clock_.now_us());
    output_.flush_above(output_bytes_max);
  }
  program_.note(topic.name + ": starts over: " + std::string(wire::name_of(reason)));
}

bool Subscriber::flush() {
  formatter_.flush(output_.buffer());
  return output_.flush();
}

// --- figures ---

void Subscriber::measure(const client::Message& message) {
  ++total_.messages;
  total_.bytes += message.key.size() + message.payload.size();
  if (!options_.latency || message.snapshot) return;
  const int64_t latency = clock_.now_us() - message.time_us;
  ++latencies_[std::min(slot_of(latency), latency_slots - 1)];
  ++latency_count_;
  latency_max_us_ = std::max(latency_max_us_, latency);
}

int64_t Subscriber::latency_us(double part) const {
  const auto wanted = static_cast<uint64_t>(static_cast<double>(latency_count_) * part);
  uint64_t seen = 0;
  for (size_t slot = 0; slot < latency_slots; ++slot) {
    seen += latencies_[slot];
    if (seen > wanted) return std::min(latency_of(slot), latency_max_us_);
  }
  return latency_max_us_;
}

std::optional<uint64_t> Subscriber::next_figures_ms() const {
  if (started_ms_ == 0 || !(options_.rate || options_.latency)) return std::nullopt;
  return figures_ms_ + figures_every_ms;
}

void Subscriber::figures(uint64_t now_ms) {
  const double seconds = static_cast<double>(now_ms - figures_ms_) / 1'000;
  append_figures("", total_.messages - since_.messages, total_.bytes - since_.bytes, seconds);
  since_ = total_;
  figures_ms_ = now_ms;
}

void Subscriber::summary() {
  if (started_ms_ == 0 || !(options_.rate || options_.latency)) return;
  const double seconds = static_cast<double>(clock_.mono_ms() - started_ms_) / 1'000;
  append_figures("total ", total_.messages, total_.bytes, seconds);
}

void Subscriber::append_figures(std::string_view label, uint64_t messages, uint64_t bytes,
                                double seconds) {
  std::array<char, 160> line{};
  std::string& out = output_.buffer();
  seconds = std::max(seconds, 0.001);
  out += label;
  if (options_.rate) {
    std::snprintf(line.data(), line.size(), "%llu messages  %.0f messages/s  %.3f MB/s",
                  static_cast<unsigned long long>(messages),
                  static_cast<double>(messages) / seconds,
                  static_cast<double>(bytes) / seconds / 1e6);
    out += line.data();
  }
  if (options_.latency) {
    std::snprintf(
        line.data(), line.size(), "%slatency us: p50 %lld  p99 %lld  p99.9 %lld  max %lld",
        options_.rate ? "  " : "", static_cast<long long>(latency_us(0.5)),
        static_cast<long long>(latency_us(0.99)), static_cast<long long>(latency_us(0.999)),
        static_cast<long long>(latency_max_us_));
    out += line.data();
  }
  out += '\n';
}

}  // namespace btb::cli
