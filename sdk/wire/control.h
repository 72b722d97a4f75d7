// Control frames: all frames except data frames. On the wire a control frame is a head and one
// FlatBuffers table. In C++ it is one struct: fb::HelloT and so on, generated from
// schemas/frame.fbs.
//
// To send one: fill in the struct and call append_control. To read one: call next_frame (frame.h),
// look at its kind, and call decode. Pure; [any] thread.
#pragma once

#include <memory>

#include "schemas/frame_generated.h"
#include "sdk/wire/frame.h"

namespace btb::wire {

static_assert(sizeof(fb::Head) == sizeof(Head) && sizeof(fb::DataHead) == sizeof(DataHead));

// For each struct: the kind of its frame (ControlOf<fb::HelloT>::kind), and its FlatBuffers table
// (ControlOf<fb::HelloT>::Table).
template <class Native>
struct ControlOf;

#define BTB_CONTROL(Name, kind_name)              \
  template <>                                     \
  struct ControlOf<fb::Name##T> {                 \
    using Table = fb::Name;                       \
    static constexpr Kind kind = Kind::kind_name; \
  };
BTB_CONTROL(Hello, hello)
BTB_CONTROL(Welcome, welcome)
BTB_CONTROL(Goodbye, goodbye)
BTB_CONTROL(Ping, ping)
BTB_CONTROL(Pong, pong)
BTB_CONTROL(Subscribe, subscribe)
BTB_CONTROL(Subscribed, subscribed)
BTB_CONTROL(Unsubscribe, unsubscribe)
BTB_CONTROL(Unsubscribed, unsubscribed)
BTB_CONTROL(Topic, topic)
BTB_CONTROL(SnapshotBegin, snapshot_begin)
BTB_CONTROL(SnapshotEnd, snapshot_end)
BTB_CONTROL(Position, position)
BTB_CONTROL(Gap, gap)
BTB_CONTROL(MustRefetch, must_refetch)
BTB_CONTROL(Open, open)
BTB_CONTROL(Opened, opened)
BTB_CONTROL(Ack, ack)
BTB_CONTROL(Reject, reject)
BTB_CONTROL(Command, command)
BTB_CONTROL(Reply, reply)
#undef BTB_CONTROL

// Appends one frame to `out`, head and padding included. A frame begins at a multiple of 8 in the
// stream, so the bytes in `out` must end at one; they do if they are whole frames. `out` needs no
// alignment in memory. The caller keeps the frame within limits::control_frame_bytes_max.
template <class Native>
void append_control(ByteVector& out, const Native& message) {
  using Table = typename ControlOf<Native>::Table;
  flatbuffers::FlatBufferBuilder builder(256);
  builder.Finish(Table::Pack(builder, &message));
  const fb::Head head(static_cast<uint32_t>(head_bytes + builder.GetSize()),
                      ControlOf<Native>::kind, 0, 0);
  const auto* head_at = reinterpret_cast<const std::byte*>(&head);
  const auto* body_at = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  const size_t end = out.size() + align_up(head.size(), frame_alignment);
  out.insert(out.end(), head_at, head_at + head_bytes);
  out.insert(out.end(), body_at, body_at + builder.GetSize());
  out.resize(end);
}

// Checks that the FlatBuffers verifier does not make. A table that needs one has its own overload.
// The number is the size of the frame in bytes.
template <class Table>
bool is_sound(const Table&, size_t) {
  return true;
}
// A vector of structs lies inside the frame, but perhaps not aligned.
inline bool is_sound(const fb::Subscribe& table, size_t) {
  return table.positions() == nullptr ||
         reinterpret_cast<uintptr_t>(table.positions()->Data()) % alignof(fb::Mark) == 0;
}
// Thousands of elements may point to one string, and each would get a copy of it.
inline bool is_sound(const fb::Command& table, size_t frame_bytes) {
  if (table.arguments() == nullptr) return true;
  size_t bytes = 0;
  for (const flatbuffers::String* argument : *table.arguments()) bytes += argument->size();
  return table.arguments()->size() <= limits::command_arguments_max && bytes <= frame_bytes;
}

// The struct in a control frame that next_frame returned. Null if its table is broken: then close
// with frame_unverifiable. The result is a copy, and borrows nothing from the frame.
// REQUIRES: frame.kind == ControlOf<Native>::kind.
template <class Native>
std::unique_ptr<Native> decode(const FrameView& frame) {
  using Table = typename ControlOf<Native>::Table;
  BTB_ASSERT(frame.kind == ControlOf<Native>::kind);
  const auto* at = reinterpret_cast<const uint8_t*>(frame.body().data());
  flatbuffers::Verifier verifier(at, frame.body().size(), limits::flatbuffer_depth_max,
                                 limits::flatbuffer_tables_max);
  if (!verifier.VerifyBuffer<Table>(nullptr)) return nullptr;
  const Table& table = *flatbuffers::GetRoot<Table>(at);
  if (!is_sound(table, frame.bytes.size())) return nullptr;
  return std::unique_ptr<Native>(table.UnPack());
}

}  // namespace btb::wire
