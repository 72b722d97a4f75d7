// Frames: the bytes of messages in a log and on the wire. A frame has the same bytes in both
// places, so a log is sent without a copy. docs/protocol.md and schemas/frame.fbs describe the
// layout.
//
// All functions are pure and safe from [any] thread. Views borrow the bytes they were made from.
// Sizes are in bytes. Frames are little-endian, and so is every machine this project runs on
// (asserted below).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <string_view>

#include "sdk/base/bytes.h"
#include "sdk/base/limits.h"
#include "sdk/base/result.h"
#include "sdk/wire/words.h"

namespace btb::wire {

static_assert(std::endian::native == std::endian::little,
              "logs and links hold little-endian frames");

inline constexpr uint32_t frame_alignment = 8;   // each frame begins at a multiple of this
inline constexpr uint32_t head_bytes = 8;        // Head, of every frame
inline constexpr uint32_t data_head_bytes = 32;  // DataHead, of a data frame

// The largest data frame, padding included.
inline constexpr uint32_t data_frame_bytes_max = static_cast<uint32_t>(
    align_up(data_head_bytes + limits::key_bytes_max + limits::part_bytes_max, frame_alignment));

// Bits of DataHead::flags.
namespace flag {
inline constexpr uint8_t deletion = 1;        // the row with this key is gone; no payload
inline constexpr uint8_t priority_shift = 1;  // two bits: the Priority of the topic
inline constexpr uint8_t priority_mask = 6;
inline constexpr uint8_t part_more = 8;    // another part of this message follows in this topic
inline constexpr uint8_t batch_more = 16;  // another message of this batch follows in this topic
inline constexpr uint8_t all = 31;         // any other bit is a fault
}  // namespace flag

// The head of any frame as it lies in memory. Trivially copyable.
struct Head {
  uint32_t size = 0;  // bytes of the frame: this head included, the padding not
  Kind kind = Kind::none;
  uint8_t flags = 0;      // 0 in a control frame
  uint16_t key_size = 0;  // bytes of the key; 0 in a control frame
};
static_assert(sizeof(Head) == head_bytes);

// The head of a data frame as it lies in memory. Trivially copyable, aligned to 8.
struct DataHead {
  uint32_t size = 0;  // bytes of the frame: head, key and payload, the padding not
  Kind kind = Kind::data;
  uint8_t flags = 0;
  uint16_t key_size = 0;
  uint32_t topic = 0;   // number of the topic, never 0
  uint32_t total = 0;   // payload bytes of the whole message, over all its parts
  uint64_t seq = 0;     // from the broker: number in the topic; from a publisher: its own count
  int64_t time_us = 0;  // since 1970-01-01 UTC; from a publisher 0: the broker sets it

  [[nodiscard]] bool deletion() const { return (flags & flag::deletion) != 0; }
  [[nodiscard]] bool part_more() const { return (flags & flag::part_more) != 0; }
  [[nodiscard]] bool batch_more() const { return (flags & flag::batch_more) != 0; }
  [[nodiscard]] Priority priority() const {
    return static_cast<Priority>((flags & flag::priority_mask) >> flag::priority_shift);
  }
  // Payload bytes in this frame. REQUIRES: next_frame accepted the frame, or we made it.
  [[nodiscard]] uint32_t payload_size() const { return size - data_head_bytes - key_size; }
  // Bytes from this frame to the next one: `size` and the padding.
  [[nodiscard]] uint32_t stride() const {
    return static_cast<uint32_t>(align_up(size, frame_alignment));
  }
};
static_assert(sizeof(DataHead) == data_head_bytes && alignof(DataHead) == 8);

// One frame of a stream. Behind its head lie a key and a payload (a data frame), or a FlatBuffers
// table (a control frame). Borrows the bytes.
struct FrameView {
  Kind kind = Kind::none;
  Bytes bytes;  // head included, padding not; begins at a multiple of 8

  // For data(), key() and payload(). REQUIRES: kind == Kind::data, and next_frame made the view.
  [[nodiscard]] const DataHead& data() const {
    return *reinterpret_cast<const DataHead*>(bytes.data());
  }
  [[nodiscard]] Bytes key() const { return bytes.subspan(data_head_bytes, data().key_size); }
  [[nodiscard]] Bytes payload() const { return bytes.subspan(data_head_bytes + data().key_size); }
  // The table of a control frame.
  [[nodiscard]] Bytes body() const { return bytes.subspan(head_bytes); }
};

// Why a stream is broken. Close it with `reason`: frame_malformed or frame_too_large.
struct FrameFault {
  Reason reason = Reason::none;
  const char* text = "";  // static
};

// The result of next_frame. `incomplete`: the buffer ends before the frame does; read more bytes
// and ask again. `fault`: the stream is broken, and no frame after this one can be found.
struct NextFrame {
  enum class Status : uint8_t { frame, incomplete, fault } status = Status::incomplete;
  FrameView frame;
  size_t consumed = 0;  // with `frame`: bytes to the next frame, padding included
  FrameFault fault;     // with `fault`
};

// Looks for a frame at the front of `buffer`. The first byte must lie at a multiple of 8, in the
// stream and in memory. A data frame is checked completely: sizes, flags, limits. Of a control
// frame only the head is checked; decode<T> (control.h) checks its table. The view in the result
// borrows `buffer`.
NextFrame next_frame(Bytes buffer);

// Bytes that a message takes in a log: all its parts, with heads and padding.
size_t message_bytes(size_t key_size, size_t payload_size);

// Number of frames that a payload of this size travels in. One frame holds up to part_bytes_max; a
// larger payload is cut into parts of part_bytes.
constexpr size_t part_count(size_t payload_size) {
  return payload_size <= limits::part_bytes_max
             ? 1
             : (payload_size + limits::part_bytes - 1) / limits::part_bytes;
}

// How many bytes of `run` fit into `room` without cutting a frame. `run` begins with a frame and
// holds only frames.
inline size_t whole_frames(Bytes run, size_t room) {
  size_t end = 0;
  while (run.size() - end >= head_bytes) {
    Head head;
    std::memcpy(&head, run.data() + end, head_bytes);
    const size_t stride = align_up(head.size, frame_alignment);
    if (stride > room - end) break;
    end += stride;
  }
  return end;
}

// Payload bytes in the next part of a message. The message has `total` payload bytes, and `rest` of
// them are not written yet.
constexpr size_t part_size(size_t total, size_t rest) {
  return total <= limits::part_bytes_max ? rest : std::min<size_t>(rest, limits::part_bytes);
}

// Writes one frame at `out`, padding included, and returns head.stride().
// REQUIRES: `head.size` and `head.key_size` agree with `key` and `payload`. `out` is aligned to 8
// and has room for the stride. Inline, so that a head just made goes from registers to `out`.
inline size_t write_data_frame(std::byte* out, const DataHead& head, Bytes key, Bytes payload) {
  // The padding first: it is in the last 8 bytes. The key and the payload overwrite the other
  // bytes.
  const size_t stride = head.stride();
  std::memset(out + stride - frame_alignment, 0, frame_alignment);
  ::new (out) DataHead(head);  // not memcpy, which would have the head in memory first
  std::byte* at = out + data_head_bytes;
  if (!key.empty()) std::memcpy(at, key.data(), key.size());
  at += key.size();
  if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
  return stride;
}

// A head for one part of a message, with size, key_size and total. The caller fills in the rest.
inline DataHead part_head(Bytes key, Bytes part_payload, size_t total) {
  DataHead head;
  head.size = static_cast<uint32_t>(data_head_bytes + key.size() + part_payload.size());
  head.key_size = static_cast<uint16_t>(key.size());
  head.total = static_cast<uint32_t>(total);
  return head;
}

// Appends a whole message to `out`, as one frame or in parts. `head` brings topic, seq, time_us and
// flags (without part_more); the sizes in it are ignored. `out` must end at a multiple of 8 in
// memory, as it does if it holds whole frames. The caller has checked the limits of key and
// payload.
void append_message(ByteVector& out, DataHead head, Bytes key, Bytes payload);

}  // namespace btb::wire
