// A source that does what its option `act` says.
#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "tests/plugins/fixtures/misbehaving.h"

namespace {

using fixture::bytes_of;
using fixture::host_of;
using fixture::message_to;

struct Puppet {
  fixture::Instance instance;  // first: misbehaving.h finds the host by it
  std::string act;
  std::atomic<bool> interrupted{false};
  btb_source_pause pause{};
};

btb_status publish(void* self, const btb_message* messages, size_t count, const char* token,
                   uint32_t flags = 0) {
  const btb_batch batch{sizeof(btb_batch), flags, messages, count, bytes_of(token)};
  for (;;) {
    const btb_status status = host_of(self)->publish(host_of(self), &batch, nullptr);
    if (status != BTB_AGAIN) return status;
    if (host_of(self)->wait(host_of(self), -1) == BTB_STOPPED) return BTB_STOPPED;
  }
}

// One batch over two topics, in an order that mixes them.
btb_status batch_over_topics(void* self) {
  const std::array<btb_message, 4> messages{message_to("a", "1", "x"), message_to("b", "1", "x"),
                                            message_to("a", "2", "x"), message_to("b", "2", "x")};
  publish(self, messages.data(), messages.size(), "token");
  return fixture::wait_for_stop(self);
}

// Long ago, before there was time, in an hour, and at the end of time.
btb_status odd_times(void* self) {
  std::array<btb_message, 4> messages{message_to("a", "1", "x"), message_to("a", "2", "x"),
                                      message_to("a", "3", "x"), message_to("a", "4", "x")};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  messages[0].time_us = 1'000;
  messages[1].time_us = -5;
  messages[2].time_us =
      std::chrono::duration_cast<std::chrono::microseconds>(now + std::chrono::hours(1)).count();
  messages[3].time_us = INT64_MAX;
  publish(self, messages.data(), messages.size(), "");
  return fixture::wait_for_stop(self);
}

// A batch in two pieces; the second has nothing for the first one's topic.
btb_status batch_in_pieces(void* self) {
  const btb_message first = message_to("a", "1", "x");
  const btb_message second = message_to("b", "1", "x");
  publish(self, &first, 1, "", BTB_BATCH_MORE);
  publish(self, &second, 1, "");
  return fixture::wait_for_stop(self);
}

btb_status open_batch_then_hang(void* self) {
  const btb_message message = message_to("a", "1", "x");
  publish(self, &message, 1, "", BTB_BATCH_MORE);
  fixture::sleep_for_ever();
  return BTB_OK;
}

btb_status open_batch_then_fail(void* self) {
  const btb_message message = message_to("a", "1", "x");
  publish(self, &message, 1, "", BTB_BATCH_MORE);
  host_of(self)->fail(host_of(self), nullptr, "lost the thread");
  return BTB_FAILED;
}

btb_status empty_batches(void* self) {
  while (publish(self, nullptr, 0, "here") != BTB_STOPPED) {
  }
  return BTB_STOPPED;
}

btb_status letters(void* self) {
  for (int i = 0; i < 10; ++i) {
    const btb_dead_letter letter{sizeof(btb_dead_letter), "bad", nullptr, 7, 0, 0,
                                 bytes_of("\xFF")};
    host_of(self)->dead_letter(host_of(self), &letter);
  }
  host_of(self)->set_state(host_of(self), BTB_STATE_LIVE, "letters sent");
  return host_of(self)->wait(host_of(self), 1) == BTB_STOPPED ? BTB_STOPPED : BTB_FAILED;
}

// Many keys, for a topic that does not take so many.
btb_status many_keys(void* self) {
  for (int i = 0; i < 50; ++i) {
    const std::string key = std::to_string(i);
    const btb_message message = message_to("s", key.c_str(), "x");
    publish(self, &message, 1, "");
  }
  host_of(self)->set_state(host_of(self), BTB_STATE_LIVE, nullptr);
  return fixture::wait_for_stop(self);
}

// Blocked outside of the host, as in a database; only interrupt ends it.
btb_status blocked(void* self) {
  auto* puppet = static_cast<Puppet*>(self);
  host_of(self)->set_state(host_of(self), BTB_STATE_LIVE, nullptr);
  while (!puppet->interrupted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return BTB_STOPPED;
}

btb_status resume_token(void* self, btb_bytes token) {
  const std::string text(reinterpret_cast<const char*>(token.data), token.size);
  const btb_message message = message_to("a", "", text.empty() ? "first" : text.c_str());
  publish(self, &message, 1, "second");
  host_of(self)->fail(host_of(self), nullptr, "once more");
  return BTB_FAILED;
}

// The first run publishes twenty rows and fails; the one after it has only `left` of them, and says
// that these are all.
btb_status lose_rows(void* self, btb_bytes token, int left, uint32_t says = BTB_BATCH_COMPLETE) {
  const bool first = token.size == 0;
  for (int i = 0; i < (first ? 20 : left); ++i) {
    const std::string key = std::to_string(i);
    const btb_message message = message_to("s", key.c_str(), "x");
    publish(self, &message, 1, first ? "been here" : "");
  }
  publish(self, nullptr, 0, "", says);
  if (!first) {
    host_of(self)->set_state(host_of(self), BTB_STATE_LIVE, nullptr);
    return fixture::wait_for_stop(self);
  }
  host_of(self)->fail(host_of(self), nullptr, "lost it all");
  return BTB_FAILED;
}

// The first run fills the topic to the brim; the second one brings the same rows, of which the
// topic does not take the first again, for they are larger now.
btb_status too_large_again(void* self, btb_bytes token) {
  const bool first = token.size == 0;
  for (int i = 0; i < 3; ++i) {
    const std::string key = std::to_string(i);
    const std::string payload(!first && i == 0 ? 2'000 : 100, 'x');
    const btb_message message = message_to("s", key.c_str(), payload.c_str());
    publish(self, &message, 1, first ? "been here" : "");
  }
  publish(self, nullptr, 0, "", BTB_BATCH_COMPLETE);
  if (first) {
    host_of(self)->fail(host_of(self), nullptr, "lost it all");
    return BTB_FAILED;
  }
  host_of(self)->set_state(host_of(self), BTB_STATE_LIVE, nullptr);
  return fixture::wait_for_stop(self);
}

// More rows than are deleted in one turn, and a token behind them.
btb_status rows_in_thousands(void* self) {
  std::vector<std::string> keys;
  for (int i = 0; i < 20'000; ++i) keys.push_back(std::to_string(i));
  std::vector<btb_message> messages;
  for (const std::string& key : keys) messages.push_back(message_to("s", key.c_str(), "x"));
  publish(self, messages.data(), messages.size(), "behind them");
  host_of(self)->set_state(host_of(self), BTB_STATE_LIVE, nullptr);
  return fixture::wait_for_stop(self);
}

// One batch with many topics that are new.
btb_status many_topics(void* self) {
  std::vector<std::string> names;
  for (int i = 0; i < 20'000; ++i) names.push_back("t/" + std::to_string(i));
  std::vector<btb_message> messages;
  for (const std::string& name : names) messages.push_back(message_to(name.c_str(), "", "x"));
  publish(self, messages.data(), messages.size(), "");
  host_of(self)->set_state(host_of(self), BTB_STATE_LIVE, nullptr);
  return fixture::wait_for_stop(self);
}

btb_status delete_from_events(void* self) {
  btb_message message = message_to("e", "k", "");
  message.op = BTB_DELETE;
  publish(self, &message, 1, "");
  host_of(self)->set_state(host_of(self), BTB_STATE_LIVE, "fine");
  return fixture::wait_for_stop(self);
}

btb_status run(void* self, btb_bytes token) {
  const std::string& act = static_cast<Puppet*>(self)->act;
  if (act == "batch_over_topics") return batch_over_topics(self);
  if (act == "odd_times") return odd_times(self);
  if (act == "batch_in_pieces") return batch_in_pieces(self);
  if (act == "open_batch_then_hang") return open_batch_then_hang(self);
  if (act == "open_batch_then_fail") return open_batch_then_fail(self);
  if (act == "empty_batches") return empty_batches(self);
  if (act == "letters") return letters(self);
  if (act == "many_keys") return many_keys(self);
  if (act == "blocked") return blocked(self);
  if (act == "resume_token") return resume_token(self, token);
  if (act == "lose_some") return lose_rows(self, token, 15);
  if (act == "lose_some_unsure") return lose_rows(self, token, 19, BTB_BATCH_UNSURE);
  if (act == "lose_none_unsure") return lose_rows(self, token, 20, BTB_BATCH_UNSURE);
  if (act == "lose_most") return lose_rows(self, token, 5);
  if (act == "lose_rows_20") return lose_rows(self, fixture::bytes_of("later"), 20);
  if (act == "lose_all") return lose_rows(self, token, 0);
  if (act == "too_large_again") return too_large_again(self, token);
  if (act == "rows_in_thousands") return rows_in_thousands(self);
  if (act == "many_topics") return many_topics(self);
  if (act == "delete_from_events") return delete_from_events(self);
  if (act == "finish") return BTB_OK;
  host_of(self)->fail(host_of(self), "act", "unknown");
  return BTB_FAILED;
}

const btb_source* create(const btb_host* host, const btb_setting* settings, size_t) {
  auto* puppet = new Puppet;
  puppet->act.assign(reinterpret_cast<const char*>(settings[0].text.data), settings[0].text.size);
  puppet->instance.host = host;
  puppet->instance.face = {sizeof(btb_source),
                           puppet,
                           &run,
                           [](void* self) { static_cast<Puppet*>(self)->interrupted = true; },
                           [](void* self) { delete static_cast<Puppet*>(self); },
                           nullptr};
  return &puppet->instance.face;
}

constexpr btb_option act_option = {sizeof(btb_option),
                                   BTB_OPTION_TEXT,
                                   BTB_OPTION_REQUIRED,
                                   "act",
                                   nullptr,
                                   nullptr,
                                   "What to do",
                                   0,
                                   0};
constexpr const btb_option* options[] = {&act_option};

}  // namespace

extern "C" BTB_EXPORT const btb_plugin* btb_plugin_entry(const uint32_t* majors, size_t count) {
  static const btb_plugin plugin = {sizeof(btb_plugin),
                                    BTB_ABI_MAJOR,
                                    BTB_ABI_MINOR,
                                    "puppet",
                                    "1.0.0",
                                    "Does as it is told",
                                    options,
                                    1,
                                    nullptr,
                                    &create,
                                    nullptr};
  for (size_t i = 0; i < count; ++i) {
    if (majors[i] == BTB_ABI_MAJOR) return &plugin;
  }
  return nullptr;
}
