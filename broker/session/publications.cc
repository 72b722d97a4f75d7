// Publications: opening topics, taking whole messages and parts, refusing, and the memory of
// unfinished messages.
#include "broker/session/publications.h"

#include <algorithm>

namespace btb {

namespace {

// Built where it is used and passed on by reference: copying it costs as much as the lookup of its
// topic. Inlined, for the same reason.
inline Message message_of(const wire::DataHead& head, Bytes key, Bytes payload, int64_t now_us) {
  Message message;
  message.key = key;
  message.payload = payload;
  message.time_us = head.time_us <= 0 || head.time_us > now_us ? now_us : head.time_us;
  message.deletion = head.deletion();
  message.batch_more = head.batch_more();
  return message;
}

}  // namespace

void Publications::open(Topic& topic, wire::AckLevel ack) {
  Publication* known = find(topic.number);
  if (known == nullptr) {
    by_number_.insert(place_of(topic.number), {topic.number, static_cast<uint32_t>(open_.size())});
    open_.emplace_back();
    known = &open_.back();
    known->topic = &topic;
    ++topic.open;
  }
  known->ack = ack;
}

Publications::Publication* Publications::find(uint32_t topic) {
  if (last_ < open_.size() && open_[last_].topic->number == topic) return &open_[last_];
  const auto place = place_of(topic);
  if (place == by_number_.end() || place->topic != topic) return nullptr;
  last_ = place->index;
  return &open_[last_];
}

// The first place with this topic number or a higher one.
std::vector<Publications::Place>::iterator Publications::place_of(uint32_t topic) {
  return std::lower_bound(by_number_.begin(), by_number_.end(), topic,
                          [](const Place& at, uint32_t number) { return at.topic < number; });
}

void Publications::take(const wire::FrameView& frame, Router& router, int64_t now_us,
                        uint32_t message_bytes_max, uint64_t now_ms) {
  const wire::DataHead& head = frame.data();
  Publication* to = find(head.topic);
  if (to == nullptr) {
    append_reject(head.topic, head.seq, wire::Reason::topic_unknown);
    return;
  }
  const bool part = head.part_more() || head.total != head.payload_size();
  if (to->in_parts && (!part || head.seq != to->partial_seq)) {
    wire::DataHead cut;
    cut.topic = head.topic;
    cut.seq = to->partial_seq;
    cut.flags = wire::flag::batch_more;  // the message that came now says whether more follow
    if (!to->partial_refused) refuse(*to, cut, wire::Reason::part_out_of_order, router);
    drop_partial(*to);
  }
  if (part) {
    take_part(*to, frame, router, now_us, message_bytes_max, now_ms);
  } else if (const auto reason = objection(*to, head.total, message_bytes_max);
             reason != wire::Reason::none) {
    refuse(*to, head, reason, router);
  } else {
    publish(*to, head.seq, message_of(head, frame.key(), frame.payload(), now_us), router);
  }
}

// The right to publish is checked again: a reload may have taken it after the topic was opened.
wire::Reason Publications::objection(const Publication& to, size_t bytes, size_t bytes_max) const {
  if (!allowed || !to.topic->options->client_publish) return wire::Reason::not_allowed;
  return bytes > bytes_max ? wire::Reason::message_too_large : wire::Reason::none;
}

// The first part brings the key and says how large the message will be. If the message is refused,
// its other parts are ignored.
void Publications::take_part(Publication& to, const wire::FrameView& frame, Router& router,
                             int64_t now_us, uint32_t message_bytes_max, uint64_t now_ms) {
  const wire::DataHead& head = frame.data();
  if (!to.in_parts) {
    to.in_parts = true;
    to.partial_seq = head.seq;
    wire::Reason reason = objection(to, partial_bytes_ + head.total, message_bytes_max);
    if (reason == wire::Reason::none && !make_room(head.total, now_ms, router)) {
      reason = wire::Reason::memory_full;
    }
    to.partial_refused = reason != wire::Reason::none;
    to.partial_key.assign(frame.key().begin(), frame.key().end());
    count_unfinished(to, to.partial_refused ? 0 : head.total);
    to.partial.reserve(to.partial_total);  // growing in steps could take twice as much
    if (!to.partial_refused) begin(to, now_ms);
    if (to.partial_refused) refuse(to, head, reason, router);
  }
  if (to.begun) moved(to, now_ms);
  const size_t size = to.partial.size() + head.payload_size();
  const bool fits =
      head.total == to.partial_total && (head.part_more() ? size < head.total : size == head.total);
  if (!to.partial_refused && !fits) {
    to.partial_refused = true;
    refuse(to, head, wire::Reason::part_out_of_order, router);
  }
  if (!to.partial_refused) append(to.partial, frame.payload());
  if (head.part_more()) return;
  if (const auto reason = objection(to, 0, 0);
      reason != wire::Reason::none && !to.partial_refused) {
    refuse(to, head, reason, router);
  } else if (to.partial_refused) {
    end_batch(to, head, router);
  } else {
    publish(to, head.seq, message_of(head, to.partial_key, to.partial, now_us), router);
  }
  drop_partial(to);
}

void Publications::publish(Publication& to, uint64_t published, const Message& message,
                           Router& router) {
  to.batch_open = message.batch_more;
  const PublishResult result = router.publish(*to.topic, message);
  if (result.reason == wire::Reason::none) return settle(to, published, result.seq);
  to.published = published;
  const bool by_topic = result.reason == wire::Reason::message_too_large;
  append_reject(to.topic->number, published, result.reason,
                by_topic ? "the topic keeps " + std::to_string(to.topic->options->keep_bytes) +
                               " bytes (keep.bytes)"
                         : "");
}

void Publications::settle(Publication& to, uint64_t published, uint64_t seq) {
  to.published = published;
  to.seq = seq;
  if (to.ack == wire::AckLevel::none) return;
  if (to.ack_due) return;
  to.ack_due = true;
  acks_due_.push_back(static_cast<uint32_t>(&to - open_.data()));
}

void Publications::refuse(Publication& to, const wire::DataHead& head, wire::Reason reason,
                          Router& router) {
  ++to.topic->counters.rejected;
  to.published = head.seq;
  append_reject(head.topic, head.seq, reason);
  end_batch(to, head, router);
}

// A message that was not taken may have been the last of its batch.
void Publications::end_batch(Publication& to, const wire::DataHead& head, Router& router) {
  if (head.batch_more() || head.part_more() || !to.batch_open) return;
  to.batch_open = false;
  router.close_batch(*to.topic);
}

void Publications::append_reject(uint32_t topic, uint64_t published, wire::Reason reason,
                                 std::string text) {
  ++refusals_[reason];
  fb::RejectT message;
  message.text = std::move(text);
  message.topic = topic;
  message.published = published;
  message.reason = reason;
  outbox_.add(message);
}

bool Publications::has_room(size_t bytes) const {
  const bool all = unfinished_.bytes + bytes <= unfinished_.bytes_max;
  const bool own = account_->unfinished_bytes + bytes <= unfinished_.bytes_max / 2;
  return all && own;
}

// Makes room for so many more bytes, if necessary by cutting messages that got no part for long.
// Looks at a bounded number of them, so that many small ones do not block the loop.
bool Publications::make_room(size_t bytes, uint64_t now_ms, Router& router) {
  if (bytes > unfinished_.bytes_max / 2) return false;
  auto at = unfinished_.begun.begin();
  for (size_t left = limits::unfinished_cut_at_once; left != 0 && !has_room(bytes); --left) {
    if (at == unfinished_.begun.end() || now_ms - at->moved_ms < limits::unfinished_stands_ms)
      return false;
    const Unfinished::Begun oldest = *at++;
    const bool own_full = account_->unfinished_bytes + bytes > unfinished_.bytes_max / 2;
    if (!own_full || oldest.by->account_ == account_) oldest.by->cut(oldest.index, router);
  }
  return has_room(bytes);
}

void Publications::begin(Publication& to, uint64_t now_ms) {
  const auto index = static_cast<uint32_t>(&to - open_.data());
  to.begun = unfinished_.begun.insert(unfinished_.begun.end(), {this, index, now_ms});
}

void Publications::moved(Publication& to, uint64_t now_ms) {
  (*to.begun)->moved_ms = now_ms;
  unfinished_.begun.splice(unfinished_.begun.end(), unfinished_.begun, *to.begun);
}

// Another message needs its memory. It is refused, and its other parts are ignored.
void Publications::cut(uint32_t index, Router& router) {
  Publication& to = open_[index];
  count_unfinished(to, 0);
  ByteVector().swap(to.partial);
  to.partial_refused = true;
  wire::DataHead head;
  head.topic = to.topic->number;
  head.seq = to.partial_seq;
  head.flags = wire::flag::batch_more;  // its last part says whether more follow
  refuse(to, head, wire::Reason::memory_full, router);
  router.wake(subscriber_);
}

void Publications::count_unfinished(Publication& to, uint32_t total) {
  const uint64_t more = uint64_t{total} - to.partial_total;  // may be below 0
  partial_bytes_ += more;
  unfinished_.bytes += more;
  account_->unfinished_bytes += more;
  to.partial_total = total;
  if (total != 0 || !to.begun) return;
  unfinished_.begun.erase(*to.begun);
  to.begun.reset();
}

void Publications::drop_partial(Publication& to) {
  count_unfinished(to, 0);
  to.in_parts = false;
  to.partial_refused = false;
  ByteVector().swap(to.partial);
  ByteVector().swap(to.partial_key);
}

void Publications::append_acks() {
  for (const uint32_t index : acks_due_) {
    Publication& publication = open_[index];
    publication.ack_due = false;
    fb::AckT ack;
    ack.topic = publication.topic->number;
    ack.published = publication.published;
    ack.seq = publication.seq;
    ack.level = publication.ack;
    outbox_.add(ack);
  }
  acks_due_.clear();
}

void Publications::close(Router& router) {
  for (Publication& publication : open_) {
    if (publication.batch_open) router.close_batch(*publication.topic);
    count_unfinished(publication, 0);
    --publication.topic->open;
    router.watch(*publication.topic);
  }
  open_.clear();
  by_number_.clear();
  acks_due_.clear();
}

}  // namespace btb
