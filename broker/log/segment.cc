#include "broker/log/segment.h"

namespace btb {

static_assert(sizeof(Segment) % wire::frame_alignment == 0, "frames behind the header are aligned");

SegmentPtr Segment::create(uint32_t id, uint32_t generation, uint32_t capacity) {
  BTB_ASSERT(capacity % wire::frame_alignment == 0);
  void* memory = ::operator new(sizeof(Segment) + capacity);
  return SegmentPtr(new (memory) Segment(id, generation, capacity));
}

void SegmentDeleter::operator()(Segment* segment) const noexcept {
  segment->~Segment();
  ::operator delete(segment);
}

void Segment::note(const wire::DataHead& head) {
  if (first_seq == 0) {
    first_seq = head.seq;
    end_seq = head.seq;
  }
  if (head.seq != end_seq) end_part_bytes = 0;
  last_seq = head.seq;
  if (head.part_more()) {
    end_seq = head.seq;
    end_part_bytes += head.payload_size();
  } else {
    end_seq = head.seq + 1;
    end_part_bytes = 0;
  }
  if (head.time_us > time_max_us) time_max_us = head.time_us;
  if (head.deletion()) ++deletions_;
}

uint32_t Segment::append(const wire::DataHead& head, Bytes key, Bytes payload) {
  BTB_ASSERT(head.stride() <= room());
  const uint32_t offset = used_;
  used_ += static_cast<uint32_t>(wire::write_data_frame(writable() + offset, head, key, payload));
  note(head);
  return offset;
}

uint32_t Segment::append_copy(const Segment& from, uint32_t offset) {
  const wire::DataHead& head = from.frame(offset);
  BTB_ASSERT(head.stride() <= room());
  const uint32_t at = used_;
  std::memcpy(writable() + at, from.data() + offset, head.stride());
  used_ += head.stride();
  note(head);
  return at;
}

void Segment::kill(uint32_t offset) {
  BTB_ASSERT(offset < used_ && !dead(offset));
  if (dead_bits_ == nullptr) {
    dead_bits_ = std::make_unique<uint64_t[]>((capacity_ >> 9) + 1);
  }
  dead_bits_[offset >> 9] |= uint64_t{1} << ((offset >> 3) & 63);
  const wire::DataHead& head = frame(offset);
  dead_bytes_ += head.stride();
  if (offset + head.stride() > dead_end_) dead_end_ = offset + head.stride();
  if (head.deletion()) --deletions_;
}

}  // namespace btb
