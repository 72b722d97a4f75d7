// Flush: planning (what to send), then writing (gather, write, commit, requeue).
#include "broker/session/flush.h"

#include <algorithm>

namespace btb {

namespace {

// Pieces of one write. A follower needs at most `preamble_max` beside its ranges.
constexpr size_t pieces_max = 512;
constexpr size_t preamble_max = 6;
// For one follower, while others of the same priority wait, too.
constexpr size_t quantum_bytes = limits::segment_bytes_max;
// On a link with packets, a write takes one packet. Two are planned, so that the packet is full.
constexpr size_t messages_planned = 2;
// A priority that was due in so many flushes, and sent nothing, goes first once.
constexpr uint8_t waits_max = 8;

constexpr std::array<wire::Priority, Subscriber::priorities> order{
    wire::Priority::alert, wire::Priority::normal, wire::Priority::bulk,
    wire::Priority::background};

fb::TopicT announcement(const Topic& topic, uint64_t position) {
  fb::TopicT message;
  message.number = topic.number;
  message.name = topic.name;
  message.kind = topic.options->kind;
  message.priority = topic.options->priority;
  message.first_seq = topic.log.first_seq();
  message.last_seq = topic.log.last_seq();
  message.position = position;
  message.content = topic.options->content;
  message.secret = topic.options->secret;
  return message;
}

}  // namespace

FlushResult Flush::run(const FlushTarget& target) {
  pieces_.clear();
  planned_.clear();
  control_.clear();
  FlushResult result;
  if (!plan(target)) {
    result.status = FlushResult::Status::overflow;
    return result;
  }
  const size_t total = gather(target.outbox);
  if (total != 0) return write(target, total);
  requeue(pieces_.size());
  return result;
}

// --- planning ---

bool Flush::plan(const FlushTarget& target) {
  size_t budget = target.budget_bytes;
  const size_t message = target.link.packet_bytes_max();
  if (message != 0) budget = std::min(budget, messages_planned * message);
  size_t bytes = target.outbox.size();
  const auto take = [&](DueList& list, size_t wanted) {
    return plan_follower(*list.pop(), wanted, bytes) == Outcome::planned;
  };
  const auto room = [&] { return bytes < budget && pieces_.size() + preamble_max < pieces_max; };

  bool fine = true;
  const PriorityWaits& waits = target.waits;
  const auto longest = std::max_element(waits.begin(), waits.end());
  if (*longest >= waits_max) {
    DueList& list = target.subscriber.due(static_cast<wire::Priority>(longest - waits.begin()));
    if (!list.empty()) fine = take(list, limits::part_bytes_max);
  }
  for (const wire::Priority priority : order) {
    DueList& list = target.subscriber.due(priority);
    while (fine && !list.empty() && room()) {
      const bool alone = list.has_one();
      fine = take(list, alone ? budget - bytes : std::min(quantum_bytes, budget - bytes));
    }
  }
  return fine;
}

Flush::Outcome Flush::plan_follower(Follower& follower, size_t bytes_wanted, size_t& bytes) {
  Topic& topic = *follower.topic;
  const TopicLog& log = topic.log;
  planned_.push_back({&follower, 0, false});
  if (topic.options->kind == wire::TopicKind::state) {
    const uint64_t known = std::max(follower.cursor.next_seq - 1, follower.deletions_from);
    if (log.deletions_forgotten_seq() > known)
      Router::start_over(follower, wire::Reason::deletions_forgotten);
  } else if (follower.cursor.next_seq < log.first_seq()) {
    if (follower.refetch != wire::Reason::none) {
      follower.cursor = log.begin();  // it begins with the message that is the oldest now
    } else if (follower.announced && topic.options->overflow == Overflow::disconnect) {
      return Outcome::overflow;
    }
  }
  Cursor cursor = follower.cursor;
  const size_t control_before = control_.size();
  plan_preamble(follower, cursor);
  plan_gap(follower, cursor);
  const size_t data_bytes = plan_data(follower, cursor, bytes_wanted);
  planned_.back().at_end = log.at_end(cursor);
  if (planned_.back().at_end) plan_completion(follower, cursor);
  planned_.back().pieces_end = static_cast<uint32_t>(pieces_.size());
  bytes += data_bytes + control_.size() - control_before;
  return Outcome::planned;
}

template <class Native>
void Flush::plan_control(What what, Follower& follower, const Cursor& after, const Native& message,
                         uint64_t seq) {
  Piece piece;
  piece.what = what;
  piece.follower = &follower;
  piece.range.after = after;
  piece.control_offset = static_cast<uint32_t>(control_.size());
  wire::append_control(control_, message);
  piece.size = static_cast<uint32_t>(control_.size()) - piece.control_offset;
  piece.seq = seq;
  pieces_.push_back(piece);
}

// What the session has to know of the topic before its next message.
void Flush::plan_preamble(Follower& follower, const Cursor& cursor) {
  const Topic& topic = *follower.topic;
  if (!follower.announced) {
    plan_control(What::announce, follower, cursor, announcement(topic, cursor.next_seq - 1));
  }
  if (follower.refetch != wire::Reason::none) {
    fb::MustRefetchT message;
    message.topic = topic.number;
    message.reason = follower.refetch;
    plan_control(What::refetch, follower, cursor, message);
    if (!follower.snapshot_wanted && topic.log.at_end(cursor)) plan_empty_position(topic);
  }
  if (follower.snapshot_wanted) {
    fb::SnapshotBeginT message;
    message.topic = topic.number;
    message.seq = topic.log.last_seq();
    message.count = topic.log.keys();
    plan_control(What::snapshot_begin, follower, cursor, message);
  }
}

// The topic is empty, so nothing follows the must_refetch. The position says so, in the same piece.
void Flush::plan_empty_position(const Topic& topic) {
  fb::PositionT message;
  message.topic = topic.number;
  message.seq = topic.log.last_seq();
  const size_t before = control_.size();
  wire::append_control(control_, message);
  pieces_.back().size += static_cast<uint32_t>(control_.size() - before);
}

// If an events log has forgotten the messages at the cursor: tells their numbers, and goes on with
// the oldest message that is left.
void Flush::plan_gap(Follower& follower, Cursor& cursor) {
  const Topic& topic = *follower.topic;
  const uint64_t first = topic.log.first_seq();
  if (topic.options->kind != wire::TopicKind::events || cursor.next_seq >= first) return;
  fb::GapT message;
  message.topic = topic.number;
  message.first = cursor.next_seq;
  message.last = first - 1;
  message.reason = follower.announced ? wire::Reason::overflow : wire::Reason::retention;
  const uint64_t missed = message.last - message.first + 1;
  cursor = {first, 0, 0, 0, 0};
  plan_control(What::gap, follower, cursor, message, missed);
  if (follower.announced) return;
  // Announcement and gap go out as one piece: between the two it would look as if the client had
  // fallen behind.
  Piece& announce = pieces_[pieces_.size() - 2];
  announce.size += pieces_.back().size;
  announce.range.after = cursor;
  announce.seq = missed;
  pieces_.pop_back();
}

size_t Flush::plan_data(Follower& follower, Cursor& cursor, size_t bytes_wanted) {
  const size_t room =
      pieces_max - preamble_max > pieces_.size() ? pieces_max - preamble_max - pieces_.size() : 1;
  const size_t count = follower.topic->log.read(
      cursor, follower.deletions_from, bytes_wanted,
      std::span(ranges_).first(std::min(room, ranges_.size())), follower.skipped);
  size_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    pieces_.push_back({What::data, &follower, ranges_[i], 0, ranges_[i].size, 0});
    bytes += ranges_[i].size;
  }
  return bytes;
}

// The follower will have everything. Says so if the client waits for that: at the end of a snapshot
// or a batch, or after frames were left out. Never within a batch, because no half of it may be
// shown.
void Flush::plan_completion(Follower& follower, const Cursor& cursor) {
  const Topic& topic = *follower.topic;
  const uint64_t seq = topic.log.last_seq();
  if (topic.batch_open) return;
  if (follower.snapshot_wanted || follower.in_snapshot) {
    fb::SnapshotEndT message;
    message.topic = topic.number;
    message.seq = seq;
    message.count = topic.log.keys();
    plan_control(What::snapshot_end, follower, cursor, message, seq);
    return;
  }
  const bool batch_ended = topic.closed_seq > follower.position_seq;
  if (!batch_ended && !(follower.skipped && seq > follower.position_seq)) return;
  fb::PositionT message;
  message.topic = topic.number;
  message.seq = seq;
  plan_control(What::position, follower, cursor, message, seq);
}

// --- writing ---

size_t Flush::gather(const Outbox& outbox) {
  iovecs_.clear();
  size_t total = outbox.size();
  if (total != 0) iovecs_.push_back({const_cast<std::byte*>(outbox.unsent().data()), total});
  const auto add = [&](const std::byte* data, size_t size) {
    total += size;
    if (!iovecs_.empty()) {
      iovec& last = iovecs_.back();
      if (static_cast<std::byte*>(last.iov_base) + last.iov_len == data) {
        last.iov_len += size;
        return;
      }
    }
    iovecs_.push_back({const_cast<std::byte*>(data), size});
  };
  for (const Piece& piece : pieces_) {
    add(piece.what == What::data ? piece.range.data : control_.data() + piece.control_offset,
        piece.size);
  }
  return total;
}

// For a link with packets: shortens the packet to the end of the last whole frame, if that lies in
// its last quarter. Then the next frame, perhaps an alert, need not wait for the rest of another
// one.
void Flush::end_with_a_frame(const FlushTarget& target) {
  const size_t room = target.link.packet_bytes_max();
  size_t sum = target.outbox.size(), end = 0;
  for (const Piece& piece : pieces_) {
    if (sum >= room) break;
    const std::byte* data =
        piece.what == What::data ? piece.range.data : control_.data() + piece.control_offset;
    const size_t whole = wire::whole_frames({data, piece.size}, room - sum);
    if (whole != 0) end = sum + whole;
    sum += piece.size;
  }
  if (end < room - room / 4) return;
  for (iovec& range : iovecs_) {
    range.iov_len = std::min(range.iov_len, end);
    end -= range.iov_len;
  }
}

FlushResult Flush::write(const FlushTarget& target, size_t total) {
  if (target.link.packet_bytes_max() != 0) end_with_a_frame(target);
  const IoResult written = target.link.write(iovecs_);
  FlushResult result;
  if (written.status == IoResult::Status::closed || written.status == IoResult::Status::failed) {
    requeue(0);
    result.status = FlushResult::Status::broken;
    result.error = written.error;
    return result;
  }
  result.bytes = written.status == IoResult::Status::ok ? written.bytes : 0;
  result.full = result.bytes < total;
  result.carried = result.bytes != 0 && !pieces_.empty();
  result.cost = result.bytes + pieces_.size() * limits::catch_up_piece_bytes;

  const size_t own = std::min(result.bytes, target.outbox.size());
  target.outbox.sent(own);
  requeue(commit(target, result.bytes - own, result.missed));
  count_waits(target);
  return result;
}

size_t Flush::commit(const FlushTarget& target, size_t bytes, uint64_t& missed) {
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    if (bytes >= piece.size) {
      bytes -= piece.size;
      commit_piece(target, piece, missed);
      continue;
    }
    if (bytes == 0) return i;
    // Cut within this piece: the rest of the frame goes out before anything else.
    if (piece.what == What::data) {
      Bytes rest;
      piece.follower->cursor =
          piece.follower->topic->log.advance(piece.range, static_cast<uint32_t>(bytes), rest);
      target.outbox.add_bytes(rest);
      served(target, *piece.follower);
      return i;
    }
    target.outbox.add_bytes(
        Bytes(control_).subspan(piece.control_offset + bytes, piece.size - bytes));
    commit_piece(target, piece, missed);
    return i + 1;
  }
  return pieces_.size();
}

void Flush::count_missed(const Piece& piece, uint64_t& missed) {
  piece.follower->topic->counters.missed += piece.seq;
  missed += piece.seq;
}

void Flush::served(const FlushTarget& target, const Follower& follower) {
  target.waits[static_cast<size_t>(follower.topic->options->priority)] = 0;
}

// Counts this flush for the priorities that wait; for the others the count begins anew.
void Flush::count_waits(const FlushTarget& target) {
  for (const wire::Priority priority : order) {
    uint8_t& waits = target.waits[static_cast<size_t>(priority)];
    const bool due = !target.subscriber.due(priority).empty();
    waits = due ? static_cast<uint8_t>(std::min(waits + 1, 255)) : 0;
  }
}

void Flush::commit_piece(const FlushTarget& target, const Piece& piece, uint64_t& missed) {
  Follower& follower = *piece.follower;
  follower.cursor = piece.range.after;
  served(target, follower);
  switch (piece.what) {
    case What::announce:
      follower.announced = true;
      count_missed(piece, missed);
      return;
    case What::refetch:
      follower.refetch = wire::Reason::none;
      return;
    case What::snapshot_begin:
      follower.snapshot_wanted = false;
      follower.in_snapshot = true;
      return;
    case What::gap:
      count_missed(piece, missed);
      return;
    case What::data:
      return;
    case What::snapshot_end:
      follower.snapshot_wanted = false;
      follower.in_snapshot = false;
      follower.skipped = false;
      follower.position_seq = piece.seq;
      return;
    case What::position:
      follower.skipped = false;
      follower.position_seq = piece.seq;
      return;
  }
}

// Followers are due again if not all their pieces were sent, or if the log has more for them. If a
// follower only skipped frames up to the end, its cursor has not moved; skipping again costs
// nothing.
void Flush::requeue(size_t settled) {
  for (const Planned& planned : planned_) {
    if (planned.at_end && planned.pieces_end <= settled) continue;
    Follower& follower = *planned.follower;
    if (!follower.due) follower.subscriber->due(follower.topic->options->priority).push(&follower);
  }
}

}  // namespace btb
