// TrialHost: plays the broker for one source in a plugin check. It accepts all valid messages and
// keeps only counts. It pauses, refuses and stops as the trial wants, and records every rule that
// the source breaks.
//
// Resource; it must outlive its source. The source calls the face. The trial calls the other
// functions, from [any] thread; adopt_thread and set_pause_extension are for the source's thread.
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

class TrialHost {
 public:
  struct Record {
    uint64_t batches = 0, messages = 0, dead_letters = 0;  // accepted
    uint64_t refused = 0;                                  // batches answered with BTB_AGAIN
    uint64_t calls_after_stop = 0;                         // calls of publish
    uint64_t changed_after_again = 0;    // times another batch came after BTB_AGAIN
    std::string token;                   // the newest resume token
    std::string failure;                 // the text that the source gave to `fail`; "": not called
    std::set<std::string> broken_rules;  // in words, for people
  };

  TrialHost();
  TrialHost(const TrialHost&) = delete;
  TrialHost& operator=(const TrialHost&) = delete;

  // For the plugin's create. Valid as long as this object.
  [[nodiscard]] const btb_host* face() const { return &face_; }

  // Declares that the calling thread is the source's. [source]
  void adopt_thread();

  // Accepts every n-th call of publish and answers the others with BTB_AGAIN. 1: accepts all.
  void refuse_all_but(uint64_t nth);
  void set_paused(bool paused);
  // Asks the source to stop during the call of publish that brings batch number `batches`.
  void stop_at_batch(uint64_t batches);
  void stop();

  [[nodiscard]] Record record() const;
  // Blocks until `done(record)` is true. False if that has not happened after `timeout_ms`. `done`
  // runs with the mutex held and must not call this object.
  bool wait_until(const std::function<bool(const Record&)>& done, uint32_t timeout_ms) const;
  // The pause extension of the source; null: it has none. Its functions are called on the source's
  // thread, from calls of the face.
  void set_pause_extension(const btb_source_pause* extension, void* self);

 private:
  friend struct TrialFace;

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
