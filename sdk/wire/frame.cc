#include "sdk/wire/frame.h"

#include <algorithm>

namespace btb::wire {

namespace {

static_assert(offsetof(DataHead, kind) == 4 && offsetof(DataHead, flags) == 5 &&
              offsetof(DataHead, key_size) == 6 && offsetof(DataHead, topic) == 8 &&
              offsetof(DataHead, total) == 12 && offsetof(DataHead, seq) == 16 &&
              offsetof(DataHead, time_us) == 24);

NextFrame fault(Reason reason, const char* text) {
  NextFrame next;
  next.status = NextFrame::Status::fault;
  next.fault = {reason, text};
  return next;
}

bool known(uint8_t kind) {
  return kind == static_cast<uint8_t>(Kind::data) ||
         (kind >= static_cast<uint8_t>(Kind::hello) && kind <= static_cast<uint8_t>(Kind::MAX));
}

// What is wrong with the head of a data frame. Null if it keeps the rules.
const char* data_fault(const DataHead& head) {
  if ((head.flags & ~flag::all) != 0) return "unknown flags in a data frame";
  if (head.topic == 0) return "a data frame without a topic number";
  if (head.size < data_head_bytes + head.key_size) return "a data frame too short for its key";
  const uint32_t payload = head.payload_size();
  if (payload > head.total) return "a part larger than its message";
  if (!head.part_more() && head.total <= limits::part_bytes_max && payload != head.total) {
    return "the total of a whole message is not the size of its payload";
  }
  if (head.part_more() && head.total <= limits::part_bytes_max) {
    return "a message in parts that would fit into one";
  }
  if (payload == 0 && head.total != 0) return "an empty part";
  if (head.deletion() && head.total != 0) return "a deletion with a payload";
  return nullptr;
}

}  // namespace

// A frame is u32 size, u8 kind, u8 flags, u16 key_size; what follows depends on the kind. The next
// frame begins at the next multiple of 8.
NextFrame next_frame(Bytes buffer) {
  if (buffer.size() < head_bytes) return {};
  Head head;
  std::memcpy(&head, buffer.data(), head_bytes);
  const uint32_t size = head.size;
  if (size < head_bytes) return fault(Reason::frame_malformed, "a frame smaller than its head");
  const auto kind = static_cast<uint8_t>(head.kind);
  if (!known(kind)) return fault(Reason::frame_malformed, "a frame of an unknown kind");
  const bool is_data = head.kind == Kind::data;
  if (size > (is_data ? data_frame_bytes_max : limits::control_frame_bytes_max)) {
    return fault(Reason::frame_too_large, "a frame larger than the limit");
  }
  if (is_data && size < data_head_bytes) {
    return fault(Reason::frame_malformed, "a data frame smaller than its head");
  }
  if (is_data && head.key_size > limits::key_bytes_max) {
    return fault(Reason::frame_too_large, "a key larger than the limit");
  }
  if (!is_data && (head.flags != 0 || head.key_size != 0)) {
    return fault(Reason::frame_malformed, "flags or a key in a frame that is no message");
  }
  const size_t stride = align_up(size, frame_alignment);
  if (buffer.size() < stride) return {};

  NextFrame next;
  next.status = NextFrame::Status::frame;
  next.frame = {head.kind, buffer.first(size)};
  next.consumed = stride;
  if (is_data) {
    if (const char* text = data_fault(next.frame.data())) {
      return fault(Reason::frame_malformed, text);
    }
    if (next.frame.data().payload_size() > limits::part_bytes_max) {
      return fault(Reason::frame_too_large, "a part larger than the limit");
    }
  }
  return next;
}

size_t message_bytes(size_t key_size, size_t payload_size) {
  const size_t parts = part_count(payload_size);
  if (parts == 1) return align_up(data_head_bytes + key_size + payload_size, frame_alignment);
  const size_t last = payload_size - (parts - 1) * limits::part_bytes;
  return align_up(data_head_bytes + key_size + limits::part_bytes, frame_alignment) +
         (parts - 2) * align_up(data_head_bytes + limits::part_bytes, frame_alignment) +
         align_up(data_head_bytes + last, frame_alignment);
}

void append_message(ByteVector& out, DataHead head, Bytes key, Bytes payload) {
  const size_t start = out.size();
  out.resize(start + message_bytes(key.size(), payload.size()));
  std::byte* at = out.data() + start;
  const size_t total = payload.size();
  const uint8_t flags = head.flags;
  do {
    const Bytes part = payload.first(part_size(total, payload.size()));
    payload = payload.subspan(part.size());
    const DataHead sized = part_head(key, part, total);
    head.size = sized.size;
    head.key_size = sized.key_size;
    head.total = sized.total;
    head.flags = payload.empty() ? flags : static_cast<uint8_t>(flags | flag::part_more);
    at += write_data_frame(at, head, key, part);
    key = {};
  } while (!payload.empty());
}

}  // namespace btb::wire
