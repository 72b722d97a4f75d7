// FakeHost: a btb_host for driving a source in tests, without a broker. Records what is published,
// told and logged; can be full, paused, or ask the source to stop.
//
// Resource. The source runs on a thread of its own (RunningSource); everything public here may be
// called on any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "sdk/plugin/source.h"
#include "tests/support/patience.h"

namespace btb::test {

class FakeHost {
 public:
  struct Message {
    bool put = true;
    std::string topic, key, payload;
    bool operator==(const Message&) const = default;
  };
  struct Batch {
    std::vector<Message> messages;
    bool more = false;
    std::string token;
    bool complete = false;
    bool unsure = false;
  };
  struct Letter {
    std::string reason, location, raw;
    uint64_t line = 0, column = 0, byte_offset = 0;
  };
  struct State {
    btb_source_state state = BTB_STATE_STARTING;
    std::string text;
  };

  explicit FakeHost(std::string source_name = "test");
  ~FakeHost();
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;

  [[nodiscard]] const btb_host* raw() const { return &raw_; }

  // --- what is asked of the source ---
  void pause();
  void resume();
  void stop();
  // The next `count` calls of publish answer BTB_AGAIN.
  void be_full(int count);
  // Messages for which this says something are answered with BTB_INVALID. The text is static.
  void refuse(std::function<const char*(const Message&)> rule);
  // Stops the source in the call of publish number `count` from now, before it takes anything.
  void stop_in_publish(int count);
  // Counts messages and bytes only.
  void keep_nothing();

  // --- what came of it; copies ---
  [[nodiscard]] std::vector<Batch> batches() const;
  [[nodiscard]] std::vector<Message> messages() const;  // of all batches
  [[nodiscard]] std::vector<Letter> letters() const;
  [[nodiscard]] std::vector<State> states() const;
  [[nodiscard]] State state() const;  // the newest
  [[nodiscard]] std::vector<std::string> logs() const;
  [[nodiscard]] std::string token() const;    // the last that was not empty
  [[nodiscard]] std::string failure() const;  // of the source; empty: none
  [[nodiscard]] uint64_t message_count() const;
  // topic, key -> payload, as a state topic would have it now. A batch counts when its last chunk
  // is there.
  [[nodiscard]] std::map<std::pair<std::string, std::string>, std::string> table() const;

  // Waits until `condition` holds; false after `timeout`, or when the source failed. It is asked
  // whenever something happened, without a lock.
  bool wait_for(const std::function<bool()>& condition,
                std::chrono::milliseconds timeout = patience);
  bool wait_for_state(btb_source_state state, std::string_view text_part = {});
  void set_failure(std::string text);

 private:
  struct Calls;  // the functions of the table
  void changed_locked();

  btb_host raw_{};
  std::string name_;
  int wake_fd_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t version_ = 0;  // of everything below
  bool paused_ = false, stopped_ = false, keeps_ = true, woken_ = false;
  int full_ = 0, stop_in_ = -1;
  std::function<const char*(const Message&)> rule_;
  std::vector<Batch> batches_;
  std::vector<Letter> letters_;
  std::vector<State> states_;
  std::vector<std::string> logs_;
  std::string token_, failure_;
  uint64_t message_count_ = 0;
};

// Settings as a configuration would give them: what is named, and the defaults of the rest.
class TestSettings {
 public:
  using Value = std::variant<std::string, std::vector<std::string>>;  // the second for LIST and MAP
  using Values = std::vector<std::pair<std::string, Value>>;
  // Throws std::logic_error for a name that is not declared.
  TestSettings(const std::vector<plugin::Option>& options, const Values& values);
  [[nodiscard]] plugin::Settings view() const { return {settings_.data(), settings_.size()}; }

 private:
  const std::string& keep_name(const char* name);
  btb_bytes keep(std::string text);
  void add(const btb_option& option, const std::string& name, const Value& value);
  std::deque<std::string> texts_;
  std::deque<std::vector<btb_bytes>> items_;
  std::vector<btb_setting> settings_;
};

// A source of class T on a thread of its own, until the end of this object or until it ends by
// itself.
template <class T>
class RunningSource {
 public:
  RunningSource(FakeHost& host, const TestSettings::Values& values, std::string token = {})
      : host_(host), thread_([this, values, token] { run(values, token); }) {}
  ~RunningSource() { end(); }
  RunningSource(const RunningSource&) = delete;
  RunningSource& operator=(const RunningSource&) = delete;

  void end() {
    host_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run(const TestSettings::Values& values, const std::string& token) {
    try {
      const TestSettings settings(T::options(), values);
      T source(settings.view());
      plugin::Host host(host_.raw());
      source.run(host, token);
    } catch (const plugin::Stopped&) {
      return;
    } catch (const std::exception& failure) {
      host_.set_failure(failure.what());
    }
  }

  FakeHost& host_;
  std::thread thread_;
};

}  // namespace btb::test
