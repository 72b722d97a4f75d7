// TopicLog: one topic's frames in order, and the only place they are kept.
//
// A message is encoded once, into the newest segment (the tail), and any number of cursors read it.
// An events log forgets its oldest messages by count, bytes and age. A state log keeps the newest
// message of each key; an older one is superseded (dead, in the names below): readers skip it, and
// its memory is reclaimed. A deletion is a frame too. The log keeps the newest `deletions_kept` of
// them.
//
// The sequence number of a cursor is what counts. Its segment and offset are a hint, which is
// checked at every use. So a log may drop or compact segments without knowing its readers, and a
// reader that stands still holds no memory. Nothing here knows sockets or sessions.
//
// topic_log.cc appends and keeps, topic_log_read.cc reads. Resource, owned by its Topic; [loop]
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "broker/log/key_index.h"
#include "broker/log/segment.h"
#include "broker/log/topic_options.h"

namespace btb {

// A message on its way into a log. `key` and `payload` are borrowed for the call.
struct Message {
  Bytes key;
  Bytes payload;
  int64_t time_us = 0;  // microseconds since 1970-01-01 UTC
  bool deletion = false;
  bool batch_more = false;  // another message of the same batch follows
};

// The result of an append. `seq` is the number of the message. It is 0 if the message was refused,
// or if it changed nothing (a deletion of a key that is not there).
struct Appended {
  // none: not refused. topic_full or memory_full: no room. message_too_large: larger than
  // keep_bytes.
  wire::Reason reason = wire::Reason::none;
  uint64_t seq = 0;
};

// Where a reader stands: before message `next_seq`, of which it has read `part_bytes` of the
// payload already. `offset`, `segment` and `generation` are a hint where that is; segment 0: no
// hint.
struct Cursor {
  uint64_t next_seq = 1;
  uint32_t part_bytes = 0;
  uint32_t offset = 0;
  uint64_t segment = 0;  // Segment::id
  uint64_t generation = 0;
};

// A run of whole frames in one segment, and the cursors before it and behind it. The bytes are
// valid until the next call that changes the log.
struct LogRange {
  const std::byte* data = nullptr;
  uint32_t size = 0;
  Cursor before, after;
};

class TopicLog {
 public:
  // `options` must outlive the log. `first_segment` is the id of the first segment; only tests want
  // another one than 1.
  TopicLog(uint32_t topic_number, const TopicOptions& options, uint64_t first_segment = 1)
      : options_(&options), topic_number_(topic_number), next_segment_id_(first_segment) {}
  TopicLog(const TopicLog&) = delete;
  TopicLog& operator=(const TopicLog&) = delete;

  // Appends a message; a large payload becomes several frames. If `may_grow` is false, it refuses
  // with memory_full every message of an events log, and every row that is new or larger than
  // before. REQUIRES: the key and the payload are within the limits. Only a state log gets
  // deletions, and they have no payload.
  Appended append(const Message& message, bool may_grow = true);

  // --- reading --- The numbers of the oldest and of the newest message in the log. If the log is
  // empty, first_seq() is last_seq() + 1. last_seq() never decreases.
  [[nodiscard]] uint64_t first_seq() const;
  [[nodiscard]] uint64_t last_seq() const { return last_seq_; }
  // The newest deletion that was forgotten; 0: none. A client that knows the state only up to an
  // older number must start over, because it may have missed a deletion.
  [[nodiscard]] uint64_t deletions_forgotten_seq() const { return deletions_forgotten_seq_; }

  [[nodiscard]] Cursor begin() const { return {first_seq(), 0, 0, 0, 0}; }
  [[nodiscard]] Cursor end() const;
  [[nodiscard]] bool at_end(const Cursor& cursor) const { return cursor.next_seq > last_seq_; }
  // The number of the first message in the log with a time of `time_us` or later; last_seq() + 1 if
  // there is none. Adds the number of frames it looked at to `passed`.
  uint64_t seq_at_time(int64_t time_us, uint64_t& passed) const;
  // The number from which on a reader gets the newest `count` messages, without the superseded
  // ones; first_seq() if there are fewer. Adds the number of segments and frames it looked at to
  // `passed`.
  uint64_t seq_from_end(uint64_t count, uint64_t& passed) const;
  // Bytes of frames that a reader at `cursor` still has to read. This is an upper bound, because it
  // counts superseded frames, too.
  [[nodiscard]] uint64_t bytes_behind(const Cursor& cursor) const;

  // Fills `out` with the frames from `cursor` on, and moves the cursor behind them. Stops when
  // `out` is full, when it has at least `bytes_wanted` bytes, or at the end of the log. Leaves out
  // superseded frames, and deletions with numbers up to `deletions_from`; sets `skipped` if it left
  // out any. Returns how many ranges it filled. REQUIRES: for an events log, cursor.next_seq >=
  // first_seq().
  size_t read(Cursor& cursor, uint64_t deletions_from, size_t bytes_wanted, std::span<LogRange> out,
              bool& skipped) const;

  // For a reader that has used the first `bytes` of `range`, and not all of it. Returns the cursor
  // behind the last frame of which it used something. `rest`: the bytes of this frame that it did
  // not use, valid as long as the range.
  Cursor advance(const LogRange& range, uint32_t bytes, Bytes& rest) const;

  // --- keeping ---
  static constexpr size_t keys_at_once = 1024;
  // An events log forgets the messages that are older than keep_age_us, and returns nothing. A
  // state log forgets nothing: it returns the keys of rows that are too old, at most keys_at_once.
  // The caller appends a deletion for each, so that subscribers hear of it, and calls again.
  [[nodiscard]] std::vector<ByteVector> expire(int64_t now_us);
  // How many rows of a state log have had no message after number `until_seq`.
  [[nodiscard]] uint64_t rows_until(uint64_t until_seq) const;
  // The keys of these rows, oldest first, at most keys_at_once.
  [[nodiscard]] std::vector<ByteVector> keys_until(uint64_t until_seq) const;
  // New limits, after a reload; applied at once. `options` must outlive the log. REQUIRES: the kind
  // is the same as before.
  void set_options(const TopicOptions& options);

  // Messages in the log. For a state log: rows, without deletions and superseded messages.
  [[nodiscard]] uint64_t messages() const;
  // Bytes of all frames, superseded ones included, and of the superseded ones alone.
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  [[nodiscard]] uint64_t dead_bytes() const { return dead_bytes_; }
  // Rows, and deletions that are remembered, of a state log.
  [[nodiscard]] uint32_t keys() const { return index_.size() - deletions_; }
  [[nodiscard]] uint32_t deletions() const { return deletions_; }
  // Bytes of memory that the segments and the index take. Looks at all segments.
  [[nodiscard]] size_t memory_bytes() const;
  // About the same, as a sum that is kept up to date: costs nothing to ask.
  [[nodiscard]] uint64_t held_bytes() const { return held_bytes_; }
  // Makes an events log forget its oldest segment, even if its limits allow more. Returns how many
  // messages it forgot. REQUIRES: the log is not empty.
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
  uint64_t floor_seq_ = 1;  // older messages are forgotten, even if a segment still holds them
  uint64_t deletions_forgotten_seq_ = 0;
  Cursor deletions_begin_;  // all deletions that are remembered lie behind it
  uint64_t bytes_ = 0;
  uint64_t held_bytes_ = 0;
  uint64_t dead_bytes_ = 0;
  std::vector<SegmentPtr> segments_;  // by id
  KeyIndex index_;
};

}  // namespace btb
