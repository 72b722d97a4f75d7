// TopicLog, second part: reading. Cursors, ranges, and finding a message by number, by time or by
// its distance from the end.
#include <algorithm>

#include "broker/log/topic_log.h"

namespace btb {

namespace {

// Moves `cursor` behind the frame with this head, before which it stands.
void step(Cursor& cursor, const wire::DataHead& head) {
  if (cursor.next_seq != head.seq) cursor.part_bytes = 0;
  if (head.part_more()) {
    cursor.next_seq = head.seq;
    cursor.part_bytes += head.payload_size();
  } else {
    cursor.next_seq = head.seq + 1;
    cursor.part_bytes = 0;
  }
  cursor.offset += head.stride();
}

void step_to_end(Cursor& cursor, const Segment& segment) {
  cursor.next_seq = segment.end_seq();
  cursor.part_bytes = segment.end_part_bytes;
  cursor.offset = segment.used();
}

void enter(Cursor& cursor, const Segment& segment) {
  cursor.segment = segment.id;
  cursor.generation = segment.generation;
  cursor.offset = 0;
}

}  // namespace

uint64_t TopicLog::first_seq() const {
  if (is_state()) return segments_.empty() ? last_seq_ + 1 : segments_.front()->first_seq;
  return std::min(floor_seq_, last_seq_ + 1);
}

Cursor TopicLog::end() const {
  Cursor cursor{last_seq_ + 1, 0, 0, 0, 0};
  if (!segments_.empty()) {
    enter(cursor, *segments_.back());
    cursor.offset = segments_.back()->used();
  }
  return cursor;
}

// Segments are in the order of their ids, usually without holes.
size_t TopicLog::index_of(uint64_t id) const {
  const size_t guess = id - segments_.front()->id;
  if (guess < segments_.size() && segments_[guess]->id == id) return guess;
  const auto found = std::lower_bound(
      segments_.begin(), segments_.end(), id,
      [](const SegmentPtr& segment, uint64_t wanted) { return segment->id < wanted; });
  return static_cast<size_t>(found - segments_.begin());
}

// The index of the segment in which the cursor stands. Uses its hint if that is still true, or else
// searches by number and mends the hint. segments_.size() if there is nothing left to read.
size_t TopicLog::locate(Cursor& cursor) const {
  if (segments_.empty()) return 0;
  if (cursor.segment != 0 && cursor.segment >= segments_.front()->id) {
    const size_t index = index_of(cursor.segment);
    if (index < segments_.size() && segments_[index]->id == cursor.segment &&
        segments_[index]->generation == cursor.generation) {
      return index;
    }
  }
  return seek(cursor);
}

// Finds the frame before which the cursor stands, by its number and by the bytes of the message
// that were read already. The first segment with this number holds the first part of the message,
// because all parts are kept and reclaimed together.
size_t TopicLog::seek(Cursor& cursor) const {
  const auto found = std::lower_bound(
      segments_.begin(), segments_.end(), cursor.next_seq,
      [](const SegmentPtr& segment, uint64_t seq) { return segment->last_seq < seq; });
  uint32_t passed = 0;
  for (auto at = found; at != segments_.end(); ++at) {
    const Segment& segment = **at;
    enter(cursor, segment);
    for (; cursor.offset < segment.used(); cursor.offset += segment.frame(cursor.offset).stride()) {
      const wire::DataHead& head = segment.frame(cursor.offset);
      const bool reached = head.seq > cursor.next_seq ||
                           (head.seq == cursor.next_seq && passed >= cursor.part_bytes);
      if (reached) return static_cast<size_t>(at - segments_.begin());
      if (head.seq == cursor.next_seq) passed += head.payload_size();
    }
  }
  return segments_.size();
}

size_t TopicLog::read(Cursor& cursor, uint64_t deletions_from, size_t bytes_wanted,
                      std::span<LogRange> out, bool& skipped) const {
  size_t count = 0;
  size_t bytes = 0;
  for (size_t index = locate(cursor); index < segments_.size() && count < out.size();) {
    const Segment& segment = *segments_[index];
    if (cursor.offset == segment.used()) {
      if (++index < segments_.size()) enter(cursor, *segments_[index]);
      continue;
    }
    if (bytes >= bytes_wanted) break;
    const bool whole = cursor.offset >= segment.dead_end() &&
                       (segment.deletions() == 0 || segment.first_seq > deletions_from);
    size_t made = 1;
    if (whole) {
      LogRange& range = out[count];
      range = {segment.data() + cursor.offset, segment.used() - cursor.offset, cursor, cursor};
      step_to_end(range.after, segment);
      cursor = range.after;
    } else {
      made = read_living(cursor, segment, deletions_from, out.subspan(count), skipped);
    }
    for (size_t i = count; i < count + made; ++i) bytes += out[i].size;
    count += made;
  }
  return count;
}

// The runs of frames to send in one segment, from the cursor on.
size_t TopicLog::read_living(Cursor& cursor, const Segment& segment, uint64_t deletions_from,
                             std::span<LogRange> out, bool& skipped) const {
  size_t count = 0;
  bool in_run = false;
  while (cursor.offset < segment.used()) {
    const wire::DataHead& head = segment.frame(cursor.offset);
    const bool leave_out =
        segment.dead(cursor.offset) || (head.deletion() && head.seq <= deletions_from);
    if (leave_out) {
      skipped = true;
      in_run = false;
      step(cursor, head);
      cursor.part_bytes = 0;
      continue;
    }
    if (!in_run) {
      if (count == out.size()) return count;
      out[count++] = {segment.data() + cursor.offset, 0, cursor, cursor};
      in_run = true;
    }
    LogRange& run = out[count - 1];
    run.size += head.stride();
    step(cursor, head);
    run.after = cursor;
  }
  return count;
}

Cursor TopicLog::advance(const LogRange& range, uint32_t bytes, Bytes& rest) const {
  Cursor cursor = range.before;
  uint32_t passed = 0;
  while (passed < bytes) {
    const auto& head = *reinterpret_cast<const wire::DataHead*>(range.data + passed);
    passed += head.stride();
    step(cursor, head);
  }
  rest = {range.data + bytes, passed - bytes};
  return cursor;
}

uint64_t TopicLog::seq_at_time(int64_t time_us, uint64_t& passed) const {
  for (const SegmentPtr& segment : segments_) {
    if (segment->time_max_us < time_us) continue;
    for (uint32_t offset = 0; offset < segment->used(); offset += segment->frame(offset).stride()) {
      const wire::DataHead& head = segment->frame(offset);
      ++passed;
      if (head.time_us >= time_us && head.seq >= first_seq()) return head.seq;
    }
  }
  return last_seq_ + 1;
}

uint64_t TopicLog::seq_from_end(uint64_t count, uint64_t& passed) const {
  if (count == 0) return last_seq_ + 1;
  if (!is_state()) {
    return std::max(first_seq(), last_seq_ >= count ? last_seq_ - count + 1 : 1);
  }
  for (size_t index = segments_.size(); index-- > 0;) {
    const Segment& segment = *segments_[index];
    ++passed;
    if (segment.messages() < count) {
      count -= segment.messages();
      continue;
    }
    uint64_t before = segment.messages() - count;  // messages of this segment to pass
    bool inside = segment.begins_inside_message;
    for (uint32_t offset = 0; offset < segment.used();) {
      const wire::DataHead& head = segment.frame(offset);
      ++passed;
      if (!inside && !segment.dead(offset) && before-- == 0) return head.seq;
      inside = head.part_more();
      offset += head.stride();
    }
  }
  return first_seq();
}

uint64_t TopicLog::bytes_behind(const Cursor& cursor) const {
  Cursor at = cursor;
  const size_t index = locate(at);
  if (index >= segments_.size()) return 0;
  uint64_t bytes = segments_[index]->used() - at.offset;
  for (size_t i = index + 1; i < segments_.size(); ++i) bytes += segments_[i]->used();
  return bytes;
}

}  // namespace btb
