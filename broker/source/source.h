// Source: one configured source: its thread, its channel, and what happens when it fails.
//
// The plugin runs on a thread of its own; this object stays on the loop, takes batches out of the
// channel within a budget and publishes them, and starts the plugin again after a failure, later
// each time. A thread that does not end when it is asked to is given up after a while: its library
// stays loaded, and that is said. Resource, owned by Sources; [loop] thread.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "broker/loop/loop.h"
#include "broker/routing/router.h"
#include "broker/source/channel.h"
#include "sdk/host/library.h"
#include "sdk/host/settings.h"

namespace btb {

struct SourceSpec {
  std::string name;
  Publisher publisher = no_publisher;  // the same for all sources that had this name
  std::shared_ptr<const host::PluginLibrary> library;
  std::shared_ptr<const host::Settings> settings;
  int64_t restart_delay_ms = 5'000;
  ChannelLimits limits;
  std::string resume_token;  // where a source of this name was before; empty: at its beginning
};

struct SourceCounters {
  uint64_t batches = 0;
  uint64_t messages = 0;
  uint64_t unchanged = 0;
  uint64_t rejected = 0;  // by their topics
  uint64_t dead_letters = 0;
  uint64_t dead_letters_dropped = 0;
  uint64_t invalid = 0;  // batches refused whole, since it was last started
  uint64_t restarts = 0;
  uint64_t leftovers_deleted = 0;  // rows of an earlier run that the source no longer had
  uint64_t leftovers_held = 0;     // now: such rows, too many to be deleted unasked
  uint64_t log_lines_dropped = 0;  // more than a turn of the loop takes
};

// Told what happens to sources, for the log. `level` is a btb_log_level.
class SourceEvents {
 public:
  virtual void source_event(const std::string& source, btb_log_level level,
                            std::string_view text) = 0;

 protected:
  ~SourceEvents() = default;
};

class Source {
 public:
  enum class State : uint8_t {
    running,  // the plugin's own state says more
    stopping,
    finished,  // run returned: there is nothing more to come
    failed,    // waiting to be started again
    stopped,
    abandoned,  // did not stop in time
  };

  Source(Loop& loop, Router& router, const Clock& clock, SourceEvents& events, SourceSpec spec);
  // REQUIRES: stopped() or abandoned.
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  void start();
  // Asks the thread to end; `ended` tells when it has.
  void request_stop();
  [[nodiscard]] bool ended() const;
  // Gives the thread up if it has not ended.
  void abandon();
  // Going on (again) also confirms the deletion of leftovers that are held.
  void set_paused(bool paused);
  // Deletes all the source has published where nobody else does. REQUIRES: ended or abandoned.
  void withdraw();
  [[nodiscard]] bool deleting() const { return !deleting_.empty(); }
  void stop_deleting() { deleting_.clear(); }

  // Publishes what the channel holds, within the budget; true if there is more. Called once a turn.
  bool drain();
  void tick();

  [[nodiscard]] const SourceSpec& spec() const { return spec_; }
  // Where the plugin would go on: behind the last batch that was published.
  [[nodiscard]] const std::string& resume_token() const { return resume_token_; }
  // Where its records go that cannot be read or that a topic refused.
  [[nodiscard]] std::string dead_letter_topic() const { return "$dead/" + spec_.name; }
  [[nodiscard]] State state() const { return state_; }
  // What the plugin last said of itself, while it runs.
  [[nodiscard]] btb_source_state plugin_state() const { return plugin_state_; }
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] std::string state_name() const;
  [[nodiscard]] std::string state_text() const;
  [[nodiscard]] int64_t state_since_us() const { return since_us_; }
  [[nodiscard]] int64_t last_message_us() const { return last_message_us_; }
  [[nodiscard]] const SourceCounters& counters() const { return counters_; }

 private:
  // Where the loop is in the batch it is publishing.
  struct Draining {
    StagedBatch batch;
    std::vector<TopicRef> topics;  // of each entry, so far; number 0: there is no place for it
    std::vector<bool> more;  // of each entry: another message of the batch follows in its topic
    size_t next = 0;
    bool active = false;
    bool resolved = false;  // topics and more are complete
  };

  // Rows that an earlier run published: those of `topic` with no message since `until_seq`.
  struct Leftovers {
    TopicRef topic;
    uint64_t until_seq = 0;
  };

  static TopicRef ref_to(const Topic* topic) {
    return topic == nullptr ? TopicRef{} : TopicRef{topic->number, topic->born};
  }
  [[nodiscard]] std::vector<Leftovers> published_so_far() const;
  void judge_leftovers(bool certain);
  void delete_leftovers();
  void release_leftovers();
  // What the plugin says of itself is too good while messages of it are missing.
  [[nodiscard]] bool shows_refusal() const {
    return state_ == State::running && refused_ != 0 &&
           (plugin_state_ == BTB_STATE_LIVE || plugin_state_ == BTB_STATE_SNAPSHOT);
  }
  void note_refusal(std::string_view topic, wire::Reason reason);
  [[nodiscard]] std::string refusal_text() const;
  [[nodiscard]] bool may_delete() const;
  void drain_deletions();
  bool begin_batch();
  bool resolve_topics(size_t& bytes);
  void mark_last_of_topics();
  void publish_entry(size_t index);
  void end_batch();
  void close_open_topics();
  bool refusal_within_rate();
  void take_report();
  void thread_finished(const ChannelReport& report);
  void publish_dead_letter(const DeadLetter& letter);
  void enter(State state, std::string_view text);
  void event(btb_log_level level, std::string_view text) {
    events_.source_event(spec_.name, level, text);
  }

  Router& router_;
  const Clock& clock_;
  SourceEvents& events_;
  const SourceSpec spec_;
  Wakeup wakeup_;
  Timer restart_timer_;
  std::shared_ptr<Channel> channel_;
  std::thread thread_;
  State state_ = State::stopped;
  btb_source_state plugin_state_ = BTB_STATE_STARTING;
  bool paused_ = false;
  bool more_to_drain_ = false;
  bool finish_seen_ = false;
  bool slow_start_said_ = false;
  uint64_t refused_ = 0;       // messages of this run that their topics did not take
  std::string refused_topic_;  // of the last one
  wire::Reason refused_reason_ = wire::Reason::none;
  ChannelReport report_;
  Draining draining_;
  std::vector<TopicRef> open_topics_;  // of a batch in several pieces
  std::vector<Leftovers> leftovers_;   // what was there when this run began
  std::vector<Leftovers> at_stop_;     // what was there when it was asked to end
  std::vector<Leftovers> deleting_;
  std::string held_text_;  // while leftovers are held: why
  uint64_t refusal_minute_ = 0;
  uint32_t refusals_in_minute_ = 0;
  std::string resume_token_;
  std::string text_;
  int64_t since_us_ = 0;
  int64_t last_message_us_ = 0;
  uint64_t started_ms_ = 0;
  int64_t restart_delay_ms_ = 0;
  SourceCounters counters_;
};

}  // namespace btb
