#include "broker/log/segment.h"

namespace btb {

static_assert(sizeof(Segment) % wire::frame_alignment == 0, "frames behind the header are aligned");

SegmentPtr Segment::create(uint64_t id, uint64_t generation, uint32_t capacity) {
  BTB_ASSERT(capacity % wire::frame_alignment == 0);
  void* memory = ::operator new(sizeof(Segment) + capacity);
  return SegmentPtr(new (memory) Segment(id, generation, capacity));
}

void SegmentDeleter::operator()(Segment* segment) const noexcept {
  segment->~Segment();
  ::operator delete(segment);
}

void Segment::begin_inside_message(uint32_t part_bytes) {
  BTB_ASSERT(used_ == 0 && part_bytes != 0);
  begins_inside_message = true;
  begin_part_bytes = part_bytes;
  end_part_bytes = part_bytes;
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

void Segment::kill(uint32_t offset, bool first) {
  BTB_ASSERT(offset < used_ && !dead(offset));
  if (dead_bits_ == nullptr) {
    dead_bits_ = std::make_unique<uint64_t[]>((capacity_ >> 9) + 1);
  }
  dead_bits_[offset >> 9] |= uint64_t{1} << ((offset >> 3) & 63);
  const wire::DataHead& head = frame(offset);
  dead_bytes_ += head.stride();
  if (offset + head.stride() > dead_end_) dead_end_ = offset + head.stride();
  if (head.deletion()) --deletions_;
  if (first) --messages_;
}

}  // namespace btb
