// CheckHost: the broker's side of one source, played for a plugin check. It takes everything and
// keeps nothing but counts; it pauses, refuses and stops when told to; and it writes down every
// rule the source breaks.
//
// Resource; outlives the source it is given to. The face is called by the source, the rest by
// whoever drives the trial, from [any] thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "sdk/base/unique_fd.h"
#include "sdk/plugin/abi.h"

namespace btb::host {

class CheckHost {
 public:
  struct Record {
    uint64_t batches = 0, messages = 0, dead_letters = 0;  // taken
    uint64_t refused = 0;                                  // answered BTB_AGAIN
    uint64_t calls_after_stop = 0;                         // of publish
    uint64_t changed_after_again = 0;    // another batch was offered than the one that was refused
    std::string token;                   // the last one that came
    std::string failure;                 // what `fail` was told; "" if it was not called
    std::set<std::string> broken_rules;  // in words, for the operator
  };

  CheckHost();
  CheckHost(const CheckHost&) = delete;
  CheckHost& operator=(const CheckHost&) = delete;

  [[nodiscard]] const btb_host* face() const { return &face_; }

  // The calling thread is the source's from now on. [source]
  void adopt_thread();

  // Every n-th call of publish is taken, the others are answered BTB_AGAIN. 1: all are taken.
  void refuse_all_but(uint64_t nth);
  void set_paused(bool paused);
  // Publish is in the middle of a call when the stop comes: the source is stopped by its own
  // `batches`-th batch.
  void stop_at_batch(uint64_t batches);
  void stop();

  [[nodiscard]] Record record() const;
  // Waits until `done` says so of the record; false after `timeout_ms`.
  bool wait_until(const std::function<bool(const Record&)>& done, uint32_t timeout_ms) const;
  // The source's pause extension, told from its own thread; null: it has none.
  void set_pause_extension(const btb_source_pause* extension, void* self);

 private:
  friend struct CheckFace;

  btb_status publish(const btb_batch* batch, btb_fault* fault);
  btb_status take(const btb_batch& batch, btb_fault* fault, std::unique_lock<std::mutex>& lock);
  btb_status refuse(const btb_batch& batch);
  btb_status refuse_as_invalid(size_t index, const char* wrong, btb_fault* fault);
  btb_status wait(int64_t timeout_ms);
  btb_status status();
  void break_rule(const std::string& rule);
  void require_source_thread(const char* function);
  void tell_pause(std::unique_lock<std::mutex>& lock);
  void wake();

  btb_host face_{};
  btb_thread_check thread_check_{};
  UniqueFd wake_fd_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::thread::id source_thread_;
  Record record_;
  const btb_source_pause* pause_extension_ = nullptr;
  void* pause_self_ = nullptr;
  uint64_t take_nth_ = 1;
  uint64_t publish_calls_ = 0;
  uint64_t stop_at_batch_ = 0;
  uint64_t refused_in_a_row_ = 0;
  size_t refused_hash_ = 0;
  bool waited_since_again_ = true;
  bool paused_ = false, told_paused_ = false, asked_ = false, stopping_ = false;
};

}  // namespace btb::host
