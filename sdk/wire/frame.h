// Frames: how messages lie in a log and travel on a link; the layout is schemas/frame.fbs and
// docs/protocol.md.
//
// All functions are pure and safe from [any] thread. Views borrow the bytes they were made from.
// Frames are written in the byte order of the wire, which is little-endian; so is every machine
// this project runs on (asserted below).
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

inline constexpr uint32_t frame_alignment = 8;
inline constexpr uint32_t head_bytes = 8;
inline constexpr uint32_t data_head_bytes = 32;

// The largest data frame, padding included.
inline constexpr uint32_t data_frame_bytes_max = static_cast<uint32_t>(
    align_up(data_head_bytes + limits::key_bytes_max + limits::part_bytes_max, frame_alignment));

namespace flag {
inline constexpr uint8_t deletion = 1;
inline constexpr uint8_t priority_shift = 1;
inline constexpr uint8_t priority_mask = 6;
inline constexpr uint8_t part_more = 8;
inline constexpr uint8_t batch_more = 16;
inline constexpr uint8_t all = 31;
}  // namespace flag

// The head of any frame as it lies in memory. Trivially copyable.
struct Head {
  uint32_t size = 0;
  Kind kind = Kind::none;
  uint8_t flags = 0;
  uint16_t key_size = 0;
};
static_assert(sizeof(Head) == head_bytes);

// The head of a data frame as it lies in memory. Trivially copyable, aligned to 8.
struct DataHead {
  uint32_t size = 0;
  Kind kind = Kind::data;
  uint8_t flags = 0;
  uint16_t key_size = 0;
  uint32_t topic = 0;
  uint32_t total = 0;
  uint64_t seq = 0;
  int64_t time_us = 0;

  [[nodiscard]] bool deletion() const { return (flags & flag::deletion) != 0; }
  [[nodiscard]] bool part_more() const { return (flags & flag::part_more) != 0; }
  [[nodiscard]] bool batch_more() const { return (flags & flag::batch_more) != 0; }
  [[nodiscard]] Priority priority() const {
    return static_cast<Priority>((flags & flag::priority_mask) >> flag::priority_shift);
  }
  [[nodiscard]] uint32_t payload_size() const { return size - data_head_bytes - key_size; }
  // Bytes from this frame to the next one.
  [[nodiscard]] uint32_t stride() const {
    return static_cast<uint32_t>(align_up(size, frame_alignment));
  }
};
static_assert(sizeof(DataHead) == data_head_bytes && alignof(DataHead) == 8);

// Any frame of a stream: its head, and everything behind the head (key and payload, or a
// FlatBuffers table).
struct FrameView {
  Kind kind = Kind::none;
  Bytes bytes;  // head included, padding not; begins at a multiple of 8

  // REQUIRES: kind == Kind::data, and the view came from `next_frame`.
  [[nodiscard]] const DataHead& data() const {
    return *reinterpret_cast<const DataHead*>(bytes.data());
  }
  [[nodiscard]] Bytes key() const { return bytes.subspan(data_head_bytes, data().key_size); }
  [[nodiscard]] Bytes payload() const { return bytes.subspan(data_head_bytes + data().key_size); }
  [[nodiscard]] Bytes body() const { return bytes.subspan(head_bytes); }
};

// What is wrong with a stream; `reason` is frame_malformed, frame_too_large or frame_unverifiable.
struct FrameFault {
  Reason reason = Reason::none;
  const char* text = "";  // static
};

// Result of looking for the next frame at the front of a buffer.
struct NextFrame {
  enum class Status : uint8_t { frame, incomplete, fault } status = Status::incomplete;
  FrameView frame;
  size_t consumed = 0;  // with `frame`: bytes to the next one, padding included
  FrameFault fault;
};

// Looks at the front of `buffer`, whose first byte lies at a multiple of 8 in the stream and in
// memory. A data frame is checked wholly (sizes, flags, limits); of any other the size, and its
// table by decode<T>.
NextFrame next_frame(Bytes buffer);

// Bytes that a message takes in a log, all parts, heads and padding included.
size_t message_bytes(size_t key_size, size_t payload_size);

// Number of frames a payload of this size travels in: 1 up to part_bytes_max.
constexpr size_t part_count(size_t payload_size) {
  return payload_size <= limits::part_bytes_max
             ? 1
             : (payload_size + limits::part_bytes - 1) / limits::part_bytes;
}

// Bytes of the whole frames at the front of `run`, which is made of frames, that fit into `room`.
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

// Payload bytes of the next part of a message of `total`, of which `rest` are left.
constexpr size_t part_size(size_t total, size_t rest) {
  return total <= limits::part_bytes_max ? rest : std::min<size_t>(rest, limits::part_bytes);
}

// Writes one frame at `out`, padding included, and returns head.stride(). `head.size` and
// `head.key_size` must agree with `key` and `payload`; `out` has room for the stride and is aligned
// to 8. Inline, so that a head that was just put together goes from registers to `out`.
inline size_t write_data_frame(std::byte* out, const DataHead& head, Bytes key, Bytes payload) {
  // The padding first: it lies in the last 8 bytes, of which the rest is written over.
  const size_t stride = head.stride();
  std::memset(out + stride - frame_alignment, 0, frame_alignment);
  ::new (out) DataHead(head);  // not memcpy, which would have the head in memory first
  std::byte* at = out + data_head_bytes;
  if (!key.empty()) std::memcpy(at, key.data(), key.size());
  at += key.size();
  if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
  return stride;
}

// The head for one part of a message: size and key_size are filled in, the rest is the caller's.
inline DataHead part_head(Bytes key, Bytes part_payload, size_t total) {
  DataHead head;
  head.size = static_cast<uint32_t>(data_head_bytes + key.size() + part_payload.size());
  head.key_size = static_cast<uint16_t>(key.size());
  head.total = static_cast<uint32_t>(total);
  return head;
}

// Appends a whole message to `out` as one frame or several parts; `head` brings topic, seq, time
// and flags.
void append_message(ByteVector& out, DataHead head, Bytes key, Bytes payload);

}  // namespace btb::wire
