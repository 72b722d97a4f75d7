// TopicLog, first part: appending, superseding and compacting, keeping within the limits. Reading
// is in topic_log_read.cc.
#include "broker/log/topic_log.h"

#include <xxhash.h>

#include <algorithm>
#include <random>

namespace btb {

namespace {

// Random in each run: with a known seed a client could choose keys that all have the same hash.
const uint64_t hash_seed = std::random_device()();

uint32_t hash_of(Bytes key) {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(key.data(), key.size(), hash_seed));
}

uint8_t flags_of(const Message& message, wire::Priority priority) {
  return static_cast<uint8_t>((message.deletion ? wire::flag::deletion : 0) |
                              (message.batch_more ? wire::flag::batch_more : 0) |
                              (static_cast<uint8_t>(priority) << wire::flag::priority_shift));
}

}  // namespace

// --- appending ---

Appended TopicLog::append(const Message& message, bool may_grow) {
  if (!is_state()) {
    BTB_ASSERT(!message.deletion);
    if (wire::message_bytes(message.key.size(), message.payload.size()) > options_->keep_bytes) {
      return {wire::Reason::message_too_large, 0};  // the log could not even keep this one
    }
    if (!may_grow) return {wire::Reason::memory_full, 0};
    const uint64_t seq = last_seq_ + 1;
    write(message, seq);
    last_seq_ = seq;
    trim();
    return {wire::Reason::none, seq};
  }

  const uint32_t hash = hash_of(message.key);
  Location* known = find_key(message.key, hash);
  const bool was_deletion =
      known != nullptr && segments_[index_of(known->segment())]->frame(known->offset()).deletion();
  const bool is_new = known == nullptr || was_deletion;
  if (message.deletion && is_new) return {};
  const size_t replaced_bytes =
      known == nullptr ? 0 : segments_[index_of(known->segment())]->frame(known->offset()).total;
  const size_t living_bytes = bytes_ - dead_bytes_ + message.payload.size() - replaced_bytes;
  if (!message.deletion &&
      ((is_new && keys() >= options_->keys_max) || living_bytes > options_->state_bytes_max)) {
    return {wire::Reason::topic_full, 0};
  }
  if (!may_grow && !message.deletion && (is_new || message.payload.size() > replaced_bytes)) {
    return {wire::Reason::memory_full, 0};
  }

  const uint64_t seq = last_seq_ + 1;
  const uint64_t tail = segments_.empty() ? 0 : segments_.back()->id;
  const Location old = known == nullptr ? Location{} : *known;
  const Location made = write(message, seq);
  last_seq_ = seq;
  if (known == nullptr) {
    held_bytes_ -= index_.memory_bytes();
    index_.insert(hash, made);
    held_bytes_ += index_.memory_bytes();
  } else {
    *known = made;
  }
  if (message.deletion) ++deletions_;
  if (was_deletion) --deletions_;
  if (!old.nowhere()) kill(old);
  while (deletions_ > options_->deletions_kept) forget_oldest_deletion();
  if (tail != 0 && tail != segments_.back()->id) compact_former_tail(tail);
  return {wire::Reason::none, seq};
}

TopicLog::Location TopicLog::write(const Message& message, uint64_t seq) {
  Bytes key = message.key;
  Bytes rest = message.payload;
  const size_t total = rest.size();
  const uint8_t flags = flags_of(message, options_->priority);
  uint64_t first_segment = 0;
  uint32_t first_offset = 0;
  do {
    const Bytes part = rest.first(wire::part_size(total, rest.size()));
    rest = rest.subspan(part.size());
    wire::DataHead head = wire::part_head(key, part, total);
    head.topic = topic_number_;
    head.seq = seq;
    head.time_us = message.time_us;
    head.flags = rest.empty() ? flags : static_cast<uint8_t>(flags | wire::flag::part_more);
    const bool fits = !segments_.empty() && segments_.back()->room() >= head.stride();
    Segment& segment = fits ? *segments_.back() : add_tail(head.stride());
    const uint32_t offset = segment.append(head, key, part);
    bytes_ += head.stride();
    if (first_segment == 0) {
      first_segment = segment.id;
      first_offset = offset;
    }
    key = {};
  } while (!rest.empty());
  return {first_segment, first_offset};
}

// Segments grow with what the topic holds: a topic with one small row costs a small segment, and a
// busy topic has large runs to write from.
Segment& TopicLog::add_tail(uint32_t stride) {
  uint64_t wanted = 2 * (bytes_ - dead_bytes_);
  if (!is_state()) wanted = std::min(wanted, options_->keep_bytes / 4);
  wanted = std::clamp<uint64_t>(wanted, limits::segment_bytes_min, limits::segment_bytes_max);
  const auto capacity =
      static_cast<uint32_t>(align_up(std::max<uint64_t>(wanted, stride), wire::frame_alignment));
  const uint32_t part_bytes = segments_.empty() ? 0 : segments_.back()->end_part_bytes;
  if (segments_.empty()) segments_.reserve(1);
  segments_.push_back(Segment::create(next_segment_id_++, next_generation_++, capacity));
  took(segments_.back());
  if (part_bytes != 0) segments_.back()->begin_inside_message(part_bytes);
  return *segments_.back();
}

// --- superseded frames ---

TopicLog::Location* TopicLog::find_key(Bytes key, uint32_t hash) {
  return index_.find(hash, [&](const Location& location) {
    return equal(segments_[index_of(location.segment())]->key(location.offset()), key);
  });
}

// Marks all parts of the message that begins at `location` as superseded.
void TopicLog::kill(Location location) {
  size_t index = index_of(location.segment());
  const size_t first = index;
  uint32_t offset = location.offset();
  bool begins = true;
  for (bool more = true; more;) {
    if (offset == segments_[index]->used()) {
      ++index;
      offset = 0;
    }
    Segment& segment = *segments_[index];
    const wire::DataHead& head = segment.frame(offset);
    more = head.part_more();
    segment.kill(offset, begins);
    begins = false;
    dead_bytes_ += head.stride();
    offset += head.stride();
  }
  for (size_t i = index + 1; i-- > first;) compact(i);
}

// When half of a segment is superseded, its other frames move to a new segment, together with those
// of the segment before it if both are small. So the log takes at most about twice the bytes of its
// living frames, and each frame moves a bounded number of times. The tail stays as it is, because
// it is being filled.
void TopicLog::compact(size_t index) {
  Segment& segment = *segments_[index];
  if (index + 1 == segments_.size() || segment.dead_bytes() * 2 < segment.used()) return;
  const uint32_t living = segment.used() - segment.dead_bytes();
  if (living == 0) {
    bytes_ -= segment.used();
    dead_bytes_ -= segment.dead_bytes();
    gave(segments_[index]);
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
  gave(segments_[place]);
  segments_[place] = std::move(made);
  took(segments_[place]);
  if (!merge) return;
  gave(segments_[index]);
  segments_.erase(segments_.begin() + static_cast<ptrdiff_t>(index));
}

// A segment is not compacted while it is the tail. When a new tail comes, this makes up for it:
// perhaps no other frame of the segment will ever be superseded.
void TopicLog::compact_former_tail(uint64_t id) {
  const size_t index = index_of(id);
  if (segments_[index]->id == id) compact(index);
}

// Copies the living frames, and tells the index where those that begin a message are now. A frame
// never moves to a higher offset, and `to` has the id of the first segment moved into it, so no
// location in the index is ambiguous meanwhile.
void TopicLog::move_frames(const Segment& from, Segment& to) {
  bool inside = from.begins_inside_message;
  for (uint32_t offset = 0; offset < from.used();) {
    const wire::DataHead& head = from.frame(offset);
    if (!from.dead(offset)) {
      if (to.used() == 0 && inside) to.begin_inside_message(from.begin_part_bytes);
      const uint32_t made = to.append_copy(from, offset);
      if (!inside) {
        Location* location = index_.find(hash_of(from.key(offset)), [&](const Location& at) {
          return at == Location(from.id, offset);
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

// New deletions come at the end only, so each search begins behind the deletion that was forgotten
// last. All searches together pass each frame once, and once more after its segment was compacted.
void TopicLog::forget_oldest_deletion() {
  Cursor& at = deletions_begin_;
  for (size_t index = locate(at); index < segments_.size(); ++index) {
    const Segment& segment = *segments_[index];
    if (segment.id != at.segment) at.offset = 0;
    while (segment.deletions() != 0 && at.offset < segment.used()) {
      const uint32_t offset = at.offset;
      const wire::DataHead& head = segment.frame(offset);
      at.offset += head.stride();
      if (segment.dead(offset) || !head.deletion()) continue;
      at = {head.seq + 1, 0, at.offset, segment.id, segment.generation};
      deletions_forgotten_seq_ = std::max(deletions_forgotten_seq_, head.seq);
      const Bytes key = segment.key(offset);
      index_.erase(find_key(key, hash_of(key)));
      --deletions_;
      kill({segment.id, offset});
      return;
    }
  }
  BTB_ASSERT(false);
}

// --- keeping ---

// Segments of a state log get the bits for superseded frames only when they need them. They are
// counted from the beginning.
uint64_t TopicLog::segment_bytes(const Segment& segment) const {
  const uint64_t bits = is_state() ? segment.capacity() / 64 + 8 : 0;
  return sizeof(Segment) + segment.capacity() + bits;
}

uint64_t TopicLog::drop_oldest() {
  const uint64_t before = first_seq();
  floor_seq_ = std::max(floor_seq_, segments_.front()->end_seq());
  drop_front();
  // A message that began in what was dropped has lost its beginning.
  while (!segments_.empty() && segments_.front()->begins_inside_message) {
    floor_seq_ = std::max(floor_seq_, segments_.front()->first_seq + 1);
    if (segments_.front()->last_seq >= floor_seq_) break;
    drop_front();
  }
  return first_seq() - before;
}

void TopicLog::drop_front() {
  bytes_ -= segments_.front()->used();
  gave(segments_.front());
  segments_.erase(segments_.begin());
}

// Drops whole segments only; floor_seq_ makes the limit by count exact. The newest message is never
// cut: its first parts may lie in the front segment, behind older messages.
void TopicLog::trim() {
  const auto cuts_newest = [&] {
    return segments_[1]->begins_inside_message && segments_[1]->first_seq == last_seq_;
  };
  if (options_->keep_count != 0 && last_seq_ > options_->keep_count) {
    floor_seq_ = std::max(floor_seq_, last_seq_ - options_->keep_count + 1);
  }
  while (segments_.size() > 1 && (segments_.front()->last_seq < floor_seq_ ||
                                  (bytes_ > options_->keep_bytes && !cuts_newest()))) {
    drop_front();
  }
  floor_seq_ = std::max(floor_seq_, segments_.front()->begins_inside_message
                                        ? segments_.front()->first_seq + 1
                                        : segments_.front()->first_seq);
}

// Visits the first frame of each row, oldest first, until visit(segment, offset) says false.
template <class Visit>
void TopicLog::for_each_row(Visit visit) const {
  for (const SegmentPtr& segment : segments_) {
    bool inside = segment->begins_inside_message;
    for (uint32_t offset = 0; offset < segment->used();) {
      const wire::DataHead& head = segment->frame(offset);
      if (!inside && !segment->dead(offset) && !head.deletion() && !visit(*segment, offset)) return;
      inside = head.part_more();
      offset += head.stride();
    }
  }
}

// The keys of the oldest rows, up to the first one for which old(head) is false, at most
// keys_at_once.
template <class Old>
std::vector<ByteVector> TopicLog::oldest_keys(Old old) const {
  std::vector<ByteVector> keys;
  for_each_row([&](const Segment& segment, uint32_t offset) {
    if (keys.size() == keys_at_once || !old(segment.frame(offset))) return false;
    const Bytes key = segment.key(offset);
    keys.emplace_back(key.begin(), key.end());
    return true;
  });
  return keys;
}

std::vector<ByteVector> TopicLog::expire(int64_t now_us) {
  if (options_->keep_age_us == 0) return {};
  const int64_t cutoff_us = now_us - options_->keep_age_us;
  if (is_state()) {
    return oldest_keys([&](const wire::DataHead& head) { return head.time_us < cutoff_us; });
  }
  expire_events(cutoff_us);
  return {};
}

void TopicLog::expire_events(int64_t cutoff_us) {
  while (!segments_.empty() && segments_.front()->time_max_us < cutoff_us) {
    floor_seq_ = std::max(floor_seq_, segments_.front()->end_seq());
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

std::vector<ByteVector> TopicLog::keys_until(uint64_t until_seq) const {
  return oldest_keys([&](const wire::DataHead& head) { return head.seq <= until_seq; });
}

uint64_t TopicLog::rows_until(uint64_t until_seq) const {
  uint64_t rows = 0;
  for_each_row([&](const Segment& segment, uint32_t offset) {
    if (segment.frame(offset).seq > until_seq) return false;
    ++rows;
    return true;
  });
  return rows;
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
