// Channel: the mailbox between a source's thread and the loop, and the btb_host the source sees.
//
// What a source publishes is checked and copied here, on its own thread; the loop takes it out.
// Bounded by bytes: a full channel answers "again", and the source waits. Shared by both sides, so
// it stays for a thread that could not be stopped. Functions tagged [source] are reached through
// host() only.
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
    uint64_t offset = 0;  // of topic, key and payload, in this order, in `bytes`
    int64_t time_us = 0;
  };
  std::vector<Entry> entries;
  std::string bytes;
  std::string resume_token;
  bool more = false;
  bool complete = false;
  bool unsure = false;
  size_t cost_bytes = 0;  // what it counts as in the channel

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
  size_t mailbox_bytes = 0;
  size_t message_bytes = 0;
  uint32_t dead_letters_per_minute = 0;
};

struct ChannelLogLine {
  btb_log_level level = BTB_LOG_INFO;
  std::string text;
};

// What the source said of itself, taken out by the loop.
struct ChannelReport {
  btb_source_state state = BTB_STATE_STARTING;
  std::string state_text;
  bool state_changed = false;
  std::vector<ChannelLogLine> log;
  uint64_t log_lines_dropped = 0;  // beyond what may wait
  std::vector<DeadLetter> dead_letters;
  uint64_t dead_letters_dropped = 0;  // beyond the rate
  uint64_t invalid = 0;               // batches refused because a message in them breaks a rule
  std::string failure;                // of create or run; empty if there was none
  bool finished = false;              // the thread is at its end
  btb_status result = BTB_OK;         // of run, once finished
};

class Channel {
 public:
  // `wakeup` is signalled when there is something to take; it is not touched any more after detach.
  Channel(std::string source_name, const ChannelLimits& limits, Wakeup& wakeup);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  [[nodiscard]] const btb_host& host() const { return host_; }

  // --- the loop's side ---
  void request_stop();  // [loop]
  // Calls the source's interrupt, if there is a source, on a thread made for it: one that blocks
  // holds up the end of its own source and nobody else.
  static void interrupt(const std::shared_ptr<Channel>& channel);  // [loop]
  void set_paused(bool paused);                                    // [loop]
  // The oldest batch, if there is one. Its bytes count as waiting until `taken`.
  bool take(StagedBatch& out);           // [loop]
  void taken(size_t bytes);              // [loop]
  void take_report(ChannelReport& out);  // [loop]
  [[nodiscard]] size_t waiting_bytes();  // [loop]
  void detach();                         // [loop]

  // --- the thread's side ---
  void enter_thread();                        // [source] first of all
  void set_source(const btb_source* source);  // [source] after create, and nullptr before destroy
  void add_failure(std::string_view text);    // [source]
  [[nodiscard]] bool stopping();              // [any]
  void finish(btb_status result);             // [source] last of all

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
  std::thread::id thread_;    // written once, before the source exists
  bool told_paused_ = false;  // [source]

  std::mutex mutex_;
  std::condition_variable changed_;
  UniqueFd bell_;  // eventfd: readable while wait would return at once
  Wakeup* wakeup_;
  std::deque<StagedBatch> batches_;
  size_t waiting_bytes_ = 0;
  size_t wanted_bytes_ = 0;  // what the source could not publish for want of room; 0: nothing
  bool stop_ = false;
  bool broken_ = false;  // it cannot go on, whatever run returns
  bool paused_ = false;
  bool rung_ = false;
  ChannelReport report_;
  // Held while the source is called from outside of its thread, or goes away. Never taken inside
  // mutex_.
  std::mutex source_mutex_;
  const btb_source* source_ = nullptr;
  uint64_t dead_minute_ = 0;
  uint32_t dead_in_minute_ = 0;
};

}  // namespace btb
