// Segment: one contiguous piece of a topic's log, filled from the front and never moved.
//
// Frames lie one behind the other as they go on the wire, each at a multiple of 8. Which of them
// are dead (replaced, in a state topic) is kept beside the bytes, so the bytes of a frame never
// change once it is written. Resource, owned by its TopicLog; [loop] thread.
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
  // One allocation: this header, then `capacity` bytes, a multiple of 8.
  static SegmentPtr create(uint32_t id, uint32_t generation, uint32_t capacity);

  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // --- bytes ---
  [[nodiscard]] const std::byte* data() const {
    return reinterpret_cast<const std::byte*>(this + 1);
  }
  [[nodiscard]] uint32_t used() const { return used_; }
  [[nodiscard]] uint32_t room() const { return capacity_ - used_; }
  [[nodiscard]] uint32_t capacity() const { return capacity_; }

  [[nodiscard]] const wire::DataHead& frame(uint32_t offset) const {
    return *reinterpret_cast<const wire::DataHead*>(data() + offset);
  }
  [[nodiscard]] Bytes key(uint32_t offset) const {
    return {data() + offset + wire::data_head_bytes, frame(offset).key_size};
  }

  // Writes a frame behind the last one and returns its offset. REQUIRES: room() >= head.stride().
  uint32_t append(const wire::DataHead& head, Bytes key, Bytes payload);
  // Copies the frame at `offset` of `from`. REQUIRES: room for it.
  uint32_t append_copy(const Segment& from, uint32_t offset);

  // --- the dead ---
  [[nodiscard]] bool dead(uint32_t offset) const {
    return dead_bits_ != nullptr && ((dead_bits_[offset >> 9] >> ((offset >> 3) & 63)) & 1) != 0;
  }
  void kill(uint32_t offset);
  // No frame at or behind this offset is dead.
  [[nodiscard]] uint32_t dead_end() const { return dead_end_; }
  [[nodiscard]] uint32_t dead_bytes() const { return dead_bytes_; }
  // Living deletions among the frames.
  [[nodiscard]] uint32_t deletions() const { return deletions_; }

  // --- what it covers ---
  const uint32_t id;  // grows along the log
  const uint32_t
      generation;  // differs from that of any segment that had the same id before it was compacted
  uint64_t first_seq = 0;  // of the first frame
  uint64_t last_seq = 0;   // of the last frame
  int64_t time_max_us = INT64_MIN;
  bool begins_inside_message = false;  // its first frame continues a message of the segment before
  // Where a cursor stands behind the last frame: see Cursor.
  uint64_t end_seq = 0;
  uint32_t end_part_bytes = 0;

 private:
  Segment(uint32_t id_in, uint32_t generation_in, uint32_t capacity)
      : id(id_in), generation(generation_in), capacity_(capacity) {}
  friend struct SegmentDeleter;

  std::byte* writable() { return reinterpret_cast<std::byte*>(this + 1); }
  void note(const wire::DataHead& head);

  uint32_t capacity_;
  uint32_t used_ = 0;
  uint32_t dead_end_ = 0;
  uint32_t dead_bytes_ = 0;
  uint32_t deletions_ = 0;
  std::unique_ptr<uint64_t[]> dead_bits_;  // one for every 8 bytes; made at the first death
};

}  // namespace btb
