// Segment: one contiguous piece of a topic's log, filled from the front and never moved.
//
// Frames lie one behind the other as they go on the wire, each at a multiple of 8. In a state topic
// a newer message of the same key supersedes a frame; the code calls such a frame dead. That is
// noted beside the bytes, so the bytes of a frame never change after they are written. A message
// with a large payload is several frames, one for each part. Resource, owned by its TopicLog;
// [loop] thread.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "sdk/base/assert.h"
#include "sdk/base/bytes.h"
#include "sdk/wire/frame.h"

namespace btb {

class Segment;
struct SegmentDeleter {
  void operator()(Segment* segment) const noexcept;
};
using SegmentPtr = std::unique_ptr<Segment, SegmentDeleter>;

class Segment {
 public:
  // One allocation: this header, then `capacity` bytes. REQUIRES: capacity is a multiple of 8. `id`
  // and `generation` are explained at the members.
  static SegmentPtr create(uint64_t id, uint64_t generation, uint32_t capacity);

  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // --- bytes ---
  [[nodiscard]] const std::byte* data() const {
    return reinterpret_cast<const std::byte*>(this + 1);
  }
  [[nodiscard]] uint32_t used() const { return used_; }
  [[nodiscard]] uint32_t room() const { return capacity_ - used_; }
  [[nodiscard]] uint32_t capacity() const { return capacity_; }

  // The head and the key of the frame that begins at `offset`. Both are valid as long as the
  // segment. Only the first part of a message has a key. REQUIRES: a frame begins there.
  [[nodiscard]] const wire::DataHead& frame(uint32_t offset) const {
    return *reinterpret_cast<const wire::DataHead*>(data() + offset);
  }
  [[nodiscard]] Bytes key(uint32_t offset) const {
    return {data() + offset + wire::data_head_bytes, frame(offset).key_size};
  }

  // Writes a frame behind the last one and returns its offset. REQUIRES: room() >= head.stride().
  uint32_t append(const wire::DataHead& head, Bytes key, Bytes payload) {
    BTB_ASSERT(head.stride() <= room());
    const uint32_t offset = used_;
    used_ += static_cast<uint32_t>(wire::write_data_frame(writable() + offset, head, key, payload));
    note(head);
    return offset;
  }
  // Copies the frame at `offset` of `from` behind the last one, and returns its new offset.
  // REQUIRES: there is room for it.
  uint32_t append_copy(const Segment& from, uint32_t offset);

  // --- superseded frames ---
  [[nodiscard]] bool dead(uint32_t offset) const {
    return dead_bits_ != nullptr && ((dead_bits_[offset >> 9] >> ((offset >> 3) & 63)) & 1) != 0;
  }
  // Notes that the frame at `offset` is superseded. `first`: the frame begins its message.
  // REQUIRES: it is not superseded yet.
  void kill(uint32_t offset, bool first);
  // No frame at this offset or behind it is superseded.
  [[nodiscard]] uint32_t dead_end() const { return dead_end_; }
  [[nodiscard]] uint32_t dead_bytes() const { return dead_bytes_; }
  // How many messages begin here, without the superseded ones. In an events topic: all.
  [[nodiscard]] uint32_t messages() const { return messages_; }
  // How many frames are deletions, without the superseded ones.
  [[nodiscard]] uint32_t deletions() const { return deletions_; }

  // --- what it covers ---
  const uint64_t id;  // ids grow along the log
  // A compacted segment has the id of an older segment. The generation tells the two apart.
  const uint64_t generation;
  uint64_t first_seq = 0;  // of the first frame
  uint64_t last_seq = 0;   // of the last frame
  int64_t time_max_us = INT64_MIN;
  // The `next_seq` and the `part_bytes` of a cursor that has read all of this segment.
  [[nodiscard]] uint64_t end_seq() const { return last_seq + (end_part_bytes == 0 ? 1 : 0); }
  uint32_t end_part_bytes = 0;
  // Its first frame will continue a message. The segments before it hold `part_bytes` of the
  // payload. REQUIRES: the segment is empty.
  void begin_inside_message(uint32_t part_bytes);
  bool begins_inside_message = false;
  uint32_t begin_part_bytes = 0;

 private:
  Segment(uint64_t id_in, uint64_t generation_in, uint32_t capacity)
      : id(id_in), generation(generation_in), capacity_(capacity) {}
  friend struct SegmentDeleter;

  std::byte* writable() { return reinterpret_cast<std::byte*>(this + 1); }
  void note(const wire::DataHead& head) {
    if (first_seq == 0) first_seq = head.seq;
    last_seq = head.seq;
    if (end_part_bytes == 0) ++messages_;
    end_part_bytes = head.part_more() ? end_part_bytes + head.payload_size() : 0;
    if (head.time_us > time_max_us) time_max_us = head.time_us;
    if (head.deletion()) ++deletions_;
  }

  uint32_t capacity_;
  uint32_t used_ = 0;
  uint32_t dead_end_ = 0;
  uint32_t dead_bytes_ = 0;
  uint32_t deletions_ = 0;
  uint32_t messages_ = 0;
  std::unique_ptr<uint64_t[]> dead_bits_;  // a bit for every 8 bytes; null while no frame is dead
};

}  // namespace btb
