// TopicLog: one topic's frames in order, and the only place they are kept.
//
// A message is encoded once, into the tail segment, and read by any number of cursors. An events
// log forgets its oldest messages by count, bytes and age. A state log keeps the newest frame of
// each key alive; older ones are dead, skipped by readers and reclaimed; deletions are frames too,
// kept until too many newer ones came.
//
// A cursor is a promise by sequence number; segment and offset in it are a hint that is checked on
// every use, so a log may drop or compact segments without knowing who reads, and a reader that
// stands still holds no memory. Nothing here knows sockets or sessions. Resource, owned by its
// Topic; [loop] thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "broker/log/key_index.h"
#include "broker/log/segment.h"
#include "broker/log/topic_options.h"

namespace btb {

// A message on its way into a log. Borrows.
struct Message {
  Bytes key;
  Bytes payload;
  int64_t time_us = 0;  // microseconds since 1970-01-01 UTC
  bool deletion = false;
  bool batch_more = false;  // another message of the same batch follows
};

// What became of it. `seq` is 0 if the message changed nothing (a deletion of a key that is not
// there) or was refused.
struct Appended {
  wire::Reason reason =
      wire::Reason::none;  // none, topic_full, memory_full, or message_too_large for keep_bytes
  uint64_t seq = 0;
};

// Where a reader stands: before the frame of message `next_seq` with `part_bytes` of its payload
// already read.
struct Cursor {
  uint64_t next_seq = 1;
  uint32_t part_bytes = 0;
  uint32_t offset = 0;
  uint64_t segment = 0;  // hint: Segment::id, 0 for none
  uint64_t generation = 0;
};

// A run of whole frames in one segment. The bytes live until the log is next appended to or
// expired.
struct LogRange {
  const std::byte* data = nullptr;
  uint32_t size = 0;
  Cursor before, after;
};

class TopicLog {
 public:
  // `options` outlives the log. Segments are numbered from `first_segment` on; only tests want
  // another than 1.
  TopicLog(uint32_t topic_number, const TopicOptions& options, uint64_t first_segment = 1)
      : options_(&options), topic_number_(topic_number), next_segment_id_(first_segment) {}
  TopicLog(const TopicLog&) = delete;
  TopicLog& operator=(const TopicLog&) = delete;

  // Appends a message; large payloads become several frames.
  // REQUIRES: the key and the payload are within the limits; a deletion has no payload and is of a
  // state topic.
  // `may_grow` false: a row that is new or larger than before, and a message of an events log, is
  // refused with memory_full.
  Appended append(const Message& message, bool may_grow = true);

  // --- reading ---
  // Oldest and newest number kept; first = last + 1 if nothing is. `last` never goes back.
  [[nodiscard]] uint64_t first_seq() const;
  [[nodiscard]] uint64_t last_seq() const { return last_seq_; }
  // A deletion up to this number may have been forgotten: who knows the state only up to an older
  // one must start over.
  [[nodiscard]] uint64_t deletions_forgotten_seq() const { return deletions_forgotten_seq_; }

  [[nodiscard]] Cursor begin() const { return {first_seq(), 0, 0, 0, 0}; }
  [[nodiscard]] Cursor end() const;
  [[nodiscard]] bool at_end(const Cursor& cursor) const { return cursor.next_seq > last_seq_; }
  // The number of the first message kept whose time is at or after `time_us`; last + 1 if there is
  // none. Adds the frames it passed to `passed`.
  uint64_t seq_at_time(int64_t time_us, uint64_t& passed) const;
  // The number of the message with `count` living ones before the end; first_seq() if there are not
  // so many. Adds the segments and frames it passed to `passed`.
  uint64_t seq_from_end(uint64_t count, uint64_t& passed) const;
  // Bytes of frames a reader has before it, the dead not counted out: an upper bound. [loop]
  [[nodiscard]] uint64_t bytes_behind(const Cursor& cursor) const;

  // Fills `out` with what follows `cursor` and moves it behind that: runs of living frames, until
  // `out` is full, at least `bytes_wanted` bytes are there, or the end is reached. Deletions up to
  // `deletions_from` are left out. Sets `skipped` if frames were left out. Returns how many ranges
  // were filled. REQUIRES: for an events log, cursor.next_seq >= first_seq().
  size_t read(Cursor& cursor, uint64_t deletions_from, size_t bytes_wanted, std::span<LogRange> out,
              bool& skipped) const;

  // Of `range`, `bytes` were used, fewer than it has: where the reader stands behind the last frame
  // touched, and in `rest` the bytes of that frame that are still to be used.
  Cursor advance(const LogRange& range, uint32_t bytes, Bytes& rest) const;

  // --- keeping ---
  static constexpr size_t keys_at_once = 1024;
  // Forgets what is too old. Of a state log it returns keys whose rows are, at most keys_at_once:
  // the caller appends a deletion for each, so that subscribers hear of it, and asks again.
  [[nodiscard]] std::vector<ByteVector> expire(int64_t now_us);
  // Of a state log: how many rows have had no message since number `until_seq`.
  [[nodiscard]] uint64_t rows_until(uint64_t until_seq) const;
  // Their keys, oldest first, at most keys_at_once.
  [[nodiscard]] std::vector<ByteVector> keys_until(uint64_t until_seq) const;
  // New limits (a reload). `options` outlives the log; kind must be the same.
  void set_options(const TopicOptions& options);

  [[nodiscard]] uint64_t messages() const;                 // kept: of a state topic the living rows
  [[nodiscard]] uint64_t bytes() const { return bytes_; }  // of frames, the dead included
  [[nodiscard]] uint64_t dead_bytes() const { return dead_bytes_; }
  [[nodiscard]] uint32_t keys() const { return index_.size() - deletions_; }
  [[nodiscard]] uint32_t deletions() const { return deletions_; }
  [[nodiscard]] size_t memory_bytes() const;
  // What its segments and its index take, without looking at them.
  [[nodiscard]] uint64_t held_bytes() const { return held_bytes_; }
  // Forgets the oldest messages of an events log, a segment of them, whatever its limits say; how
  // many they were. REQUIRES: it holds something.
  uint64_t drop_oldest();

 private:
  using Location = KeyIndex::Location;

  [[nodiscard]] bool is_state() const { return options_->kind == wire::TopicKind::state; }
  [[nodiscard]] size_t index_of(uint64_t id) const;
  [[nodiscard]] size_t locate(Cursor& cursor) const;
  size_t seek(Cursor& cursor) const;
  size_t read_living(Cursor& cursor, const Segment& segment, uint64_t deletions_from,
                     std::span<LogRange> out, bool& skipped) const;

  Segment& add_tail(uint32_t stride);
  Location write(const Message& message, uint64_t seq);
  Location* find_key(Bytes key, uint32_t hash);
  void kill(Location location);
  void compact(size_t index);
  void compact_former_tail(uint64_t id);
  void move_frames(const Segment& from, Segment& to);
  void drop_front();
  void took(const SegmentPtr& segment) { held_bytes_ += segment_bytes(*segment); }
  void gave(const SegmentPtr& segment) { held_bytes_ -= segment_bytes(*segment); }
  [[nodiscard]] uint64_t segment_bytes(const Segment& segment) const;
  void trim();
  void forget_oldest_deletion();
  template <class Visit>
  void for_each_row(Visit visit) const;
  template <class Old>
  [[nodiscard]] std::vector<ByteVector> oldest_keys(Old old) const;
  void expire_events(int64_t cutoff_us);

  const TopicOptions* options_;
  uint32_t topic_number_;
  uint32_t deletions_ = 0;
  uint64_t next_segment_id_;
  uint64_t next_generation_ = 1;
  uint64_t last_seq_ = 0;
  uint64_t floor_seq_ = 1;  // nothing below is kept, whatever the segments still hold
  uint64_t deletions_forgotten_seq_ = 0;
  Cursor deletions_begin_;  // no deletion that is still remembered lies before it
  uint64_t bytes_ = 0;
  uint64_t held_bytes_ = 0;
  uint64_t dead_bytes_ = 0;
  std::vector<SegmentPtr> segments_;  // by id
  KeyIndex index_;
};

}  // namespace btb
