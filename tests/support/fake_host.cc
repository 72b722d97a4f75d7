#include "tests/support/fake_host.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>

namespace btb::test {

namespace {

std::string text_of(btb_bytes bytes) {
  return std::string(plugin::view(bytes));
}
std::string text_of(const char* text) {
  return text == nullptr ? "" : text;
}

int64_t read_number(const btb_option& option, const std::string& text) {
  if (option.type == BTB_OPTION_FLAG) return text == "true" ? 1 : 0;
  char* end = nullptr;
  const int64_t number = std::strtoll(text.c_str(), &end, 10);
  const std::string unit(end);
  if (unit == "s") return number * 1000;
  if (unit == "m") return number * 60'000;
  if (unit == "h") return number * 3'600'000;
  if (unit == "KiB") return number << 10;
  if (unit == "MiB") return number << 20;
  if (unit == "GiB") return number << 30;
  if (unit.empty() || unit == "ms") return number;
  throw std::logic_error("no unit: " + text);
}

}  // namespace

// --- the table of functions
// ----------------------------------------------------------------------------------------

struct FakeHost::Calls {
  static FakeHost& self(const btb_host* host) { return *static_cast<FakeHost*>(host->context); }

  static btb_status publish(const btb_host* raw, const btb_batch* batch, btb_fault* fault) {
    FakeHost& host = self(raw);
    const std::lock_guard lock(host.mutex_);
    if (host.stop_in_ >= 0 && host.stop_in_-- == 0) host.stopped_ = true;
    if (host.stopped_) return BTB_STOPPED;
    if (host.paused_) return BTB_AGAIN;
    if (host.full_ > 0) return --host.full_, BTB_AGAIN;
    Batch taken{{},
                (batch->flags & BTB_BATCH_MORE) != 0,
                text_of(batch->resume_token),
                (batch->flags & BTB_BATCH_COMPLETE) != 0,
                (batch->flags & BTB_BATCH_UNSURE) != 0};
    for (size_t i = 0; (host.keeps_ || host.rule_) && i < batch->message_count; ++i) {
      const btb_message& message = batch->messages[i];
      taken.messages.push_back({message.op == BTB_PUT, text_of(message.topic), text_of(message.key),
                                text_of(message.payload)});
      const char* wrong = host.rule_ ? host.rule_(taken.messages.back()) : nullptr;
      if (wrong != nullptr) {
        *fault = {sizeof(btb_fault), i, wrong};
        return BTB_INVALID;
      }
    }
    host.message_count_ += batch->message_count;
    if (!taken.token.empty()) host.token_ = taken.token;
    if (host.keeps_) host.batches_.push_back(std::move(taken));
    host.changed_locked();
    return BTB_OK;
  }

  static void dead_letter(const btb_host* raw, const btb_dead_letter* letter) {
    FakeHost& host = self(raw);
    const std::lock_guard lock(host.mutex_);
    host.letters_.push_back({text_of(letter->reason), text_of(letter->location),
                             text_of(letter->raw), letter->line, letter->column,
                             letter->byte_offset});
    host.changed_locked();
  }

  static btb_status wait(const btb_host* raw, int64_t timeout_ms) {
    FakeHost& host = self(raw);
    std::unique_lock lock(host.mutex_);
    const uint64_t before = host.version_;
    // A full host has room again a moment later; a paused one only when it is resumed.
    const auto ready = [&] {
      return host.stopped_ || (!host.paused_ && host.woken_) || host.version_ != before;
    };
    const bool has_room = !host.paused_;
    if (!has_room || timeout_ms < 0) {
      host.changed_.wait_for(lock, std::chrono::milliseconds(has_room ? 1 : 10'000), ready);
    } else {
      host.changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), ready);
    }
    return host.stopped_ ? BTB_STOPPED : BTB_OK;
  }

  static int wake_fd(const btb_host* raw) { return self(raw).wake_fd_; }

  static btb_status status(const btb_host* raw) {
    FakeHost& host = self(raw);
    const std::lock_guard lock(host.mutex_);
    uint64_t count = 0;
    (void)!read(host.wake_fd_, &count, sizeof(count));
    host.woken_ = false;
    return host.stopped_ ? BTB_STOPPED : host.paused_ ? BTB_AGAIN : BTB_OK;
  }

  static void set_state(const btb_host* raw, btb_source_state state, const char* text) {
    FakeHost& host = self(raw);
    const std::lock_guard lock(host.mutex_);
    host.states_.push_back({state, text_of(text)});
    host.changed_locked();
  }

  static void log(const btb_host* raw, btb_log_level, const char* text) {
    FakeHost& host = self(raw);
    const std::lock_guard lock(host.mutex_);
    host.logs_.push_back(text_of(text));
    host.changed_locked();
  }

  static void fail(const btb_host* raw, const char* option, const char* text) {
    self(raw).set_failure(text_of(option) + ": " + text_of(text));
  }

  static const void* get_extension(const btb_host*, const char*) { return nullptr; }
};

FakeHost::FakeHost(std::string source_name)
    : name_(std::move(source_name)), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  raw_ = {sizeof(btb_host),      BTB_ABI_MAJOR,   BTB_ABI_MINOR,       this,
          &Calls::get_extension, &Calls::publish, &Calls::dead_letter, &Calls::wait,
          &Calls::wake_fd,       &Calls::status,  &Calls::set_state,   &Calls::log,
          &Calls::fail,          name_.c_str()};
}

FakeHost::~FakeHost() {
  close(wake_fd_);
}

void FakeHost::changed_locked() {
  ++version_;
  changed_.notify_all();
}

// --- what is asked of the source
// -----------------------------------------------------------------------------------

void FakeHost::pause() {
  const std::lock_guard lock(mutex_);
  paused_ = woken_ = true;
  eventfd_write(wake_fd_, 1);
  changed_locked();
}

void FakeHost::resume() {
  const std::lock_guard lock(mutex_);
  paused_ = false;
  woken_ = true;
  eventfd_write(wake_fd_, 1);
  changed_locked();
}

void FakeHost::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = woken_ = true;
  eventfd_write(wake_fd_, 1);
  changed_locked();
}

void FakeHost::be_full(int count) {
  const std::lock_guard lock(mutex_);
  full_ = count;
}

void FakeHost::refuse(std::function<const char*(const Message&)> rule) {
  const std::lock_guard lock(mutex_);
  rule_ = std::move(rule);
}

void FakeHost::stop_in_publish(int count) {
  const std::lock_guard lock(mutex_);
  stop_in_ = count;
}

void FakeHost::keep_nothing() {
  const std::lock_guard lock(mutex_);
  keeps_ = false;
}

// --- what came of it
// -----------------------------------------------------------------------------------------------

std::vector<FakeHost::Batch> FakeHost::batches() const {
  const std::lock_guard lock(mutex_);
  return batches_;
}

std::vector<FakeHost::Message> FakeHost::messages() const {
  const std::lock_guard lock(mutex_);
  std::vector<Message> all;
  for (const Batch& batch : batches_)
    all.insert(all.end(), batch.messages.begin(), batch.messages.end());
  return all;
}

std::vector<FakeHost::Letter> FakeHost::letters() const {
  const std::lock_guard lock(mutex_);
  return letters_;
}

std::vector<FakeHost::State> FakeHost::states() const {
  const std::lock_guard lock(mutex_);
  return states_;
}

FakeHost::State FakeHost::state() const {
  const std::lock_guard lock(mutex_);
  return states_.empty() ? State() : states_.back();
}

std::vector<std::string> FakeHost::logs() const {
  const std::lock_guard lock(mutex_);
  return logs_;
}

std::string FakeHost::token() const {
  const std::lock_guard lock(mutex_);
  return token_;
}

std::string FakeHost::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

uint64_t FakeHost::message_count() const {
  const std::lock_guard lock(mutex_);
  return message_count_;
}

std::map<std::pair<std::string, std::string>, std::string> FakeHost::table() const {
  const std::lock_guard lock(mutex_);
  size_t complete = batches_.size();
  while (complete > 0 && batches_[complete - 1].more) --complete;
  std::map<std::pair<std::string, std::string>, std::string> rows;
  for (size_t i = 0; i < complete; ++i) {
    for (const Message& message : batches_[i].messages) {
      if (message.put) {
        rows[{message.topic, message.key}] = message.payload;
      } else {
        rows.erase({message.topic, message.key});
      }
    }
  }
  return rows;
}

bool FakeHost::wait_for(const std::function<bool()>& condition, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    uint64_t before = 0;
    bool failed = false;
    {
      const std::lock_guard lock(mutex_);
      before = version_;
      failed = !failure_.empty();
    }
    if (condition()) return true;
    if (failed) return false;
    std::unique_lock lock(mutex_);
    if (!changed_.wait_until(lock, deadline, [&] { return version_ != before; })) {
      lock.unlock();
      return condition();
    }
  }
}

bool FakeHost::wait_for_state(btb_source_state state, std::string_view text_part) {
  return wait_for([&] {
    const State now = this->state();
    return now.state == state && now.text.find(text_part) != std::string::npos;
  });
}

void FakeHost::set_failure(std::string text) {
  const std::lock_guard lock(mutex_);
  failure_ = std::move(text);
  changed_locked();
}

// --- settings
// ------------------------------------------------------------------------------------------------------

TestSettings::TestSettings(const std::vector<plugin::Option>& options, const Values& values) {
  size_t used = 0;
  for (const plugin::Option& declared : options) {
    const btb_option option = declared.raw();
    const std::string& name = keep_name(option.name);
    bool given = false;
    for (const auto& [key, value] : values) {
      if (key != name) continue;
      add(option, name, value);
      given = true;
      ++used;
    }
    if (!given && option.default_value != nullptr)
      add(option, name, std::string(option.default_value));
  }
  if (used != values.size()) throw std::logic_error("a setting that is not declared, or twice");
}

const std::string& TestSettings::keep_name(const char* name) {
  return texts_.emplace_back(name);
}

btb_bytes TestSettings::keep(std::string text) {
  return plugin::bytes_of(texts_.emplace_back(std::move(text)));
}

void TestSettings::add(const btb_option& option, const std::string& name, const Value& value) {
  btb_setting setting{};
  setting.size = sizeof(setting);
  setting.type = option.type;
  setting.name = name.c_str();
  if (const auto* items = std::get_if<std::vector<std::string>>(&value)) {
    std::vector<btb_bytes>& kept = items_.emplace_back();
    for (const std::string& item : *items) kept.push_back(keep(item));
    setting.items = kept.data();
    setting.item_count = kept.size();
  } else {
    const std::string& text = std::get<std::string>(value);
    setting.text = keep(text);
    if (option.type == BTB_OPTION_NUMBER) setting.number = std::strtod(text.c_str(), nullptr);
    const bool is_text = option.type == BTB_OPTION_TEXT || option.type == BTB_OPTION_CHOICE ||
                         option.type == BTB_OPTION_PATH;
    if (option.type == BTB_OPTION_LIST) {
      setting.items = &items_.emplace_back(1, setting.text).front();
      setting.item_count = 1;
    } else if (!is_text && option.type != BTB_OPTION_NUMBER) {
      setting.integer = read_number(option, text);
    }
  }
  settings_.push_back(setting);
}

}  // namespace btb::test
