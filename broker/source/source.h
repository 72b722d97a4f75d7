// Source: one configured source, with its thread and its channel.
//
// The plugin runs on a thread of its own. This object belongs to the loop. It takes batches out of
// the channel, within a budget, and publishes them. After a failure it starts the plugin again,
// each time after a longer delay. If a thread does not end when it is asked, Sources gives it up:
// the library stays loaded, and an event says so.
//
// Leftovers are rows that an earlier run published. When the plugin says that its rows are
// complete, leftovers that did not come again are deleted, or held until an operator agrees.
// Resource, owned by Sources; [loop] thread.
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
  // The token of the last batch that a source of this name published; empty: it begins anew.
  std::string resume_token;
};

struct SourceCounters {
  uint64_t batches = 0;
  uint64_t messages = 0;
  uint64_t unchanged = 0;  // messages that left their row as it was
  uint64_t rejected = 0;   // messages that their topics refused
  uint64_t dead_letters = 0;
  uint64_t dead_letters_dropped = 0;  // not published, because they exceeded the rate
  uint64_t invalid = 0;               // batches refused whole, since the last start
  uint64_t restarts = 0;              // after failures
  uint64_t leftovers_deleted = 0;     // rows
  uint64_t leftovers_held = 0;        // rows that wait now for an operator; not a sum
  uint64_t log_lines_dropped = 0;     // lost because too many lines waited
};

// Receives the lines about sources for the journal. `text` is valid during the call.
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
    running,  // plugin_state() says more
    stopping,
    finished,  // the plugin has nothing more to publish
    failed,    // it is started again after a delay
    stopped,
    abandoned,  // its thread did not end in time, and was given up
  };

  Source(Loop& loop, Router& router, const Clock& clock, SourceEvents& events, SourceSpec spec);
  // REQUIRES: `ended` is true.
  ~Source();
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Starts a thread, which creates and runs the plugin's source. REQUIRES: `ended` is true.
  void start();
  // Asks the thread to end, and does not wait. It has ended when `ended` is true; drain sees that.
  void request_stop();
  // True if there is no thread: it ended, it was given up, or there never was one.
  [[nodiscard]] bool ended() const;
  // Gives the thread up if it has not ended.
  void abandon();
  // `false` also agrees to the deletion of leftovers that are held.
  void set_paused(bool paused);
  // Begins to delete all rows of the topics in which only this source published. drain goes on with
  // it. REQUIRES: `ended` is true.
  void withdraw();
  // True while rows are left to delete.
  [[nodiscard]] bool deleting() const { return !deleting_.empty(); }
  void stop_deleting() { deleting_.clear(); }

  // Publishes the batches of the channel, within a budget; true if there is more to do. Call it
  // once a turn.
  bool drain();
  // Call it about once a second. Reports a slow start.
  void tick();

  [[nodiscard]] const SourceSpec& spec() const { return spec_; }
  // The token of the last batch that was published and had one. The next run goes on after it.
  [[nodiscard]] const std::string& resume_token() const { return resume_token_; }
  // The topic of its dead letters.
  [[nodiscard]] std::string dead_letter_topic() const { return "$dead/" + spec_.name; }
  [[nodiscard]] State state() const { return state_; }
  // The state that the plugin last reported; only while this runs.
  [[nodiscard]] btb_source_state plugin_state() const { return plugin_state_; }
  [[nodiscard]] bool paused() const { return paused_; }
  // The state as an operator sees it. It also tells of pauses, held leftovers and refused messages.
  [[nodiscard]] std::string state_name() const;
  [[nodiscard]] std::string state_text() const;
  // Microseconds since 1970. The second one is 0 before the first batch.
  [[nodiscard]] int64_t state_since_us() const { return since_us_; }
  [[nodiscard]] int64_t last_message_us() const { return last_message_us_; }
  [[nodiscard]] const SourceCounters& counters() const { return counters_; }

 private:
  // The batch that is being published, and how far that has come.
  struct Draining {
    StagedBatch batch;
    // One item for each entry. `topics` grows until it is resolved. Number 0: the topic cannot be
    // made.
    std::vector<TopicRef> topics;
    std::vector<bool> more;  // another message of this batch follows in the same topic
    size_t next = 0;         // the entry that is published next
    bool active = false;     // there is a batch
    bool resolved = false;   // `topics` and `more` are complete
  };

  // Rows that an earlier run published: the rows of `topic` whose last message is not after
  // `until_seq`.
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
  // True if the plugin reports a good state although topics refused some of its messages. The
  // operator then sees `degraded`.
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
  uint64_t refused_ = 0;       // messages of this run that their topics refused
  std::string refused_topic_;  // of the last of these messages
  wire::Reason refused_reason_ = wire::Reason::none;
  ChannelReport report_;
  Draining draining_;
  std::vector<TopicRef> open_topics_;  // the current batch has begun and not ended in these
  std::vector<Leftovers> leftovers_;   // the rows that were there when this run began
  std::vector<Leftovers> at_stop_;     // the rows that were there when the thread was asked to end
  std::vector<Leftovers> deleting_;    // the rows that are left to delete
  std::string held_text_;              // says why leftovers are held; empty: none are held
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
