#include "broker/session/flush.h"

#include <algorithm>
#include <cstring>

#include "broker/session/sessions.h"

namespace btb {

namespace {

// Pieces of one write. A follower needs at most `preamble_max` beside its ranges.
constexpr size_t pieces_max = 512;
constexpr size_t preamble_max = 6;
// Of one follower while others of its priority wait too.
constexpr size_t quantum_bytes = limits::segment_bytes_max;
// Where a write is one message of a kilobyte or so: one of them is written.
constexpr size_t messages_planned = 2;
// So many flushes a priority waits for the others, without a byte of its own on its way, before it
// goes first once.
constexpr uint8_t patience_max = 8;

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

size_t Flush::run(Session& session) {
  pieces_.clear();
  planned_.clear();
  control_.clear();
  if (session.publications_.acks_due()) session.publications_.append_acks();
  if (!plan(session)) return 0;
  const size_t total = gather(session);
  if (total == 0) {
    requeue(pieces_.size());
    session.behind_ = session.has_due();
    return 0;
  }
  return write(session, total) + pieces_.size() * limits::catch_up_piece_bytes;
}

// --- planning ---

bool Flush::plan(Session& session) {
  size_t budget = session.sessions_.limits.flush_budget_bytes;
  const size_t message = session.link_.message_bytes_max();
  if (message != 0) budget = std::min(budget, messages_planned * message);
  size_t bytes = session.unsent();
  const auto take = [&](DueList& list, size_t wanted) {
    return plan_follower(*list.pop(), wanted, bytes) == Outcome::planned;
  };
  const auto room = [&] { return bytes < budget && pieces_.size() + preamble_max < pieces_max; };

  bool fine = true;
  auto& waited = session.waited_;
  const auto longest = std::max_element(waited.begin(), waited.end());
  if (*longest >= patience_max) {
    DueList& list = session.due(static_cast<wire::Priority>(longest - waited.begin()));
    if (!list.empty()) fine = take(list, limits::part_bytes_max);
  }
  for (const wire::Priority priority : order) {
    DueList& list = session.due(priority);
    while (fine && !list.empty() && room()) {
      const bool alone = list.has_one();
      fine = take(list, alone ? budget - bytes : std::min(quantum_bytes, budget - bytes));
    }
  }
  if (!fine) {
    session.close(wire::Reason::overflow, "fell further behind than the topic keeps");
    return false;
  }
  return true;
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
      follower.cursor = log.begin();  // it begins with the oldest, whichever that is by now
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

// Nothing will follow a must_refetch: that this is all has to be said with it, in one piece.
void Flush::plan_empty_position(const Topic& topic) {
  fb::PositionT message;
  message.topic = topic.number;
  message.seq = topic.log.last_seq();
  const size_t before = control_.size();
  wire::append_control(control_, message);
  pieces_.back().size += static_cast<uint32_t>(control_.size() - before);
}

// An events log that no longer reaches back to the cursor: say what is missing, go on where it
// begins.
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

// The follower has all there is: say so where the client waits for it. Not within a batch, of which
// no half may be shown.
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

size_t Flush::gather(const Session& session) {
  iovecs_.clear();
  size_t total = session.unsent();
  if (total != 0) {
    iovecs_.push_back({const_cast<std::byte*>(session.out_.data()) + session.out_sent_, total});
  }
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

// One message of a link that carries messages: ends behind the last frame that ends in its last
// quarter. What comes next, an alert say, need not wait for the rest of a frame then.
void Flush::end_with_a_frame(const Session& session) {
  const size_t room = session.link_.message_bytes_max();
  size_t sum = session.unsent(), end = 0;
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

size_t Flush::write(Session& session, size_t total) {
  if (session.link_.message_bytes_max() != 0) end_with_a_frame(session);
  const LinkResult result = session.link_.write(iovecs_);
  if (result.status == LinkResult::Status::closed || result.status == LinkResult::Status::failed) {
    requeue(0);
    session.end(
        {wire::Reason::peer_failed, SessionEnd::By::connection, std::strerror(result.error)});
    return 0;
  }
  size_t bytes = result.status == LinkResult::Status::ok ? result.bytes : 0;
  session.counters_.sent_bytes += bytes;
  if (bytes != 0) {
    session.wrote_ms_ = session.sessions_.now_ms_;
    if (!pieces_.empty()) session.carried_ms_ = session.wrote_ms_;
  }
  const bool full = bytes < total;

  const size_t own = std::min(bytes, session.unsent());
  session.out_sent_ += own;
  session.drop_sent();
  requeue(commit(session, bytes - own));
  grow_impatient(session);
  session.behind_ = session.has_due();
  if (full) {
    session.blocked = true;
    session.link_.want_writable(true);
  } else if (session.behind_) {
    session.sessions_.catch_up(session);
  }
  return bytes;
}

size_t Flush::commit(Session& session, size_t bytes) {
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    if (bytes >= piece.size) {
      bytes -= piece.size;
      commit_piece(session, piece);
      continue;
    }
    if (bytes == 0) return i;
    // Cut within this piece: what is left of the frame goes out before anything else.
    if (piece.what == What::data) {
      Bytes rest;
      piece.follower->cursor =
          piece.follower->topic->log.advance(piece.range, static_cast<uint32_t>(bytes), rest);
      append(session.out_, rest);
      served(session, *piece.follower);
      return i;
    }
    append(session.out_, Bytes(control_).subspan(piece.control_offset + bytes, piece.size - bytes));
    commit_piece(session, piece);
    return i + 1;
  }
  return pieces_.size();
}

void Flush::count_missed(Session& session, const Piece& piece) {
  piece.follower->topic->counters.missed += piece.seq;
  session.counters_.missed_messages += piece.seq;
}

void Flush::served(Session& session, const Follower& follower) {
  session.waited_[static_cast<size_t>(follower.topic->options->priority)] = 0;
}

// Counts this flush for the priorities that wait, and for the others begins anew.
void Flush::grow_impatient(Session& session) {
  for (const wire::Priority priority : order) {
    uint8_t& waited = session.waited_[static_cast<size_t>(priority)];
    waited = session.due(priority).empty() ? 0 : static_cast<uint8_t>(std::min(waited + 1, 255));
  }
}

void Flush::commit_piece(Session& session, const Piece& piece) {
  Follower& follower = *piece.follower;
  follower.cursor = piece.range.after;
  served(session, follower);
  switch (piece.what) {
    case What::announce:
      follower.announced = true;
      count_missed(session, piece);
      return;
    case What::refetch:
      follower.refetch = wire::Reason::none;
      return;
    case What::snapshot_begin:
      follower.snapshot_wanted = false;
      follower.in_snapshot = true;
      return;
    case What::gap:
      count_missed(session, piece);
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

// Followers whose pieces were not all settled, or that have more behind them, are due again. One
// that skipped to the end without a piece stays where its cursor was; it costs nothing to skip
// again.
void Flush::requeue(size_t settled) {
  for (const Planned& planned : planned_) {
    if (planned.at_end && planned.pieces_end <= settled) continue;
    Follower& follower = *planned.follower;
    if (!follower.due) follower.subscriber->due(follower.topic->options->priority).push(&follower);
  }
}

}  // namespace btb
