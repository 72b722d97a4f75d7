// Channel: the mailbox between a source's thread and the loop, and the btb_host that the source
// sees.
//
// The source calls the functions of host(). There its batches are checked and copied into the
// channel, on the thread of the source ([source]). The loop takes them out. The bytes in the
// channel are bounded: if it is full, publish answers BTB_AGAIN, and the source waits. A channel is
// used for one run of the source. Both sides share it, so it lives on for a thread that could not
// be stopped.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "broker/loop/loop.h"
#include "broker/source/dead_letter.h"
#include "sdk/base/bytes.h"
#include "sdk/base/unique_fd.h"
#include "sdk/plugin/abi.h"

namespace btb {

// A batch on its way to the loop. Value; owns its bytes.
struct StagedBatch {
  struct Entry {
    bool deletion = false;
    uint8_t topic_size = 0;
    uint16_t key_size = 0;
    uint32_t payload_size = 0;
    uint64_t offset = 0;  // in `bytes`, where the topic begins; then come key and payload
    int64_t time_us = 0;  // as the source gave it; see btb_message
  };
  std::vector<Entry> entries;
  std::string bytes;
  std::string resume_token;
  bool more = false;      // BTB_BATCH_MORE
  bool complete = false;  // BTB_BATCH_COMPLETE
  bool unsure = false;    // BTB_BATCH_UNSURE
  size_t cost_bytes = 0;  // so many bytes of the mailbox it takes

  // The parts of an entry. Valid as long as this batch does not change.
  [[nodiscard]] std::string_view topic(const Entry& entry) const {
    return std::string_view(bytes).substr(entry.offset, entry.topic_size);
  }
  [[nodiscard]] std::string_view key(const Entry& entry) const {
    return std::string_view(bytes).substr(entry.offset + entry.topic_size, entry.key_size);
  }
  [[nodiscard]] std::string_view payload(const Entry& entry) const {
    return std::string_view(bytes).substr(entry.offset + entry.topic_size + entry.key_size,
                                          entry.payload_size);
  }
};

struct ChannelLimits {
  size_t mailbox_bytes = 0;              // of all waiting batches; one batch may exceed it
  size_t message_bytes = 0;              // of one payload
  uint32_t dead_letters_per_minute = 0;  // further ones are only counted
};

struct ChannelLogLine {
  btb_log_level level = BTB_LOG_INFO;
  std::string text;
};

// All that the source told besides batches. The loop takes it with take_report.
struct ChannelReport {
  btb_source_state state = BTB_STATE_STARTING;
  std::string state_text;
  bool state_changed = false;
  std::vector<ChannelLogLine> log;
  uint64_t log_lines_dropped = 0;  // lost because too many lines waited
  std::vector<DeadLetter> dead_letters;
  uint64_t dead_letters_dropped = 0;  // lost because they exceeded the rate
  uint64_t invalid = 0;               // batches refused in this run, because they break a rule
  std::string failure;                // the failures of this run; empty if there was none
  bool finished = false;              // the thread has called `finish`
  btb_status result = BTB_OK;         // if finished: the result of the run
};

class Channel {
 public:
  // `wakeup` is signalled when there is something to take. It must live until detach was called.
  Channel(std::string source_name, const ChannelLimits& limits, Wakeup& wakeup);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // The plugin's view of the broker. Valid as long as the channel.
  [[nodiscard]] const btb_host& host() const { return host_; }

  // --- the loop's side: all of these are [loop], and none of them waits ---

  // From now on the functions of host() answer BTB_STOPPED. Wakes the source if it waits.
  void request_stop();
  // Calls the source's `interrupt`, if there is a source, on a thread made for this call. If the
  // function blocks, only this source ends late.
  static void interrupt(const std::shared_ptr<Channel>& channel);
  // While paused, publish answers BTB_AGAIN. Wakes the source if it waits.
  void set_paused(bool paused);
  // Moves the oldest batch to `out`; false if there is none. Its bytes count as waiting until
  // `taken` is called with its cost_bytes.
  bool take(StagedBatch& out);
  void taken(size_t bytes);
  // Moves the lines, the dead letters and the counts of lost ones to `out`, and copies the rest.
  void take_report(ChannelReport& out);
  [[nodiscard]] size_t waiting_bytes();
  // The Wakeup is not used any more after this.
  void detach();

  // --- the side of the source's thread: [source], if nothing else is said ---

  void enter_thread();  // the first call on the thread
  // Names the source to `interrupt`: after create, and again with null before destroy.
  void set_source(const btb_source* source);
  // Adds a text to ChannelReport::failure. An empty text changes nothing.
  void add_failure(std::string_view text);
  [[nodiscard]] bool stopping();   // whether the source has to end. [any]
  void finish(btb_status result);  // the last call on the thread

 private:
  static Channel& of(const btb_host* host) { return *static_cast<Channel*>(host->context); }
  void fill_host();
  void check_thread() const;
  btb_status publish(const btb_batch& batch, btb_fault* fault);
  btb_status refuse(size_t index, const char* text, btb_fault* fault);
  const char* message_fault(const btb_message& message, std::string_view& checked_topic) const;
  btb_status wait(int64_t timeout_ms);
  btb_status status();
  void dead_letter(const btb_dead_letter& letter);
  void log(btb_log_level level, const char* text);
  bool tell_pause(bool paused);
  void call_interrupt();
  void signal_locked();
  void ring();
  [[nodiscard]] bool room_locked(size_t bytes) const;

  const std::string source_name_;
  const ChannelLimits limits_;
  btb_host host_{};
  std::thread::id thread_;    // written once, before there is a source
  bool told_paused_ = false;  // [source]

  std::mutex mutex_;
  std::condition_variable changed_;
  UniqueFd bell_;  // eventfd, for sources that poll: readable if `wait` would return at once
  Wakeup* wakeup_;
  std::deque<StagedBatch> batches_;
  size_t waiting_bytes_ = 0;
  size_t wanted_bytes_ = 0;  // of the batch for which there was no room; 0: none
  bool stop_ = false;
  bool broken_ = false;  // an exception came out of the source, so its result is BTB_FAILED
  bool paused_ = false;
  bool rung_ = false;  // `wait` returns at once; the source has not yet asked for its status
  ChannelReport report_;
  // Held while another thread calls the source, and while source_ changes. Never locked while
  // mutex_ is held.
  std::mutex source_mutex_;
  const btb_source* source_ = nullptr;
  uint64_t dead_minute_ = 0;
  uint32_t dead_in_minute_ = 0;
};

}  // namespace btb
