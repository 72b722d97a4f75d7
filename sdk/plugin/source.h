// Writing a source in C++: derive from Source, then one line of registration. Header-only, over
// abi.h; C++20.
//
//   class Hello final : public btb::plugin::Source {
//    public:
//     static std::vector<Option> options() {
//       return {text_option("topic", "Where to publish").required()};
//     }
//     explicit Hello(const Settings& settings) : topic_(settings.text("topic")) {}
//     void run(Host& host, std::string_view) override {
//       host.publish(Batch().put(topic_, "", "hello"));
//     }
//    private:
//     std::string topic_;
//   };
//   BTB_SOURCE_PLUGIN(Hello, "hello", "1.0.0", "Says hello once")
//
// An exception that leaves the constructor or run fails the source with its text; the broker starts
// it again later. OptionFailure names the option at fault. Stopped is thrown by Host when the
// source has to end: let it pass. An optional `static void validate(const Settings&, const
// Report&)` finds what the declarations cannot say, and an optional `examine` of the same form what
// `btbroker --check` can see of the files that are named: see btb_plugin_examine. An optional
// `static std::vector<DeclaredTopics> topics(const Settings&)` says which topics it makes, and of
// which kind: see btb_plugin_topics.
#pragma once

#if __cplusplus < 202002L
#error "a source in C++ needs C++20: -std=c++20; abi.h is plain C"
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/plugin/abi.h"
#include "sdk/plugin/options.h"

namespace btb::plugin {

// The source has to end. Thrown by Host; not a failure.
struct Stopped {};

// One option has a value that cannot be used.
class OptionFailure : public std::runtime_error {
 public:
  OptionFailure(std::string option, const std::string& text)
      : std::runtime_error(text), option_(std::move(option)) {}
  [[nodiscard]] const std::string& option() const { return option_; }

 private:
  std::string option_;
};

// The host does not take a message of a batch; nothing of the batch was taken.
class InvalidMessage : public std::invalid_argument {
 public:
  InvalidMessage(size_t index, const std::string& reason)
      : std::invalid_argument("message " + std::to_string(index) + " of the batch: " + reason),
        index_(index),
        reason_(reason) {}
  [[nodiscard]] size_t index() const { return index_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }

 private:
  size_t index_;
  std::string reason_;
};

// Messages that belong together. Copies what it is given, so it can be filled from a buffer that is
// reused. Reuse it too: clear keeps the memory.
class Batch {
 public:
  Batch& put(std::string_view topic, std::string_view key, std::string_view payload,
             int64_t time_us = 0) {
    return add(BTB_PUT, topic, key, payload, time_us);
  }
  Batch& remove(std::string_view topic, std::string_view key, int64_t time_us = 0) {
    return add(BTB_DELETE, topic, key, {}, time_us);
  }
  // Where run goes on after this batch.
  Batch& resume_token(std::string_view token) { return token_ = token, *this; }
  // The next batch belongs to this one.
  Batch& more(bool value = true) { return more_ = value, *this; }

  // With this batch, all there is was published since run began; what an earlier run published and
  // this one did not is deleted. See BTB_BATCH_COMPLETE.
  Batch& complete(bool value = true) { return complete_ = value, *this; }
  // The same, except that some records could not be read. See BTB_BATCH_UNSURE.
  Batch& unsure(bool value = true) { return unsure_ = value, *this; }

  // Takes one message out again. REQUIRES: index < size().
  void erase(size_t index) {
    size_t offset = 0;
    for (size_t i = 0; i < index; ++i) offset += messages_[i].bytes();
    text_.erase(offset, messages_[index].bytes());
    messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  [[nodiscard]] bool has_more() const { return more_; }
  [[nodiscard]] size_t size() const { return messages_.size(); }
  [[nodiscard]] bool empty() const { return messages_.empty(); }
  // Bytes of topics, keys and payloads in it.
  [[nodiscard]] size_t bytes() const { return text_.size(); }
  void clear() {
    messages_.clear();
    text_.clear();
    token_.clear();
    more_ = complete_ = unsure_ = false;
  }

 private:
  friend class Host;
  struct Entry {
    btb_op op;
    size_t topic_size, key_size, payload_size;
    int64_t time_us;
    [[nodiscard]] size_t bytes() const { return topic_size + key_size + payload_size; }
  };
  Batch& add(btb_op op, std::string_view topic, std::string_view key, std::string_view payload,
             int64_t time_us) {
    messages_.push_back({op, topic.size(), key.size(), payload.size(), time_us});
    text_.append(topic).append(key).append(payload);
    return *this;
  }

  std::vector<Entry> messages_;
  std::string text_;  // topic, key, payload of each message, one behind the other
  std::string token_;
  bool more_ = false, complete_ = false, unsure_ = false;
  [[nodiscard]] uint32_t flags() const {
    return BTB_BATCH_MORE * uint32_t{more_} | BTB_BATCH_COMPLETE * uint32_t{complete_} |
           BTB_BATCH_UNSURE * uint32_t{unsure_};
  }
};

// What the broker does for a source. All but log on the source's thread.
class Host {
 public:
  explicit Host(const btb_host* host) : host_(host) {}

  // Hands the batch over; waits while the broker is full or the source is paused. Throws Stopped,
  // or InvalidMessage for one that breaks a rule (then nothing of the batch was taken).
  void publish(const Batch& batch) {
    fill(batch);
    btb_fault fault{sizeof(btb_fault), 0, ""};
    const btb_batch raw{sizeof(btb_batch), batch.flags(), raw_.data(), raw_.size(),
                        bytes_of(batch.token_)};
    for (;;) {
      const btb_status status = host_->publish(host_, &raw, &fault);
      if (status == BTB_OK) return;
      if (status == BTB_STOPPED) throw Stopped();
      if (status == BTB_AGAIN) {
        wait(-1);
        continue;
      }
      throw InvalidMessage(fault.message_index, fault.text);
    }
  }

  // Sleeps; returns early when something was asked of the source. Throws Stopped.
  void wait(int64_t timeout_ms) {
    if (host_->wait(host_, timeout_ms) == BTB_STOPPED) throw Stopped();
  }

  // Readable while something is asked of the source; poll it beside your own descriptors, then call
  // `paused`.
  [[nodiscard]] int wake_fd() const { return host_->wake_fd(host_); }

  // True while the operator has paused the source. Throws Stopped. Clears wake_fd.
  bool paused() {
    const btb_status status = host_->status(host_);
    if (status == BTB_STOPPED) throw Stopped();
    return status == BTB_AGAIN;
  }

  void dead_letter(const btb_dead_letter& letter) { host_->dead_letter(host_, &letter); }
  void set_state(btb_source_state state, const std::string& text = {}) {
    host_->set_state(host_, state, text.c_str());
  }
  void log(btb_log_level level, const std::string& text) const {
    host_->log(host_, level, text.c_str());
  }
  void info(const std::string& text) const { log(BTB_LOG_INFO, text); }
  void warning(const std::string& text) const { log(BTB_LOG_WARNING, text); }
  [[nodiscard]] std::string_view source_name() const { return host_->source_name; }
  [[nodiscard]] const btb_host* raw() const { return host_; }

 private:
  void fill(const Batch& batch) {
    raw_.clear();
    raw_.reserve(batch.messages_.size());
    std::string_view rest = batch.text_;
    const auto take = [&rest](size_t size) {
      const btb_bytes bytes = bytes_of(rest.substr(0, size));
      rest.remove_prefix(size);
      return bytes;
    };
    for (const Batch::Entry& entry : batch.messages_) {
      btb_message message{};
      message.size = sizeof(btb_message);
      message.op = entry.op;
      message.topic = take(entry.topic_size);
      message.key = take(entry.key_size);
      message.payload = take(entry.payload_size);
      message.time_us = entry.time_us;
      raw_.push_back(message);
    }
  }

  const btb_host* host_;
  std::vector<btb_message> raw_;
};

// A source. Made, run and destroyed on its own thread.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  // Publishes until there is nothing more to come, or a call of `host` throws Stopped.
  // `resume_token` is the last one the broker took, empty at the first start. [source]
  virtual void run(Host& host, std::string_view resume_token) = 0;
  // Ends a wait outside of the host. [any]
  virtual void interrupt() {}
};

// What was thrown, in words. REQUIRES: called while it is caught.
inline std::string thrown_text() {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return thrown.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

// Topics that a source makes, and their kind. For `topics`.
struct DeclaredTopics {
  std::string filter;
  btb_topic_kind kind = BTB_KIND_EVENTS;
};

// The C face of one source class. For BTB_SOURCE_PLUGIN.
template <class T>
class Plugin {
 public:
  Plugin(const char* name, const char* version, const char* description) {
    plugin_ = {
        sizeof(btb_plugin), BTB_ABI_MAJOR, BTB_ABI_MINOR, name, version, description, nullptr, 0,
        &validate,          &create,       &get_extension};
    try {
      options_ = T::options();
      for (const Option& option : options_) raw_options_.push_back(option.raw());
      for (const btb_option& option : raw_options_) option_pointers_.push_back(&option);
      plugin_.options = option_pointers_.data();
      plugin_.option_count = option_pointers_.size();
    } catch (...) {  // these say what it was: the entry point cannot
      plugin_.validate = &validate_undeclared;
      plugin_.create = &create_undeclared;
    }
  }

  const btb_plugin* entry(const uint32_t* majors, size_t count) const {
    for (size_t i = 0; i < count; ++i) {
      if (majors[i] == BTB_ABI_MAJOR) return &plugin_;
    }
    return nullptr;
  }

 private:
  // One live source and its C face.
  struct Instance {
    explicit Instance(const btb_host* raw) : host(raw) {}
    Host host;
    std::unique_ptr<T> source;
    btb_source face{};
  };

  // Calls `body` and turns whatever it throws into host->fail.
  template <class Body>
  static btb_status guarded(const btb_host* host, Body body) {
    try {
      body();
      return BTB_OK;
    } catch (const Stopped&) {
      return BTB_STOPPED;
    } catch (const OptionFailure& failure) {
      host->fail(host, failure.option().c_str(), failure.what());
    } catch (...) {
      host->fail(host, nullptr, thrown_text().c_str());
    }
    return BTB_FAILED;
  }

  // Calls `body` and turns whatever it throws into a report.
  template <class Body>
  static void reported(btb_report report, void* context, Body body) {
    try {
      body();
    } catch (...) {
      report(context, nullptr, thrown_text().c_str());
    }
  }

  static void validate(const btb_setting* settings, size_t count, btb_report report,
                       void* context) {
    if constexpr (requires(const Settings& s, const Report& r) { T::validate(s, r); }) {
      reported(report, context, [&] {
        T::validate(Settings(settings, count),
                    [&](const std::string& option, const std::string& text) {
                      report(context, option.c_str(), text.c_str());
                    });
      });
    } else {
      (void)settings, (void)count, (void)report, (void)context;
    }
  }

  static void examine(const btb_setting* settings, size_t count, btb_report report, void* context) {
    if constexpr (requires(const Settings& s, const Report& r) { T::examine(s, r); }) {
      reported(report, context, [&] {
        T::examine(Settings(settings, count),
                   [&](const std::string& option, const std::string& text) {
                     report(context, option.c_str(), text.c_str());
                   });
      });
    } else {
      (void)settings, (void)count, (void)report, (void)context;
    }
  }

  // Of one that throws nothing is known, as of one that declares nothing.
  static void declare_topics(const btb_setting* settings, size_t count, btb_declare_topics declare,
                             void* context) {
    if constexpr (requires(const Settings& s) { T::topics(s); }) {
      try {
        for (const DeclaredTopics& topics : T::topics(Settings(settings, count)))
          declare(context, topics.filter.c_str(), topics.kind);
      } catch (...) {
        return;
      }
    } else {
      (void)settings, (void)count, (void)declare, (void)context;
    }
  }

  static const void* get_extension(const char* id) {
    static const btb_plugin_examine examining{sizeof(btb_plugin_examine), &examine};
    static const btb_plugin_topics declaring{sizeof(btb_plugin_topics), &declare_topics};
    constexpr bool declares = requires(const Settings& s) {
      T::topics(s);
    };
    if (declares && std::strcmp(id, BTB_EXTENSION_TOPICS) == 0) return &declaring;
    constexpr bool examines = requires(const Settings& s, const Report& r) {
      T::examine(s, r);
    };
    return examines && std::strcmp(id, BTB_EXTENSION_EXAMINE) == 0 ? &examining : nullptr;
  }

  static const btb_source* create(const btb_host* host, const btb_setting* settings, size_t count) {
    Instance* made = nullptr;
    const btb_status status = guarded(host, [&] {
      auto instance = std::make_unique<Instance>(host);
      instance->source = std::make_unique<T>(Settings(settings, count));
      instance->face = {sizeof(btb_source), instance.get(), &run, &interrupt, &destroy, nullptr};
      made = instance.release();
    });
    return status == BTB_OK ? &made->face : nullptr;
  }

  static btb_status run(void* self, btb_bytes token) {
    auto* instance = static_cast<Instance*>(self);
    return guarded(instance->host.raw(),
                   [&] { instance->source->run(instance->host, view(token)); });
  }

  static void interrupt(void* self) {
    auto* instance = static_cast<Instance*>(self);
    try {
      instance->source->interrupt();
    } catch (...) {
      instance->host.warning("interrupt failed: " + thrown_text());
    }
  }

  static void destroy(void* self) { delete static_cast<Instance*>(self); }

  // In the place of validate and create if options() threw.
  static void validate_undeclared(const btb_setting*, size_t, btb_report report, void* context) {
    reported(report, context, &declare_again);
  }
  static const btb_source* create_undeclared(const btb_host* host, const btb_setting*, size_t) {
    guarded(host, &declare_again);
    return nullptr;
  }
  static void declare_again() {
    T::options();
    throw std::runtime_error("options() threw an exception when the plugin was loaded");
  }

  std::vector<Option> options_;
  std::vector<btb_option> raw_options_;
  std::vector<const btb_option*> option_pointers_;
  btb_plugin plugin_{};
};

}  // namespace btb::plugin

// The one registration line of a plugin: defines the exported symbol. NULL if memory runs out.
#define BTB_SOURCE_PLUGIN(Class, name, version, description)                                       \
  extern "C" BTB_EXPORT const btb_plugin* btb_plugin_entry(const uint32_t* majors, size_t count) { \
    try {                                                                                          \
      static const ::btb::plugin::Plugin<Class> plugin(name, version, description);                \
      return plugin.entry(majors, count);                                                          \
    } catch (...) {                                                                                \
      return nullptr;                                                                              \
    }                                                                                              \
  }
