// How to write a source in C++: derive from Source, then add one line of registration. Header-only,
// over abi.h; C++20.
//
//   #include "sdk/plugin/source.h"
//
//   using namespace btb::plugin;
//
//   class Hello final : public Source {
//    public:
//     static std::vector<Option> options() {
//       return {text_option("topic", "Where to publish").required()};
//     }
//
//     explicit Hello(const Settings& settings) : topic_(settings.text("topic")) {}
//
//     void run(Host& host, std::string_view) override {
//       host.publish(Batch().put(topic_, "", "hello"));
//     }
//
//    private:
//     std::string topic_;
//   };
//
//   BTB_SOURCE_PLUGIN(Hello, "hello", "1.0.0", "Says hello once")
//
// A class of a source may have three more static functions; all three are [any]:
//   - void validate(const Settings&, const Report&) reports faults that the declarations cannot
//     express: see btb_plugin.validate.
//   - void examine(const Settings&, const Report&) reports to `btbroker --check` what is missing
//     now: see btb_plugin_examine.
//   - std::vector<DeclaredTopics> topics(const Settings&) says which topics the source makes, and
//     of which kind: see btb_plugin_topics.
//
// Failures are exceptions. One that leaves the constructor or run fails the source: its text is the
// reason that operators see, and the broker starts the source again later. OptionFailure names the
// option at fault. Host throws Stopped when the source has to end: let it pass. The thread tags are
// those of abi.h.
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

// The source has to end. Thrown by Host; not a failure. It is not a std::exception. Code that
// catches `...` has to throw it on, or the source does not stop and the broker gives its thread up.
struct Stopped {};

// One option has a value that cannot be used. The constructor or run throws it. The reason that
// operators see is "option NAME: TEXT". [source]
class OptionFailure : public std::runtime_error {
 public:
  OptionFailure(std::string option, const std::string& text)
      : std::runtime_error(text), option_(std::move(option)) {}
  // The name of the option; lives as long as this object.
  [[nodiscard]] const std::string& option() const { return option_; }

 private:
  std::string option_;
};

// Thrown by Host::publish: a message breaks a rule, and nothing of the batch was taken. index()
// counts from 0; it is also 0 for a fault in the batch itself, such as a token that is too long.
// reason() says which rule. [any]
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

// Messages that belong together; see btb_batch. Value: copies what it is given, so it can be filled
// from a buffer that is reused. Reuse it too: clear keeps the memory. Nothing is checked before
// Host::publish. Methods that return Batch& return *this. [any], one thread at a time.
//
// A batch is held whole in memory, twice while it is published. Cut a long reading into batches of
// some thousand messages, and mark all of them except the last with more().
class Batch {
 public:
  // Adds a message. In a state topic it sets the row of `key`. `time_us`: microseconds since
  // 1970-01-01 UTC; 0: the time at which the broker takes it. The limits are those of btb_message.
  Batch& put(std::string_view topic, std::string_view key, std::string_view payload,
             int64_t time_us = 0) {
    return add(BTB_PUT, topic, key, payload, time_us);
  }
  // Adds the deletion of a row. Topics of events refuse it. To delete a row that is not there is no
  // fault and has no effect.
  Batch& remove(std::string_view topic, std::string_view key, int64_t time_us = 0) {
    return add(BTB_DELETE, topic, key, {}, time_us);
  }
  // The place where run goes on after this batch, up to 4096 bytes. Empty: the last one stays.
  Batch& resume_token(std::string_view token) { return token_ = token, *this; }
  // The next batch belongs to this one: subscribers apply them together. See BTB_BATCH_MORE.
  Batch& more(bool value = true) { return more_ = value, *this; }

  // With this batch the source has published all that it has since run began. The broker deletes
  // rows that an earlier run published and this one did not. See BTB_BATCH_COMPLETE.
  Batch& complete(bool value = true) { return complete_ = value, *this; }
  // As complete, after records that could not be read: the broker asks before it deletes. See
  // BTB_BATCH_UNSURE.
  Batch& unsure(bool value = true) { return unsure_ = value, *this; }

  // Takes one message out again; those behind it move up. Takes time in proportion to the batch.
  // REQUIRES: index < size().
  void erase(size_t index) {
    size_t offset = 0;
    for (size_t i = 0; i < index; ++i) offset += messages_[i].bytes();
    text_.erase(offset, messages_[index].bytes());
    messages_.erase(messages_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  // What more() set last; false in a new or cleared batch.
  [[nodiscard]] bool has_more() const { return more_; }
  // Messages in it, deletions included. An empty batch may be published, for its token or flags.
  [[nodiscard]] size_t size() const { return messages_.size(); }
  [[nodiscard]] bool empty() const { return messages_.empty(); }
  // Bytes of topics, keys and payloads in it, to cut batches by size.
  [[nodiscard]] size_t bytes() const { return text_.size(); }
  // As a new batch, also without token and flags. Host::publish does not clear.
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

// The services of the broker for a source: btb_host in C++. The plugin owns one for each source; it
// lives until the destructor of the source has returned. [source], except where [any] is said.
class Host {
 public:
  // Borrows `host`, which has to live longer. Only tests make one by hand.
  explicit Host(const btb_host* host) : host_(host) {}

  // Hands the batch over, whole. Waits, without limit, while the mailbox is full or the source is
  // paused. Leaves `batch` as it is. If it throws Stopped or InvalidMessage, nothing of the batch
  // was taken. A topic may refuse a message afterwards, which is not told: see btb_host.publish.
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

  // Sleeps for `timeout_ms` milliseconds; negative: without limit. Returns early when an operator
  // pauses or resumes the source. Throws Stopped. Any other way to sleep delays a stop.
  void wait(int64_t timeout_ms) {
    if (host_->wait(host_, timeout_ms) == BTB_STOPPED) throw Stopped();
  }

  // Readable when something is asked of the source: poll it beside your own descriptors, then call
  // `paused`. The host owns it; never read or close it. Negative if there is none: use wait.
  [[nodiscard]] int wake_fd() const { return host_->wake_fd(host_); }

  // True while the operator has paused the source. Does not wait. Throws Stopped. Takes the event
  // that made wake_fd readable, on another thread, too: see btb_host.status. [any]
  bool paused() {
    const btb_status status = host_->status(host_);
    if (status == BTB_STOPPED) throw Stopped();
    return status == BTB_AGAIN;
  }

  // Reports a record that cannot become a message, to the topic $dead/SOURCE; it is copied. Set
  // letter.size and letter.reason. Above a rate, records are counted and not kept.
  void dead_letter(const btb_dead_letter& letter) { host_->dead_letter(host_, &letter); }
  // The state that operators see; the newest one counts. 1024 bytes of the text are kept.
  void set_state(btb_source_state state, const std::string& text = {}) {
    host_->set_state(host_, state, text.c_str());
  }
  // One line for the broker's journal, at most 1024 bytes. Never blocks; a flood is cut. [any]
  void log(btb_log_level level, const std::string& text) const {
    host_->log(host_, level, text.c_str());
  }
  // As log, at these two levels. Write what an operator can act on, once and not in a loop. [any]
  void info(const std::string& text) const { log(BTB_LOG_INFO, text); }
  void warning(const std::string& text) const { log(BTB_LOG_WARNING, text); }
  // The name in the configuration; lives as long as this object. [any]
  [[nodiscard]] std::string_view source_name() const { return host_->source_name; }
  // The C form, for functions that are not wrapped here (get_extension). Borrowed. [any]
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

// A source. Derive from it, with a constructor that takes const Settings&, and a static options().
// Constructor, run and destructor are called on the source's own thread. Several sources of one
// class run at the same time, so it has no globals. Threads that it starts hand to run what they
// read; of Host they may call only the methods tagged [any]. The destructor ends these threads.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  // Publishes until there is nothing more to come: then return, and the broker does not start the
  // source again. Let Stopped pass. Any other exception is a failure: the broker destroys this
  // object and makes a new one later. `resume_token` is the last one that the broker took, borrowed
  // until run returns. It is empty at the first start. An older version of the plugin may have made
  // it: if it makes no sense, start anew. See btb_source.run. [source]
  virtual void run(Host& host, std::string_view resume_token) = 0;
  // Ends a wait outside of the host, such as a query. Called on another thread when the source has
  // to stop, once or often. It must not block. An exception becomes a warning in the journal. [any]
  virtual void interrupt() {}
};

// The text of the exception that is being handled. REQUIRES: called inside a catch block. [any]
inline std::string thrown_text() {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return thrown.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

// A filter for topics that a source makes ("ward/+/beds", "ward/#"), and their kind. At most 1000
// in a list; the broker ignores further ones, and those with a faulty filter.
struct DeclaredTopics {
  std::string filter;
  btb_topic_kind kind = BTB_KIND_EVENTS;
};

// The C side of one source class. For BTB_SOURCE_PLUGIN, and for tests.
template <class T>
class Plugin {
 public:
  // Borrows the three texts: literals, none empty. Calls T::options(). If that throws, validate and
  // create report its text, because the entry point cannot. [load]
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
    } catch (...) {
      plugin_.validate = &validate_undeclared;
      plugin_.create = &create_undeclared;
    }
  }

  // The answer of btb_plugin_entry: null if BTB_ABI_MAJOR is not among `majors`. Lives as long as
  // this object. [load]
  const btb_plugin* entry(const uint32_t* majors, size_t count) const {
    for (size_t i = 0; i < count; ++i) {
      if (majors[i] == BTB_ABI_MAJOR) return &plugin_;
    }
    return nullptr;
  }

 private:
  // One live source and its C side.
  struct Instance {
    explicit Instance(const btb_host* raw) : host(raw) {}
    Host host;
    std::unique_ptr<T> source;
    btb_source face{};
  };

  // Calls `body` and turns an exception into host->fail.
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

  // Calls `body` and turns an exception into a report.
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

  // A T::topics that throws declares nothing: its topics are events, unless a rule says otherwise.
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

  // They replace validate and create if options() threw.
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

// The one registration line of a plugin, outside of all namespaces, once in a library. It defines
// btb_plugin_entry. `name`: 1 to 64 characters of a-z, 0-9, "_" and "-", a letter first. `version`
// and `description`: for people, one line each, not empty. All three are literals. If memory runs
// out, the entry point returns NULL and the broker refuses the plugin.
#define BTB_SOURCE_PLUGIN(Class, name, version, description)                                       \
  extern "C" BTB_EXPORT const btb_plugin* btb_plugin_entry(const uint32_t* majors, size_t count) { \
    try {                                                                                          \
      static const ::btb::plugin::Plugin<Class> plugin(name, version, description);                \
      return plugin.entry(majors, count);                                                          \
    } catch (...) {                                                                                \
      return nullptr;                                                                              \
    }                                                                                              \
  }
