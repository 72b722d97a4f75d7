// Appending and keeping; reading is in topic_log_read.cc.
#include "broker/log/topic_log.h"

#include <xxhash.h>

#include <algorithm>

namespace btb {

namespace {

constexpr size_t expired_keys_max = 1024;

uint32_t hash_of(Bytes key) {
  return static_cast<uint32_t>(XXH3_64bits(key.data(), key.size()));
}

uint8_t flags_of(const Message& message, wire::Priority priority) {
  return static_cast<uint8_t>((message.deletion ? wire::flag::deletion : 0) |
                              (message.batch_more ? wire::flag::batch_more : 0) |
                              (static_cast<uint8_t>(priority) << wire::flag::priority_shift));
}

}  // namespace

// --- appending ---

Appended TopicLog::append(const Message& message) {
  if (!is_state()) {
    BTB_ASSERT(!message.deletion);
    if (wire::message_bytes(message.key.size(), message.payload.size()) > options_->keep_bytes) {
      return {wire::Reason::message_too_large, 0};  // it would not even keep itself
    }
    const uint64_t seq = last_seq_ + 1;
    write(message, seq);
    last_seq_ = seq;
    trim();
    return {wire::Reason::none, seq};
  }

  const uint32_t hash = hash_of(message.key);
  Location* known = find_key(message.key, hash);
  const bool was_deletion =
      known != nullptr && segments_[index_of(known->segment)]->frame(known->offset).deletion();
  const bool is_new = known == nullptr || was_deletion;
  if (message.deletion && is_new) return {};
  const size_t replaced_bytes =
      known == nullptr ? 0 : segments_[index_of(known->segment)]->frame(known->offset).total;
  const size_t living_bytes = bytes_ - dead_bytes_ + message.payload.size() - replaced_bytes;
  if (!message.deletion &&
      ((is_new && keys() >= options_->keys_max) || living_bytes > options_->state_bytes_max)) {
    return {wire::Reason::topic_full, 0};
  }

  const uint64_t seq = last_seq_ + 1;
  const Location old = known == nullptr ? Location{} : *known;
  const Location made = write(message, seq);
  last_seq_ = seq;
  if (known == nullptr) {
    index_.insert(hash, made);
  } else {
    *known = made;
  }
  if (message.deletion) ++deletions_;
  if (was_deletion) --deletions_;
  if (old.segment != 0) kill(old);
  while (deletions_ > options_->deletions_kept) forget_oldest_deletion();
  return {wire::Reason::none, seq};
}

TopicLog::Location TopicLog::write(const Message& message, uint64_t seq) {
  Bytes key = message.key;
  Bytes rest = message.payload;
  const size_t total = rest.size();
  const uint8_t flags = flags_of(message, options_->priority);
  Location first;
  do {
    const Bytes part = rest.first(std::min<size_t>(rest.size(), limits::part_bytes_max));
    rest = rest.subspan(part.size());
    wire::DataHead head = wire::part_head(key, part, total);
    head.topic = topic_number_;
    head.seq = seq;
    head.time_us = message.time_us;
    head.flags = rest.empty() ? flags : static_cast<uint8_t>(flags | wire::flag::part_more);
    Segment& segment = tail_with_room(head.stride(), first.segment != 0);
    const uint32_t offset = segment.append(head, key, part);
    bytes_ += head.stride();
    if (first.segment == 0) first = {segment.id, offset};
    key = {};
  } while (!rest.empty());
  return first;
}

// Segments grow with what the topic holds, so that a topic with one small row costs a small one and
// a busy one gets large runs to write from.
Segment& TopicLog::tail_with_room(uint32_t stride, bool inside_message) {
  if (!segments_.empty() && segments_.back()->room() >= stride) return *segments_.back();
  uint64_t wanted = 2 * (bytes_ - dead_bytes_);
  if (!is_state()) wanted = std::min(wanted, options_->keep_bytes / 4);
  wanted = std::clamp<uint64_t>(wanted, limits::segment_bytes_min, limits::segment_bytes_max);
  const auto capacity =
      static_cast<uint32_t>(align_up(std::max<uint64_t>(wanted, stride), wire::frame_alignment));
  if (segments_.empty()) segments_.reserve(1);
  segments_.push_back(Segment::create(next_segment_id_++, next_generation_++, capacity));
  segments_.back()->begins_inside_message = inside_message;
  return *segments_.back();
}

// --- the dead ---

TopicLog::Location* TopicLog::find_key(Bytes key, uint32_t hash) {
  return index_.find(hash, [&](const Location& location) {
    return equal(segments_[index_of(location.segment)]->key(location.offset), key);
  });
}

// Kills all parts of the message that begins at `location`.
void TopicLog::kill(Location location) {
  size_t index = index_of(location.segment);
  const size_t first = index;
  uint32_t offset = location.offset;
  for (bool more = true; more;) {
    if (offset == segments_[index]->used()) {
      ++index;
      offset = 0;
    }
    Segment& segment = *segments_[index];
    const wire::DataHead& head = segment.frame(offset);
    more = head.part_more();
    segment.kill(offset);
    dead_bytes_ += head.stride();
    offset += head.stride();
  }
  for (size_t i = index + 1; i-- > first;) compact(i);
}

// Once half of a segment is dead its living frames move to a new one, together with those of the
// segment before it if both are small: so the log holds at most about twice what is alive, and each
// frame moves a bounded number of times. The tail is left alone: it is being filled.
void TopicLog::compact(size_t index) {
  Segment& segment = *segments_[index];
  if (index + 1 == segments_.size() || segment.dead_bytes() * 2 < segment.used()) return;
  const uint32_t living = segment.used() - segment.dead_bytes();
  if (living == 0) {
    bytes_ -= segment.used();
    dead_bytes_ -= segment.dead_bytes();
    segments_.erase(segments_.begin() + static_cast<ptrdiff_t>(index));
    return;
  }
  const Segment* before = index == 0 ? nullptr : segments_[index - 1].get();
  const bool merge = before != nullptr && before->used() + living <= limits::segment_bytes_max / 2;
  const uint32_t capacity = living + (merge ? before->used() - before->dead_bytes() : 0);
  const size_t place = merge ? index - 1 : index;
  SegmentPtr made = Segment::create(segments_[place]->id, next_generation_++, capacity);
  if (merge) move_frames(*before, *made);
  move_frames(segment, *made);
  segments_[place] = std::move(made);
  if (merge) segments_.erase(segments_.begin() + static_cast<ptrdiff_t>(index));
}

// Copies the living frames, and tells the index where those that begin a message are now. A frame
// never moves to a higher offset, and `to` has the id of the first segment moved into it, so no
// location in the index is ambiguous meanwhile.
void TopicLog::move_frames(const Segment& from, Segment& to) {
  bool inside = from.begins_inside_message;
  for (uint32_t offset = 0; offset < from.used();) {
    const wire::DataHead& head = from.frame(offset);
    if (!from.dead(offset)) {
      if (to.used() == 0) to.begins_inside_message = inside;
      const uint32_t made = to.append_copy(from, offset);
      if (!inside) {
        Location* location = index_.find(hash_of(from.key(offset)), [&](const Location& at) {
          return at.segment == from.id && at.offset == offset;
        });
        BTB_ASSERT(location != nullptr);
        *location = {to.id, made};
      }
    }
    inside = head.part_more();
    offset += head.stride();
  }
  bytes_ -= from.dead_bytes();
  dead_bytes_ -= from.dead_bytes();
}

void TopicLog::forget_oldest_deletion() {
  for (const SegmentPtr& segment : segments_) {
    if (segment->deletions() == 0) continue;
    for (uint32_t offset = 0; offset < segment->used(); offset += segment->frame(offset).stride()) {
      const wire::DataHead& head = segment->frame(offset);
      if (segment->dead(offset) || !head.deletion()) continue;
      deletions_forgotten_seq_ = std::max(deletions_forgotten_seq_, head.seq);
      const Bytes key = segment->key(offset);
      index_.erase(find_key(key, hash_of(key)));
      --deletions_;
      kill({segment->id, offset});
      return;
    }
  }
  BTB_ASSERT(false);
}

// --- keeping ---

void TopicLog::drop_front() {
  bytes_ -= segments_.front()->used();
  segments_.erase(segments_.begin());
}

// Whole segments go; between them, floor_seq_ makes the limit by count exact.
void TopicLog::trim() {
  if (options_->keep_count != 0 && last_seq_ > options_->keep_count) {
    floor_seq_ = std::max(floor_seq_, last_seq_ - options_->keep_count + 1);
  }
  while (segments_.size() > 1 &&
         (segments_.front()->last_seq < floor_seq_ || bytes_ > options_->keep_bytes)) {
    drop_front();
  }
  floor_seq_ = std::max(floor_seq_, segments_.front()->begins_inside_message
                                        ? segments_.front()->first_seq + 1
                                        : segments_.front()->first_seq);
}

std::vector<ByteVector> TopicLog::expire(int64_t now_us) {
  if (options_->keep_age_us == 0) return {};
  const int64_t cutoff_us = now_us - options_->keep_age_us;
  if (is_state()) return expired_keys(cutoff_us);
  expire_events(cutoff_us);
  return {};
}

void TopicLog::expire_events(int64_t cutoff_us) {
  while (!segments_.empty() && segments_.front()->time_max_us < cutoff_us) {
    floor_seq_ = std::max(floor_seq_, segments_.front()->end_seq);
    drop_front();
  }
  if (segments_.empty()) {
    floor_seq_ = last_seq_ + 1;
    return;
  }
  const Segment& front = *segments_.front();
  for (uint32_t offset = 0; offset < front.used(); offset += front.frame(offset).stride()) {
    const wire::DataHead& head = front.frame(offset);
    if (head.time_us >= cutoff_us) break;
    floor_seq_ = std::max(floor_seq_, head.seq + 1);
  }
}

std::vector<ByteVector> TopicLog::expired_keys(int64_t cutoff_us) const {
  std::vector<ByteVector> keys;
  for (const SegmentPtr& segment : segments_) {
    bool inside = segment->begins_inside_message;
    for (uint32_t offset = 0; offset < segment->used();) {
      const wire::DataHead& head = segment->frame(offset);
      if (!inside && !segment->dead(offset) && !head.deletion()) {
        if (head.time_us >= cutoff_us || keys.size() == expired_keys_max) return keys;
        const Bytes key = segment->key(offset);
        keys.emplace_back(key.begin(), key.end());
      }
      inside = head.part_more();
      offset += head.stride();
    }
  }
  return keys;
}

void TopicLog::set_options(const TopicOptions& options) {
  BTB_ASSERT(options.kind == options_->kind);
  options_ = &options;
  if (!is_state()) {
    if (!segments_.empty()) trim();
    return;
  }
  while (deletions_ > options_->deletions_kept) forget_oldest_deletion();
}

uint64_t TopicLog::messages() const {
  return is_state() ? keys() : last_seq_ + 1 - first_seq();
}

size_t TopicLog::memory_bytes() const {
  size_t total = index_.memory_bytes() + segments_.capacity() * sizeof(SegmentPtr);
  for (const SegmentPtr& segment : segments_) total += sizeof(Segment) + segment->capacity();
  return total;
}

}  // namespace btb
