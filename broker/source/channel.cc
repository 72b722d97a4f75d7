// Parts: the functions that the plugin calls (fill_host); the side of the source's thread; the side
// of the loop.
#include "broker/source/channel.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <system_error>
#include <utility>

#include "sdk/base/assert.h"
#include "sdk/base/limits.h"
#include "sdk/host/batch_view.h"
#include "sdk/host/border.h"
#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

constexpr size_t dead_letter_raw_bytes_max = 4096;
constexpr size_t resume_token_bytes_max = 4096;
constexpr size_t log_lines_max = 1000;  // that wait for the loop; further ones are lost
constexpr size_t text_bytes_max = 1024;
// The size of the extension in ABI 1.0.
constexpr size_t pause_size_min =
    offsetof(btb_source_pause, resume) + sizeof(btb_source_pause::resume);
constexpr int64_t wait_ms_max = int64_t{1} << 40;  // a longer time means for ever

std::string_view text_of(btb_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

std::string clipped(const char* text) {
  return text == nullptr ? std::string() : std::string(text).substr(0, text_bytes_max);
}

uint64_t minute_now() {
  using namespace std::chrono;
  return static_cast<uint64_t>(
      duration_cast<minutes>(steady_clock::now().time_since_epoch()).count());
}

btb_thread_check thread_check_extension(int32_t (*check)(const btb_host*)) {
  return {sizeof(btb_thread_check), check};
}

}  // namespace

Channel::Channel(std::string source_name, const ChannelLimits& limits, Wakeup& wakeup)
    : source_name_(std::move(source_name)),
      limits_(limits),
      bell_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wakeup_(&wakeup) {
  fill_host();
}

void Channel::fill_host() {
  host_.size = sizeof(btb_host);
  host_.abi_major = BTB_ABI_MAJOR;
  host_.abi_minor = BTB_ABI_MINOR;
  host_.context = this;
  host_.source_name = source_name_.c_str();
  host_.get_extension = [](const btb_host*, const char* id) -> const void* {
    static const btb_thread_check thread_check =
        thread_check_extension([](const btb_host* host) -> int32_t {
          return std::this_thread::get_id() == of(host).thread_ ? 1 : 0;
        });
    return std::string_view(id) == BTB_EXTENSION_THREAD_CHECK ? &thread_check : nullptr;
  };
  host_.publish = [](const btb_host* host, const btb_batch* batch, btb_fault* fault) {
    return of(host).publish(*batch, fault);
  };
  host_.dead_letter = [](const btb_host* host, const btb_dead_letter* letter) {
    of(host).dead_letter(*letter);
  };
  host_.wait = [](const btb_host* host, int64_t timeout_ms) { return of(host).wait(timeout_ms); };
  host_.wake_fd = [](const btb_host* host) {
    of(host).check_thread();
    return of(host).bell_.get();
  };
  host_.status = [](const btb_host* host) { return of(host).status(); };
  host_.set_state = [](const btb_host* host, btb_source_state state, const char* text) {
    Channel& channel = of(host);
    channel.check_thread();
    const std::lock_guard lock(channel.mutex_);
    channel.report_.state = state;
    channel.report_.state_text = clipped(text);
    channel.report_.state_changed = true;
    channel.signal_locked();
  };
  host_.log = [](const btb_host* host, btb_log_level level, const char* text) {
    of(host).log(level, text);
  };
  host_.fail = [](const btb_host* host, const char* option, const char* text) {
    const std::string named = option == nullptr ? "" : "option " + clipped(option) + ": ";
    of(host).check_thread();
    of(host).add_failure(named + clipped(text));
  };
}

void Channel::check_thread() const {
#ifndef NDEBUG
  BTB_ASSERT(std::this_thread::get_id() == thread_);
#endif
}

// --- the side of the source's thread ---

void Channel::enter_thread() {
  thread_ = std::this_thread::get_id();
}

void Channel::set_source(const btb_source* source) {
  const std::lock_guard lock(source_mutex_);
  source_ = source;
}

void Channel::add_failure(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (text.empty() || report_.failure.size() >= text_bytes_max) return;  // the first ones say most
  if (!report_.failure.empty()) report_.failure += "; ";
  report_.failure += text;
}

bool Channel::stopping() {
  const std::lock_guard lock(mutex_);
  return stop_;
}

void Channel::finish(btb_status result) {
  const std::lock_guard lock(mutex_);
  report_.finished = true;
  report_.result = broken_ ? BTB_FAILED : result;
  signal_locked();
}

bool Channel::room_locked(size_t bytes) const {
  return waiting_bytes_ == 0 || waiting_bytes_ + bytes <= limits_.mailbox_bytes;
}

// Null if the message breaks no rule. If several messages in a row go to one topic, the name of the
// topic is checked once.
const char* Channel::message_fault(const btb_message& message,
                                   std::string_view& checked_topic) const {
  const std::string_view topic = text_of(message.topic);
  if (topic.empty() || topic != checked_topic) {
    if (const char* fault = wire::topic_name_fault(topic)) return fault;
    if (wire::is_reserved(topic)) return "a topic name that begins with $";
    checked_topic = topic;
  }
  if (message.op != BTB_PUT && message.op != BTB_DELETE)
    return "an operation that is neither put nor delete";
  if (message.key.size > limits::key_bytes_max) return "a key larger than 1024 bytes";
  if (message.payload.size > limits_.message_bytes)
    return "a payload larger than the broker's message_bytes";
  if (message.op == BTB_DELETE && message.payload.size != 0) return "a deletion with a payload";
  return nullptr;
}

// Counts each refusal. Only the first, second, fourth, eighth one and so on goes to the journal,
// because a source may try again for ever.
btb_status Channel::refuse(size_t index, const char* text, btb_fault* fault) {
  if (fault != nullptr) {
    fault->message_index = index;
    fault->text = text;
  }
  const std::lock_guard lock(mutex_);
  ++report_.invalid;
  if (std::has_single_bit(report_.invalid) && report_.log.size() < log_lines_max) {
    report_.log.push_back({BTB_LOG_WARNING, "a batch was refused: message " +
                                                std::to_string(index) + ": " + text + " (" +
                                                std::to_string(report_.invalid) + " so far)"});
  }
  signal_locked();
  return BTB_INVALID;
}

btb_status Channel::publish(const btb_batch& batch, btb_fault* fault) {
  check_thread();
  size_t bytes = sizeof(StagedBatch);
  std::string_view checked_topic;
  const host::BatchView messages(batch);
  if (messages.fault() != nullptr) return refuse(0, messages.fault(), fault);
  for (size_t i = 0; i < messages.size(); ++i) {
    const btb_message& message = messages[i];
    if (!messages.fits(message)) return refuse(i, host::BatchView::wrong_message_size, fault);
    if (const char* text = message_fault(message, checked_topic)) {
      return refuse(i, text, fault);
    }
    bytes +=
        message.topic.size + message.key.size + message.payload.size + sizeof(StagedBatch::Entry);
  }
  if (batch.resume_token.size > resume_token_bytes_max) {
    return refuse(0, "a resume token larger than 4096 bytes", fault);
  }

  {
    const std::lock_guard lock(mutex_);
    if (stop_) return BTB_STOPPED;
    if (paused_) return BTB_AGAIN;
    if (!room_locked(bytes)) {
      wanted_bytes_ = bytes;
      return BTB_AGAIN;
    }
    waiting_bytes_ += bytes;
    wanted_bytes_ = 0;
  }

  StagedBatch staged;
  staged.entries.reserve(messages.size());
  staged.bytes.reserve(bytes - sizeof(StagedBatch) - messages.size() * sizeof(StagedBatch::Entry));
  for (size_t i = 0; i < messages.size(); ++i) {
    const btb_message& message = messages[i];
    staged.entries.push_back({message.op == BTB_DELETE, static_cast<uint8_t>(message.topic.size),
                              static_cast<uint16_t>(message.key.size),
                              static_cast<uint32_t>(message.payload.size), staged.bytes.size(),
                              message.time_us});
    staged.bytes.append(text_of(message.topic))
        .append(text_of(message.key))
        .append(text_of(message.payload));
  }
  staged.resume_token = text_of(batch.resume_token);
  staged.more = (batch.flags & BTB_BATCH_MORE) != 0;
  staged.complete = (batch.flags & BTB_BATCH_COMPLETE) != 0;
  staged.unsure = (batch.flags & BTB_BATCH_UNSURE) != 0;
  staged.cost_bytes = bytes;

  const std::lock_guard lock(mutex_);
  batches_.push_back(std::move(staged));
  signal_locked();
  return BTB_OK;
}

btb_status Channel::wait(int64_t timeout_ms) {
  check_thread();
  {
    std::unique_lock lock(mutex_);
    const auto woken = [&] {
      return stop_ || rung_ || (wanted_bytes_ != 0 && !paused_ && room_locked(wanted_bytes_));
    };
    if (timeout_ms < 0 || timeout_ms > wait_ms_max) {
      changed_.wait(lock, woken);
    } else {
      changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), woken);
    }
    wanted_bytes_ = 0;
  }
  return status() == BTB_STOPPED ? BTB_STOPPED : BTB_OK;
}

btb_status Channel::status() {
  bool paused = false;
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return BTB_STOPPED;
    paused = paused_;
    rung_ = false;
    uint64_t count = 0;
    if (::read(bell_.get(), &count, sizeof count) < 0) count = 0;  // it did not ring
  }
  if (std::this_thread::get_id() == thread_ && !tell_pause(paused)) return BTB_STOPPED;
  return paused ? BTB_AGAIN : BTB_OK;
}

// Tells a pause, or its end, to a source that has the extension for it. This is done on the
// source's own thread, when it asks for its status. False if the source threw an exception: then it
// cannot go on.
bool Channel::tell_pause(bool paused) {
  if (told_paused_ == paused) return true;
  told_paused_ = paused;
  const btb_source* source = source_;  // changes on this thread only
  if (source == nullptr || source->get_extension == nullptr) return true;
  const btb_source_pause* extension = nullptr;
  std::string escaped = host::escaped_from("get_extension", [&] {
    extension = static_cast<const btb_source_pause*>(
        source->get_extension(source->self, BTB_EXTENSION_PAUSE));
  });
  if (extension != nullptr && extension->size >= pause_size_min) {
    const auto tell = paused ? extension->pause : extension->resume;
    if (tell != nullptr) {
      escaped = host::escaped_from(paused ? "pause" : "resume", [&] { tell(source->self); });
    }
  }
  if (escaped.empty()) return true;
  add_failure(escaped);
  const std::lock_guard lock(mutex_);
  broken_ = stop_ = true;
  return false;
}

void Channel::log(btb_log_level level, const char* text) {
  const std::lock_guard lock(mutex_);
  if (report_.log.size() < log_lines_max) {
    report_.log.push_back({level, clipped(text)});
  } else {
    ++report_.log_lines_dropped;
  }
  signal_locked();
}

void Channel::dead_letter(const btb_dead_letter& letter) {
  check_thread();
  DeadLetter kept;
  kept.reason = clipped(letter.reason);
  kept.location = clipped(letter.location);
  kept.line = letter.line;
  kept.column = letter.column;
  kept.byte_offset = letter.byte_offset;
  kept.raw = text_of(letter.raw).substr(0, dead_letter_raw_bytes_max);
  kept.raw_bytes = letter.raw.size;
  const uint64_t minute = minute_now();
  const std::lock_guard lock(mutex_);
  if (minute != dead_minute_) {
    dead_minute_ = minute;
    dead_in_minute_ = 0;
  }
  if (dead_in_minute_ >= limits_.dead_letters_per_minute) {
    ++report_.dead_letters_dropped;
  } else {
    ++dead_in_minute_;
    report_.dead_letters.push_back(std::move(kept));
  }
  signal_locked();
}

// --- the loop's side ---

void Channel::signal_locked() {
  if (wakeup_ != nullptr) wakeup_->signal();
}

void Channel::ring() {
  rung_ = true;
  const uint64_t one = 1;
  if (::write(bell_.get(), &one, sizeof one) < 0) rung_ = true;  // it rings already
  changed_.notify_all();
}

void Channel::request_stop() {
  const std::lock_guard lock(mutex_);
  stop_ = true;
  ring();
}

void Channel::interrupt(const std::shared_ptr<Channel>& channel) {
  try {
    std::thread([channel] { channel->call_interrupt(); }).detach();
  } catch (const std::system_error& failed) {
    channel->log(BTB_LOG_WARNING, (std::string("cannot be interrupted: ") + failed.what()).c_str());
  }
}

// As long as the lock is held, the source is not destroyed, and its thread keeps the library
// loaded.
void Channel::call_interrupt() {
  const std::lock_guard lock(source_mutex_);
  if (source_ == nullptr || source_->interrupt == nullptr) return;
  const std::string escaped =
      host::escaped_from("interrupt", [&] { source_->interrupt(source_->self); });
  if (!escaped.empty()) log(BTB_LOG_WARNING, escaped.c_str());
}

void Channel::set_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  paused_ = paused;
  ring();
}

bool Channel::take(StagedBatch& out) {
  const std::lock_guard lock(mutex_);
  if (batches_.empty()) return false;
  out = std::move(batches_.front());
  batches_.pop_front();
  return true;
}

void Channel::taken(size_t bytes) {
  const std::lock_guard lock(mutex_);
  waiting_bytes_ -= std::min(bytes, waiting_bytes_);
  if (wanted_bytes_ != 0 && room_locked(wanted_bytes_)) ring();
}

void Channel::take_report(ChannelReport& out) {
  const std::lock_guard lock(mutex_);
  out.log.clear();
  out.dead_letters.clear();
  out.log.swap(report_.log);
  out.dead_letters.swap(report_.dead_letters);
  out.log_lines_dropped = std::exchange(report_.log_lines_dropped, 0);
  out.dead_letters_dropped = std::exchange(report_.dead_letters_dropped, 0);
  out.state_changed = std::exchange(report_.state_changed, false);
  if (out.state_changed) out.state_text = report_.state_text;
  out.state = report_.state;
  out.invalid = report_.invalid;
  out.failure = report_.failure;
  out.finished = report_.finished;
  out.result = report_.result;
}

size_t Channel::waiting_bytes() {
  const std::lock_guard lock(mutex_);
  return waiting_bytes_;
}

void Channel::detach() {
  const std::lock_guard lock(mutex_);
  wakeup_ = nullptr;
}

}  // namespace btb
