// What a Conversation keeps of topics, subscriptions and publishers. Private to conversation*.cc.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>

#include "sdk/client/conversation.h"
#include "sdk/wire/control.h"

namespace btb::client {

inline constexpr uint32_t topic_number_max = (1U << 24) - 1;
inline constexpr uint32_t topics_per_page = 256;
inline constexpr uint64_t never = std::numeric_limits<uint64_t>::max();

// The positions that fit into one subscribe frame beside the longest filter.
inline constexpr size_t positions_max = (limits::control_frame_bytes_max - 1024) / sizeof(fb::Mark);

struct [[gnu::visibility("hidden")]] Conversation::TopicState {
  Topic topic;
  bool announced = false;     // in this session
  bool known = false;         // announced in this epoch, and subscribed to since
  bool untold = false;        // announced anew, and nothing of it was handed on yet
  bool has_position = false;  // `last` may be named in a resume
  bool batch_open = false;
  bool snapshot_whole = false;  // between the begin and the end of a whole snapshot
  bool in_snapshot = false;
  bool void_held = false;  // must_refetch came: the next snapshot is whole
  bool resumed = false;    // the broker was told of the position in this session
  bool repeats = false;    // messages up to `last` come again and are dropped
  bool synced = false;
  uint64_t last = 0;         // newest message received completely, or passed over
  uint64_t sync_at = never;  // synced once this one is there

  // A message of which not all parts have come; `unfinished` tells whether there is one. Of one
  // that is too large nothing is kept.
  bool unfinished = false;
  wire::DataHead head;      // of the first part
  uint32_t part_bytes = 0;  // of the payload that have come
  ByteVector key;
  ByteVector payload;
};

struct [[gnu::visibility("hidden")]] Conversation::TopicPage {
  std::array<TopicState, topics_per_page> topics;
};

struct [[gnu::visibility("hidden")]] Conversation::SubscriptionState {
  uint32_t id = 0;
  Subscription asked;
  uint64_t epoch = 0;     // it was answered in; 0: not yet
  bool answered = false;  // in this session
  bool started =
      false;  // every topic of the first answer was announced: from now on it can be resumed
  bool resuming = false;  // how it was sent in this session
  bool synced = false;
  bool ending = false;    // unsubscribe was called
  uint64_t expected = 0;  // topics the broker says it matches
  uint64_t announced = 0;
  uint64_t unsynced = 0;  // of the announced ones

  // Of the state topic that is announced now: one of those that matched when the subscription was
  // sent, or one that was born later.
  [[nodiscard]] bool brings_snapshot_now() const {
    const bool born_later = answered && announced >= expected;
    if (born_later) return !asked.no_snapshot;
    return resuming || asked.from == wire::From::beginning ||
           (asked.from == wire::From::latest && !asked.no_snapshot);
  }
};

struct [[gnu::visibility("hidden")]] Conversation::PublisherState {
  uint32_t id = 0;
  std::string name;
  wire::AckLevel ack = wire::AckLevel::none;
  uint32_t number = 0;  // 0: not opened in this session
  uint64_t published = 0;
  uint64_t settled = 0;
  uint64_t rejected = 0;  // of those behind `settled`
};

template <class Native>
void Conversation::write(const Native& message) {
  if (output_sent_ == output_.size()) {
    output_.clear();
    output_sent_ = 0;
  }
  wire::append_control(output_, message);
}

// Calls `visit` with every topic that was ever announced in this epoch.
template <class Pages, class Visit>
void for_each_topic(Pages& pages, Visit visit) {
  for (auto& page : pages) {
    if (!page) continue;
    for (auto& topic : page->topics) {
      if (topic.topic.number != 0) visit(topic);
    }
  }
}

}  // namespace btb::client
