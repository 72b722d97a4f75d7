// TopicOptions: what a topic keeps and how it treats a subscriber that falls behind. Value type.
#pragma once

#include <cstdint>
#include <string>

#include "sdk/base/limits.h"
#include "sdk/wire/frame.h"

namespace btb {

// What happens to a subscriber that is further behind than the log reaches.
enum class Overflow : uint8_t {
  skip_dead,    // state: it skips what was replaced, and converges
  drop_oldest,  // events: it gets a gap notice with the numbers it missed
  disconnect,   // events: its session ends with the reason `overflow`
};

struct TopicOptions {
  wire::TopicKind kind = wire::TopicKind::events;
  wire::Priority priority = wire::Priority::normal;
  Overflow overflow = Overflow::drop_oldest;
  std::string content;         // what payloads are, for clients: "json", "text", ""
  bool client_publish = true;  // clients may publish to it
  bool secret = false;

  // events: older messages go when one of these is exceeded. 0: no such limit, but keep_bytes is
  // never 0.
  uint64_t keep_count = limits::topic_keep_count;
  uint64_t keep_bytes = limits::topic_keep_bytes;
  // events: older messages go. state: rows that were not renewed for so long are deleted. 0: never.
  int64_t keep_age_us = 0;
  // state: a put beyond these is rejected with topic_full.
  uint64_t keys_max = limits::state_keys_max;
  uint64_t state_bytes_max = limits::state_bytes_max;
  // state: this many deletions are remembered for subscribers that come back; further away means
  // must_refetch.
  uint32_t deletions_kept = limits::state_deletions_kept;

  bool operator==(const TopicOptions&) const = default;
};

}  // namespace btb
