// TopicOptions: what a topic keeps and how it treats a subscriber that falls behind. Value type.
#pragma once

#include <cstdint>
#include <string>

#include "sdk/base/limits.h"
#include "sdk/wire/frame.h"

namespace btb {

// What happens to a subscriber that is further behind than the oldest message in the log.
enum class Overflow : uint8_t {
  skip_dead,    // state: it skips superseded messages, and still gets the newest of each row
  drop_oldest,  // events: it is told the numbers of the messages it missed
  disconnect,   // events: its session ends with the reason `overflow`
};

struct TopicOptions {
  wire::TopicKind kind = wire::TopicKind::events;
  wire::Priority priority = wire::Priority::normal;
  Overflow overflow = Overflow::drop_oldest;
  std::string content;         // the format of the payloads, for clients: "json", "text" or ""
  bool client_publish = true;  // clients may publish to it
  bool secret = false;         // tells clients not to show or keep payloads without need

  // events: the oldest messages are forgotten when one of these limits is exceeded. A keep_count of
  // 0 is no limit; keep_bytes is never 0.
  uint64_t keep_count = limits::topic_keep_count;
  uint64_t keep_bytes = limits::topic_keep_bytes;
  // events: messages older than this are forgotten. state: rows with no message for so long are
  // deleted. In microseconds; 0: never.
  int64_t keep_age_us = 0;
  // state: a row that would exceed one of these limits is refused with topic_full.
  uint64_t keys_max = limits::state_keys_max;
  uint64_t state_bytes_max = limits::state_bytes_max;
  // state: the log remembers so many deletions for subscribers that come back. A subscriber that
  // may have missed an older one gets must_refetch: it must fetch all rows again.
  uint32_t deletions_kept = limits::state_deletions_kept;

  bool operator==(const TopicOptions&) const = default;
};

}  // namespace btb
