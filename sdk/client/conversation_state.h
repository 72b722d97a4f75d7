// The state that a Conversation keeps for each topic, subscription and publisher. Private to
// conversation*.cc. Value types; the conversation owns them, and they outlive a connection.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>

#include "sdk/client/handler.h"
#include "sdk/client/subscription.h"
#include "sdk/wire/control.h"

namespace btb::client {

inline constexpr uint32_t topic_number_max = (1U << 24) - 1;
inline constexpr uint32_t topics_per_page = 256;
inline constexpr uint64_t never = std::numeric_limits<uint64_t>::max();

// The positions that fit into one subscribe frame beside the longest filter.
inline constexpr size_t positions_max = (limits::control_frame_bytes_max - 1024) / sizeof(fb::Mark);

struct [[gnu::visibility("hidden")]] TopicState {
  Topic topic;
  bool announced = false;     // in this session
  bool known = false;         // announced in this epoch, and not forgotten since
  bool untold = false;        // announced as a new topic, and no message was handed on yet
  bool has_position = false;  // `last` may be named in a resume
  bool batch_open = false;
  bool snapshot_whole = false;  // between the begin and the end of a whole snapshot
  bool in_snapshot = false;
  bool void_held = false;  // the rows held are void: the next snapshot is whole
  bool resumed = false;    // this session's subscribe named the position to the broker
  bool repeats = false;    // messages up to `last` come again and are dropped
  bool synced = false;
  uint64_t last = 0;         // newest message received completely, or left out
  uint64_t sync_at = never;  // the topic is synced once this message is there

  // If `unfinished`: a message whose last part has not come. Only the head is kept of a message
  // that is too large.
  bool unfinished = false;
  wire::DataHead head;      // of the first part
  uint32_t part_bytes = 0;  // bytes of the payload that have come
  ByteVector key;
  ByteVector payload;
};

struct [[gnu::visibility("hidden")]] TopicPage {
  std::array<TopicState, topics_per_page> topics;
};

struct [[gnu::visibility("hidden")]] SubscriptionState {
  uint32_t id = 0;
  Subscription asked;
  uint64_t epoch = 0;     // the epoch of the last answer; 0: never answered
  bool answered = false;  // in this session
  bool started = false;   // every topic of the first answer was announced: it can be resumed
  bool resuming = false;  // in this session it was sent as a resume
  bool synced = false;
  bool ending = false;     // unsubscribe was called
  uint64_t expected = 0;   // topics that match, as the answer says
  uint64_t announced = 0;  // topics that match and were announced in this session
  uint64_t unsynced = 0;   // announced topics that are not synced

  // Whether the state topic that is being announced begins with a snapshot. The topic matched when
  // the subscription was sent, or it was made later.
  [[nodiscard]] bool brings_snapshot_now() const {
    const bool born_later = answered && announced >= expected;
    if (born_later) return !asked.no_snapshot;
    return resuming || asked.from == wire::From::beginning ||
           (asked.from == wire::From::latest && !asked.no_snapshot);
  }
};

struct [[gnu::visibility("hidden")]] PublisherState {
  uint32_t id = 0;
  std::string name;
  wire::AckLevel ack = wire::AckLevel::none;
  uint32_t number = 0;     // of the topic; 0: not opened in this session
  uint64_t published = 0;  // messages in this session
  uint64_t settled = 0;    // the broker acknowledged the messages up to this one
  uint64_t rejected = 0;   // rejected messages after `settled`
};

// Appends a control frame to the output of a conversation. The transport took the first `sent`
// bytes of the output. If it took all of them, they are dropped.
template <class Native>
void append_message(ByteVector& output, size_t& sent, const Native& message) {
  if (sent == output.size()) {
    output.clear();
    sent = 0;
  }
  wire::append_control(output, message);
}

// Calls `visit` with every topic that was announced in this epoch, forgotten ones included.
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
