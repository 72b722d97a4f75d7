// TrialHost: faults of a message; the C functions of the face; the functions for the trial; then
// the functions that the face calls.
#include "sdk/plugin_check/trial_host.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string_view>

#include "sdk/base/limits.h"
#include "sdk/host/batch_view.h"
#include "sdk/wire/topic_name.h"

namespace btb::host {
namespace {

constexpr size_t token_bytes_max = 4096;
// How often publish may be called after BTB_AGAIN without a wait between.
constexpr uint64_t spins_max = 1'000;
constexpr uint64_t calls_after_stop_max = 100;
constexpr size_t broken_rules_max = 20;

std::string_view view(btb_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

bool is_bytes(btb_bytes bytes) {
  return bytes.data != nullptr || bytes.size == 0;
}

// Why the broker would refuse this message; null if it would not. Static text.
const char* message_fault(const btb_message& message) {
  if (!is_bytes(message.topic) || !is_bytes(message.key) || !is_bytes(message.payload)) {
    return "bytes without an address";
  }
  if (message.op != BTB_PUT && message.op != BTB_DELETE) return "its op is neither put nor delete";
  if (const char* fault = wire::topic_name_fault(view(message.topic))) return fault;
  if (wire::is_reserved(view(message.topic)))
    return "topics that begin with $ belong to the broker";
  if (message.key.size > limits::key_bytes_max) return "its key is larger than 1024 bytes";
  if (message.payload.size > limits::message_bytes_max) return "its payload is larger than 16 MiB";
  if (message.op == BTB_DELETE && message.payload.size > 0) return "a delete with a payload";
  return nullptr;
}

size_t hash_of(const BatchView& messages) {
  size_t hash = messages.size();
  const auto mix = [&hash](std::string_view text) {
    hash = hash * 31 + std::hash<std::string_view>()(text);
  };
  for (size_t i = 0; i < messages.size(); ++i) {
    mix(view(messages[i].topic));
    mix(view(messages[i].key));
    mix(view(messages[i].payload));
  }
  return hash;
}

TrialHost& self(const btb_host* host) {
  return *static_cast<TrialHost*>(host->context);
}

}  // namespace

// The functions of the face. Each finds its TrialHost and calls it.
struct TrialFace {
  static const void* get_extension(const btb_host* host, const char* id) {
    const bool known = id != nullptr && std::string_view(id) == BTB_EXTENSION_THREAD_CHECK;
    return known ? &self(host).thread_check_ : nullptr;
  }
  static int32_t is_source_thread(const btb_host* host) {
    const std::lock_guard lock(self(host).mutex_);
    return self(host).source_thread_ == std::this_thread::get_id() ? 1 : 0;
  }
  static btb_status publish(const btb_host* host, const btb_batch* batch, btb_fault* fault) {
    return self(host).publish(batch, fault);
  }
  static void dead_letter(const btb_host* host, const btb_dead_letter* letter) {
    TrialHost& check = self(host);
    const std::lock_guard lock(check.mutex_);
    check.require_source_thread("dead_letter");
    if (letter == nullptr || letter->reason == nullptr) {
      check.break_rule("a dead letter without a reason");
    } else {
      ++check.record_.dead_letters;
    }
    check.changed_.notify_all();
  }
  static btb_status wait(const btb_host* host, int64_t timeout_ms) {
    return self(host).wait(timeout_ms);
  }
  static int wake_fd(const btb_host* host) {
    const std::lock_guard lock(self(host).mutex_);
    self(host).require_source_thread("wake_fd");
    return self(host).wake_fd_.get();
  }
  static btb_status status(const btb_host* host) { return self(host).status(); }
  static void set_state(const btb_host* host, btb_source_state state, const char* /*text*/) {
    const std::lock_guard lock(self(host).mutex_);
    self(host).require_source_thread("set_state");
    if (state > BTB_STATE_GUARD) self(host).break_rule("set_state with an unknown state");
  }
  static void log(const btb_host* host, btb_log_level level, const char* text) {
    const std::lock_guard lock(self(host).mutex_);
    if (level > BTB_LOG_ERROR) self(host).break_rule("log with an unknown level");
    if (text == nullptr) self(host).break_rule("log without a text");
  }
  static void fail(const btb_host* host, const char* option, const char* text) {
    const std::lock_guard lock(self(host).mutex_);
    self(host).require_source_thread("fail");
    std::string failure = text == nullptr || *text == '\0' ? "no text" : text;
    if (option != nullptr) failure.insert(0, "option `" + std::string(option) + "`: ");
    self(host).record_.failure = std::move(failure);
  }
};

TrialHost::TrialHost() : wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  thread_check_ = {sizeof(btb_thread_check), &TrialFace::is_source_thread};
  face_.size = sizeof(btb_host);
  face_.context = this;
  face_.get_extension = &TrialFace::get_extension;
  face_.publish = &TrialFace::publish;
  face_.dead_letter = &TrialFace::dead_letter;
  face_.wait = &TrialFace::wait;
  face_.wake_fd = &TrialFace::wake_fd;
  face_.status = &TrialFace::status;
  face_.set_state = &TrialFace::set_state;
  face_.log = &TrialFace::log;
  face_.fail = &TrialFace::fail;
  face_.source_name = "check";
}

void TrialHost::adopt_thread() {
  const std::lock_guard lock(mutex_);
  source_thread_ = std::this_thread::get_id();
}

void TrialHost::refuse_all_but(uint64_t nth) {
  const std::lock_guard lock(mutex_);
  take_nth_ = nth;
}

void TrialHost::set_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  paused_ = paused;
  wake();
}

void TrialHost::stop_at_batch(uint64_t batches) {
  const std::lock_guard lock(mutex_);
  stop_at_batch_ = batches;
}

void TrialHost::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wake();
}

void TrialHost::set_pause_extension(const btb_source_pause* extension, void* self_pointer) {
  const std::lock_guard lock(mutex_);
  pause_extension_ = extension;
  pause_self_ = self_pointer;
}

TrialHost::Record TrialHost::record() const {
  const std::lock_guard lock(mutex_);
  return record_;
}

bool TrialHost::wait_until(const std::function<bool(const Record&)>& done,
                           uint32_t timeout_ms) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                           [&] { return done(record_); });
}

// --- called with the mutex held ---

void TrialHost::wake() {
  asked_ = true;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_.get(), &one, sizeof(one));
  changed_.notify_all();
}

void TrialHost::break_rule(const std::string& rule) {
  if (record_.broken_rules.size() < broken_rules_max) record_.broken_rules.insert(rule);
}

void TrialHost::require_source_thread(const char* function) {
  if (source_thread_ == std::this_thread::get_id()) return;
  break_rule(std::string(function) + " was called on a thread that is not the source's");
}

// Tells the source's pause extension that it was paused or resumed. The mutex is released during
// the call, because the extension may call back.
void TrialHost::tell_pause(std::unique_lock<std::mutex>& lock) {
  if (paused_ == told_paused_ || source_thread_ != std::this_thread::get_id()) return;
  told_paused_ = paused_;
  if (pause_extension_ == nullptr) return;
  const auto function = paused_ ? pause_extension_->pause : pause_extension_->resume;
  lock.unlock();
  if (function != nullptr) function(pause_self_);
  lock.lock();
}

// --- the face ---

btb_status TrialHost::publish(const btb_batch* batch, btb_fault* fault) {
  std::unique_lock lock(mutex_);
  require_source_thread("publish");
  ++publish_calls_;
  if (stopping_) {
    if (++record_.calls_after_stop > calls_after_stop_max) {
      break_rule("publish goes on being called after it answered BTB_STOPPED");
      lock.unlock();
      // So that the other threads of the trial still get a processor.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return BTB_STOPPED;
  }
  if (batch == nullptr) {
    break_rule("publish without a batch");
    return BTB_INVALID;
  }
  const char* wrong = BatchView(*batch).fault();
  if (wrong == nullptr && !is_bytes(batch->resume_token)) wrong = "a token without an address";
  if (wrong != nullptr) return refuse_as_invalid(0, wrong, fault);
  if (paused_ || publish_calls_ % take_nth_ != 0) return refuse(*batch);
  return take(*batch, fault, lock);
}

btb_status TrialHost::refuse(const btb_batch& batch) {
  ++record_.refused;
  refused_in_a_row_ = waited_since_again_ ? 1 : refused_in_a_row_ + 1;
  if (refused_in_a_row_ > spins_max) {
    break_rule("publish is called again and again after BTB_AGAIN, without wait");
  }
  waited_since_again_ = false;
  const size_t hash = hash_of(BatchView(batch));
  if (refused_hash_ != 0 && hash != refused_hash_) ++record_.changed_after_again;
  refused_hash_ = hash;
  return BTB_AGAIN;
}

btb_status TrialHost::refuse_as_invalid(size_t index, const char* wrong, btb_fault* fault) {
  break_rule(std::string("publish was refused: ") + wrong);
  if (fault != nullptr) {
    fault->message_index = index;
    fault->text = wrong;
  }
  changed_.notify_all();
  return BTB_INVALID;
}

btb_status TrialHost::take(const btb_batch& batch, btb_fault* fault,
                           std::unique_lock<std::mutex>& lock) {
  const char* wrong = batch.resume_token.size > token_bytes_max
                          ? "the resume token is larger than 4096 bytes"
                          : nullptr;
  const BatchView messages(batch);
  size_t index = 0;
  for (; wrong == nullptr && index < messages.size(); ++index) {
    wrong = messages.fits(messages[index]) ? message_fault(messages[index])
                                           : BatchView::wrong_message_size;
    if (wrong != nullptr) break;
  }
  if (wrong != nullptr) return refuse_as_invalid(index, wrong, fault);
  if (refused_hash_ != 0 && hash_of(messages) != refused_hash_) ++record_.changed_after_again;
  refused_hash_ = 0;
  ++record_.batches;
  record_.messages += messages.size();
  if (batch.resume_token.size > 0) record_.token = view(batch.resume_token);
  if (stop_at_batch_ != 0 && record_.batches >= stop_at_batch_) {
    stopping_ = true;
    wake();
  }
  changed_.notify_all();
  tell_pause(lock);
  return BTB_OK;
}

btb_status TrialHost::wait(int64_t timeout_ms) {
  using std::chrono::milliseconds;
  constexpr int64_t forever_ms = 3'600'000;
  std::unique_lock lock(mutex_);
  require_source_thread("wait");
  const bool refused = !waited_since_again_;
  waited_since_again_ = true;
  const int64_t bounded_ms = timeout_ms < 0 ? forever_ms : std::min(timeout_ms, forever_ms);
  changed_.wait_for(lock, milliseconds(bounded_ms), [&] {
    tell_pause(lock);
    return stopping_ || asked_ || (refused && !paused_);
  });
  asked_ = false;
  return stopping_ ? BTB_STOPPED : BTB_OK;
}

btb_status TrialHost::status() {
  std::unique_lock lock(mutex_);
  tell_pause(lock);
  if (stopping_) return BTB_STOPPED;
  asked_ = false;
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = ::read(wake_fd_.get(), &count, sizeof(count));
  return paused_ ? BTB_AGAIN : BTB_OK;
}

}  // namespace btb::host
