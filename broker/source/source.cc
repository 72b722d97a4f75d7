// Most of Source. Parts: running the plugin on its thread; life-cycle; taking batches and
// publishing them; messages that topics refuse; what the plugin reports. leftovers.cc is the rest
// of the class.
#include "broker/source/source.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "sdk/base/limits.h"
#include "sdk/host/border.h"
#include "sdk/host/declarations.h"
#include "sdk/wire/frame.h"

namespace btb {

namespace {

constexpr int64_t restart_delay_ms_max = 60'000;
constexpr uint64_t stable_ms = 60'000;      // after such a run, the delay begins anew
constexpr uint64_t slow_start_ms = 10'000;  // a longer start is reported as slow
// A new topic takes as much time as so many bytes, and counts so in the budget of a turn.
constexpr size_t new_topic_cost_bytes = 1024;
constexpr size_t new_topic_work_bytes = 32;  // for each step of Router::work: filters, followers

// Runs on the source's thread: creates the plugin's source, runs it and destroys it. If the source
// is malformed, or throws an exception, the run fails, and the broker goes on.
btb_status run_plugin(const btb_plugin& plugin, Channel& channel, const host::Settings& settings,
                      const std::string& resume_token) {
  const btb_source* source = nullptr;
  std::string fault = host::escaped_from("create", [&] {
    source = plugin.create(&channel.host(), settings.view().data(), settings.view().size());
  });
  if (source != nullptr) fault = host::source_fault(*source);
  channel.add_failure(fault);
  // A malformed source is not destroyed, because its `destroy` may be wrong, too.
  if (source == nullptr || !fault.empty()) return BTB_FAILED;

  btb_status result = BTB_FAILED;
  channel.set_source(source);
  if (channel.stopping()) {  // the request came before there was a source to interrupt
    result = BTB_STOPPED;
  } else {
    channel.add_failure(host::escaped_from("run", [&] {
      const auto* token = reinterpret_cast<const uint8_t*>(resume_token.data());
      result = source->run(source->self, {token, resume_token.size()});
    }));
  }
  channel.set_source(nullptr);
  fault = host::escaped_from("destroy", [&] { source->destroy(source->self); });
  channel.add_failure(fault);
  return fault.empty() ? result : BTB_FAILED;
}

const char* name_of(btb_source_state state) {
  switch (state) {
    case BTB_STATE_STARTING:
      return "starting";
    case BTB_STATE_SNAPSHOT:
      return "snapshot";
    case BTB_STATE_LIVE:
      return "live";
    case BTB_STATE_DEGRADED:
      return "degraded";
    case BTB_STATE_GUARD:
      return "guard";
    default:
      return "unknown";
  }
}

Bytes bytes_of(std::string_view text) {
  return as_bytes(text);
}

}  // namespace

Source::Source(Loop& loop, Router& router, const Clock& clock, SourceEvents& events,
               SourceSpec spec)
    : router_(router),
      clock_(clock),
      events_(events),
      spec_(std::move(spec)),
      wakeup_(loop, [this] { more_to_drain_ = true; }),
      restart_timer_(loop, [this] { start(); }),
      resume_token_(spec_.resume_token),
      restart_delay_ms_(spec_.restart_delay_ms) {}

Source::~Source() {
  BTB_ASSERT(!thread_.joinable());
  if (channel_ != nullptr) channel_->detach();
}

// --- life-cycle ---

void Source::start() {
  if (channel_ != nullptr) channel_->detach();
  channel_ = std::make_shared<Channel>(spec_.name, spec_.limits, wakeup_);
  if (paused_) channel_->set_paused(true);
  report_ = {};
  finish_seen_ = false;
  slow_start_said_ = false;
  refused_ = 0;
  plugin_state_ = BTB_STATE_STARTING;
  started_ms_ = clock_.mono_ms();
  leftovers_ = published_so_far();
  deleting_.clear();
  release_leftovers();
  enter(State::running, "");
  // The thread owns or shares everything it needs. So it may outlive this object if it is given up.
  thread_ = std::thread([channel = channel_, library = spec_.library, settings = spec_.settings,
                         token = resume_token_] {
    channel->enter_thread();
    channel->finish(run_plugin(library->plugin(), *channel, *settings, token));
  });
}

void Source::request_stop() {
  restart_timer_.stop();
  if (!thread_.joinable()) {
    if (state_ != State::abandoned) enter(State::stopped, "");
    return;
  }
  enter(State::stopping, "");
  at_stop_ = published_so_far();
  stop_deleting();
  channel_->request_stop();
  Channel::interrupt(channel_);
}

bool Source::ended() const {
  return !thread_.joinable();
}

void Source::abandon() {
  if (!thread_.joinable()) return;
  spec_.library->keep_for_ever();
  channel_->detach();
  thread_.detach();
  close_open_topics();
  enter(State::abandoned, "did not stop when asked; its thread was given up");
  event(BTB_LOG_ERROR, text_);
}

void Source::set_paused(bool paused) {
  paused_ = paused;
  since_us_ = clock_.now_us();
  if (channel_ != nullptr) channel_->set_paused(paused);
  if (!paused && counters_.leftovers_held != 0) delete_leftovers();
}

void Source::enter(State state, std::string_view text) {
  state_ = state;
  text_ = text;
  since_us_ = clock_.now_us();
}

std::string Source::state_text() const {
  if (!held_text_.empty()) return held_text_;
  return shows_refusal() ? refusal_text() : text_;
}

std::string Source::state_name() const {
  switch (state_) {
    case State::running:
      if (paused_) return "paused";
      if (!held_text_.empty()) return name_of(BTB_STATE_GUARD);
      return name_of(shows_refusal() ? btb_source_state{BTB_STATE_DEGRADED} : plugin_state_);
    case State::stopping:
      return "stopping";
    case State::finished:
      return "finished";
    case State::failed:
      return "failed";
    case State::stopped:
      return "stopped";
    case State::abandoned:
      return "abandoned";
  }
  return "unknown";
}

void Source::tick() {
  const bool starting = state_ == State::running && plugin_state_ == BTB_STATE_STARTING;
  if (!starting || slow_start_said_ || clock_.mono_ms() - started_ms_ < slow_start_ms) return;
  slow_start_said_ = true;
  event(BTB_LOG_WARNING, "has been starting for 10 seconds");
}

// --- data path ---

bool Source::drain() {
  if (deleting() && may_delete()) {
    drain_deletions();
    return true;
  }
  if (!more_to_drain_ || channel_ == nullptr) return false;
  more_to_drain_ = false;
  take_report();
  size_t bytes = 0;
  while (bytes < limits::source_drain_budget_bytes) {
    if (!draining_.active && begin_batch()) bytes += sizeof(StagedBatch);
    if (!draining_.active || !resolve_topics(bytes)) break;
    while (draining_.next < draining_.batch.entries.size() &&
           bytes < limits::source_drain_budget_bytes) {
      const StagedBatch::Entry& entry = draining_.batch.entries[draining_.next];
      bytes += entry.key_size + entry.payload_size + wire::data_head_bytes;
      publish_entry(draining_.next++);
    }
    if (draining_.next == draining_.batch.entries.size()) end_batch();
  }
  if (draining_.active || bytes >= limits::source_drain_budget_bytes) {
    more_to_drain_ = true;
  } else if (report_.finished && !finish_seen_) {
    finish_seen_ = true;
    thread_finished(report_);
  }
  if (deleting() && may_delete()) more_to_drain_ = true;
  return more_to_drain_;
}

// False if there is no batch.
bool Source::begin_batch() {
  Draining& at = draining_;
  if (!channel_->take(at.batch)) return false;
  at.active = true;
  at.resolved = false;
  at.next = 0;
  at.topics.clear();
  at.more.assign(at.batch.entries.size(), true);
  return true;
}

// Finds or makes the topic of each message, within the budget. True when it has all of them.
bool Source::resolve_topics(size_t& bytes) {
  Draining& at = draining_;
  if (at.resolved) return true;
  const auto& entries = at.batch.entries;
  while (at.topics.size() < entries.size()) {
    if (bytes >= limits::source_drain_budget_bytes) return false;
    const size_t i = at.topics.size();
    const std::string_view name = at.batch.topic(entries[i]);
    if (i != 0 && name == at.batch.topic(entries[i - 1])) {
      at.topics.push_back(at.topics.back());
      continue;
    }
    const size_t topics_before = router_.topic_count();
    const uint64_t work_before = router_.work();
    Topic* topic = router_.find_or_make(name, nullptr, spec_.publisher);
    at.topics.push_back(ref_to(topic));
    if (router_.topic_count() != topics_before) {
      bytes += new_topic_cost_bytes + (router_.work() - work_before) * new_topic_work_bytes;
    }
  }
  if (!at.batch.more) mark_last_of_topics();
  at.resolved = true;
  return true;
}

// Goes backwards, to find the last message of each topic in the batch.
void Source::mark_last_of_topics() {
  Draining& at = draining_;
  const uint64_t mark = router_.next_pass();
  for (size_t i = at.topics.size(); i-- > 0;) {
    Topic* topic = router_.find(at.topics[i]);
    if (topic == nullptr || topic->seen_in_pass == mark) continue;
    topic->seen_in_pass = mark;
    at.more[i] = false;
  }
}

void Source::publish_entry(size_t index) {
  const StagedBatch& batch = draining_.batch;
  const StagedBatch::Entry& entry = batch.entries[index];
  TopicRef& ref = draining_.topics[index];
  Topic* topic = router_.find(ref);
  // The topic may have been freed meanwhile, because it was empty.
  if (topic == nullptr && ref.number != 0)
    topic = router_.find_or_make(batch.topic(entry), nullptr, spec_.publisher);
  PublishResult result{wire::Reason::too_many_topics, 0};
  if (topic != nullptr) {
    Message message;
    message.key = bytes_of(batch.key(entry));
    message.payload = bytes_of(batch.payload(entry));
    // A time in the future would keep all later rows from getting too old.
    const bool has_time = entry.time_us > 0 && entry.time_us <= clock_.now_us();
    message.time_us = has_time ? entry.time_us : 0;
    message.deletion = entry.deletion;
    message.batch_more = draining_.more[index];
    result = router_.publish(*topic, message, spec_.publisher);
    if (message.batch_more && (open_topics_.empty() || open_topics_.back().born != topic->born)) {
      open_topics_.push_back(ref_to(topic));
    }
  }
  if (result.reason == wire::Reason::none) {
    ++(result.seq == 0 ? counters_.unchanged : counters_.messages);
    return;
  }
  note_refusal(batch.topic(entry), result.reason);
  if (!refusal_within_rate()) {
    ++counters_.dead_letters_dropped;
    return;
  }
  DeadLetter letter;
  letter.reason = wire::name_of(result.reason);
  letter.location = batch.topic(entry);
  letter.key = batch.key(entry);
  letter.raw = batch.payload(entry).substr(0, 4096);
  letter.raw_bytes = entry.payload_size;
  publish_dead_letter(letter);
}

// The plugin does not know of the refusal: its batch was taken. So it does not publish the message
// again, and the operator has to be told.
void Source::note_refusal(std::string_view topic, wire::Reason reason) {
  ++counters_.rejected;
  ++refused_;
  refused_topic_ = topic;
  refused_reason_ = reason;
  if (std::has_single_bit(refused_)) event(BTB_LOG_WARNING, refusal_text());
}

std::string Source::refusal_text() const {
  const std::string_view cure =
      refused_reason_ == wire::Reason::delete_unsupported
          ? "rows that come and go need a topic of `kind: state`"
          : "raise the limit or mend the source, then start it anew (enabled: false, reload, true, "
            "reload)";
  return std::to_string(refused_) + (refused_ == 1 ? " message was" : " messages were") +
         " refused, the last one by " + refused_topic_ + ": " +
         std::string(wire::name_of(refused_reason_)) + "; " + std::string(cure);
}

void Source::end_batch() {
  Draining& at = draining_;
  ++counters_.batches;
  last_message_us_ = clock_.now_us();
  if (at.batch.more) {
    const auto before = [](const TopicRef& a, const TopicRef& b) { return a.born < b.born; };
    const auto same = [](const TopicRef& a, const TopicRef& b) { return a.born == b.born; };
    std::sort(open_topics_.begin(), open_topics_.end(), before);
    open_topics_.erase(std::unique(open_topics_.begin(), open_topics_.end(), same),
                       open_topics_.end());
  } else {
    close_open_topics();
  }
  if (!at.batch.resume_token.empty()) resume_token_ = at.batch.resume_token;
  channel_->taken(at.batch.cost_bytes);
  if (at.batch.complete || at.batch.unsure) judge_leftovers(at.batch.complete);
  at.active = false;
  at.batch = {};
}

void Source::close_open_topics() {
  for (const TopicRef& ref : open_topics_) {
    if (Topic* topic = router_.find(ref)) router_.close_batch(*topic);
  }
  open_topics_.clear();
}

// --- refusals ---

// The rate of dead letters about refused messages. The channel keeps the rate of those that the
// source reports.
bool Source::refusal_within_rate() {
  const uint64_t minute = clock_.mono_ms() / 60'000;
  if (minute != refusal_minute_) {
    refusal_minute_ = minute;
    refusals_in_minute_ = 0;
  }
  return refusals_in_minute_++ < spec_.limits.dead_letters_per_minute;
}

void Source::publish_dead_letter(const DeadLetter& letter) {
  Topic* topic = router_.find_or_make(dead_letter_topic());
  ++counters_.dead_letters;
  const std::string payload = to_json(letter, spec_.name);
  Message message;
  message.payload = as_bytes(payload);
  router_.publish(*topic, message, spec_.publisher);
}

// --- reports of the plugin, and the end of its thread ---

void Source::take_report() {
  channel_->take_report(report_);
  for (const ChannelLogLine& line : report_.log) event(line.level, line.text);
  for (const DeadLetter& letter : report_.dead_letters) publish_dead_letter(letter);
  counters_.dead_letters_dropped += report_.dead_letters_dropped;
  if (report_.log_lines_dropped != 0) {
    counters_.log_lines_dropped += report_.log_lines_dropped;
    event(BTB_LOG_WARNING, std::to_string(report_.log_lines_dropped) +
                               " of its log lines came too fast and are lost");
  }
  counters_.invalid = report_.invalid;
  if (!report_.state_changed || state_ != State::running) return;
  const bool changed = report_.state != plugin_state_ || report_.state_text != text_;
  plugin_state_ = report_.state;
  if (!changed) return;
  enter(State::running, report_.state_text);
  const bool bad = plugin_state_ == BTB_STATE_DEGRADED || plugin_state_ == BTB_STATE_GUARD;
  event(bad ? BTB_LOG_WARNING : BTB_LOG_INFO,
        std::string(name_of(plugin_state_)) + (text_.empty() ? "" : ": " + text_));
}

void Source::thread_finished(const ChannelReport& report) {
  thread_.join();
  close_open_topics();
  if (state_ == State::stopping) return enter(State::stopped, "");
  if (report.result == BTB_OK || report.result == BTB_STOPPED) {
    enter(State::finished, "there is nothing more to come");
    return event(BTB_LOG_INFO, text_);
  }
  if (clock_.mono_ms() - started_ms_ >= stable_ms) restart_delay_ms_ = spec_.restart_delay_ms;
  const std::string why = report.failure.empty() ? "failed without a word" : report.failure;
  enter(State::failed, why);
  event(BTB_LOG_ERROR, why + "; starts again in " + std::to_string(restart_delay_ms_) + " ms");
  ++counters_.restarts;
  restart_timer_.start(static_cast<uint64_t>(restart_delay_ms_), 0);
  restart_delay_ms_ =
      std::min(restart_delay_ms_ * 2, std::max(restart_delay_ms_max, spec_.restart_delay_ms));
}

}  // namespace btb
