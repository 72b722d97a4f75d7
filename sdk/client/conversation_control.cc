// Conversation, the control frames: one function for each kind, in the order of docs/protocol.md.
// conversation.cc has the rest.
#include "sdk/client/conversation.h"
#include "sdk/client/conversation_state.h"
#include "sdk/wire/topic_name.h"

namespace btb::client {

using wire::From;
using wire::Kind;
using wire::Reason;
using wire::TopicKind;

// The table in the frame, or null after the session was ended because of it.
template <class Native>
std::unique_ptr<Native> Conversation::read(const FrameView& frame) {
  auto message = wire::decode<Native>(frame);
  if (!message) {
    fail(Reason::frame_unverifiable, "a broken " + std::string(wire::name_of(frame.kind)));
  }
  return message;
}

// As read, for tables that speak of an announced topic.
template <class Native>
TopicState* Conversation::read_topic(const FrameView& frame, std::unique_ptr<Native>& message) {
  message = read<Native>(frame);
  if (!message) return nullptr;
  TopicState* topic = find(message->topic);
  if (topic == nullptr) {
    fail(Reason::frame_malformed,
         std::string(wire::name_of(frame.kind)) + " of a topic not announced");
  }
  return topic;
}

void Conversation::on_control(const FrameView& frame) {
  switch (frame.kind) {
    case Kind::goodbye:
      return on_goodbye(frame);
    case Kind::ping:
      return on_ping(frame);
    case Kind::pong:
      (void)read<fb::PongT>(frame);
      return;
    case Kind::subscribed:
      return on_subscribed(frame);
    case Kind::unsubscribed:
      return on_unsubscribed(frame);
    case Kind::topic:
      return on_topic(frame);
    case Kind::snapshot_begin:
      return on_snapshot_begin(frame);
    case Kind::snapshot_end:
      return on_snapshot_end(frame);
    case Kind::position:
      return on_position(frame);
    case Kind::gap:
      return on_gap(frame);
    case Kind::must_refetch:
      return on_must_refetch(frame);
    case Kind::opened:
      return on_opened(frame);
    case Kind::ack:
      return on_ack(frame);
    case Kind::reject:
      return on_reject(frame);
    case Kind::reply:
      return on_reply(frame);
    case Kind::none:
    case Kind::data:
    case Kind::hello:
    case Kind::welcome:
    case Kind::subscribe:
    case Kind::unsubscribe:
    case Kind::open:
    case Kind::command:
      break;
  }
  fail(Reason::frame_unexpected, "the broker sent " + std::string(wire::name_of(frame.kind)));
}

// --- the session ---

void Conversation::on_greeting(const FrameView& frame) {
  if (frame.kind == Kind::welcome) return on_welcome(frame);
  if (frame.kind == Kind::goodbye) return on_goodbye(frame);
  fail(Reason::frame_unexpected,
       "the broker sent " + std::string(wire::name_of(frame.kind)) + " before welcome");
}

void Conversation::on_welcome(const FrameView& frame) {
  const auto welcome = read<fb::WelcomeT>(frame);
  if (!welcome) return;
  if (welcome->protocol != 1) {
    return fail(Reason::version_unsupported,
                "the broker speaks protocol " + std::to_string(welcome->protocol));
  }
  session_.number = welcome->session;
  session_.broker_name = std::move(welcome->broker_name);
  session_.agent = std::move(welcome->agent);
  session_.epoch_changed = counters_.sessions != 0 && welcome->epoch != session_.epoch;
  session_.resumed = counters_.sessions != 0;
  session_.epoch = welcome->epoch;
  session_.broker_time_us = welcome->time_us;
  session_.keep_alive_ms = welcome->keep_alive_ms;
  session_.message_bytes_max =
      welcome->message_bytes_max == 0 ? limits::message_bytes_max : welcome->message_bytes_max;
  if (welcome->part_bytes_max != 0 && welcome->part_bytes_max < limits::part_bytes_max) {
    // This side splits at its own size: to a broker that wants smaller parts it sends whole
    // messages only.
    session_.message_bytes_max = std::min(session_.message_bytes_max, welcome->part_bytes_max);
  }
  session_.subscriptions_max = welcome->subscriptions_max;
  session_.admin = welcome->admin;
  session_.site = welcome->site;
  ++counters_.sessions;
  state_ = State::open;
  // The old topics make room for the new numbers. They live until the handler was told.
  const Pages gone = session_.epoch_changed ? take_topics() : Pages{};
  drop_ending_subscriptions();
  for (auto& [id, subscription] : subscriptions_) send_subscribe(*subscription);
  for (auto& [id, publisher] : publishers_) send_open(*publisher);
  handler_.on_connected(session_);
  tell_void(gone);
}

void Conversation::on_goodbye(const FrameView& frame) {
  const auto goodbye = read<fb::GoodbyeT>(frame);
  if (!goodbye) return;
  Ending ending;
  ending.reason = goodbye->reason;
  ending.text = std::move(goodbye->text);
  ending.by_broker = true;
  ending.retry_after_ms = goodbye->retry_after_ms;
  ending.elsewhere = std::move(goodbye->elsewhere);
  ending.announced_epoch = goodbye->announced_epoch;
  settle_end(std::move(ending));
}

void Conversation::on_ping(const FrameView& frame) {
  const auto ping = read<fb::PingT>(frame);
  if (!ping) return;
  if (output().size() > options_.output_bytes_max) {
    return fail(Reason::control_overflow, "pings without reading the answers");
  }
  fb::PongT pong;
  pong.token = ping->token;
  append_message(output_, output_sent_, pong);
}

// --- subscriptions ---

// A subscription resumes from positions only after all topics of its first answer were announced.
// Before that it asks as the first time: in a resume, a topic without a position would count as a
// new topic. Messages that come twice are dropped.
void Conversation::send_subscribe(SubscriptionState& subscription) {
  subscription.resuming = subscription.started;
  subscription.answered = subscription.synced = false;
  subscription.expected = subscription.announced = subscription.unsynced = 0;
  fb::SubscribeT message;
  message.id = subscription.id;
  message.filter = subscription.asked.filter;
  message.no_snapshot = subscription.asked.no_snapshot;
  message.from = subscription.asked.from;
  message.value = subscription.asked.value;
  if (subscription.resuming) {
    message.from = From::resume;
    message.value = 0;
    message.epoch = subscription.epoch;
    write_positions(subscription, message);
  }
  append_message(output_, output_sent_, message);
}

// Fills in the positions. If they need more than one frame, the frames before the last go out here.
void Conversation::write_positions(const SubscriptionState& subscription, fb::SubscribeT& message) {
  for_each_topic(pages_, [&](TopicState& topic) {
    if (!topic.has_position) return;
    if (!wire::filter_matches(message.filter, topic.topic.name)) return;
    if (message.positions.size() == positions_max) {
      message.more = true;
      append_message(output_, output_sent_, message);
      message.more = false;
      message.positions.clear();
    }
    topic.resumed |= deciding(topic.topic.name) == &subscription;
    message.positions.emplace_back(topic.topic.number, 0, topic.last);
  });
}

void Conversation::on_subscribed(const FrameView& frame) {
  const auto message = read<fb::SubscribedT>(frame);
  if (!message) return;
  const auto found = subscriptions_.find(message->id);
  if (found == subscriptions_.end() || found->second->answered) {
    return fail(Reason::frame_unexpected, "an answer to a subscription not asked for");
  }
  if (message->reason != Reason::none) {
    // If unsubscribe was called meanwhile, an answer to that follows.
    if (!found->second->ending) subscriptions_.erase(found);
    handler_.on_subscription_refused(message->id, message->reason, message->text);
    return;
  }
  SubscriptionState& subscription = *found->second;
  subscription.answered = true;
  subscription.epoch = session_.epoch;
  subscription.expected = message->topics;
  for_each_topic(pages_, [&](const TopicState& topic) {  // another subscription brought these in
    if (!topic.announced) return;
    if (!wire::filter_matches(subscription.asked.filter, topic.topic.name)) return;
    ++subscription.announced;
    if (!topic.synced) ++subscription.unsynced;
  });
  handler_.on_subscribed(message->id, message->topics);
  if (message->topics == 0) handler_.on_no_topic(message->id, message->text);
  check_synced(subscription);
}

void Conversation::on_unsubscribed(const FrameView& frame) {
  const auto message = read<fb::UnsubscribedT>(frame);
  if (!message) return;
  const auto found = subscriptions_.find(message->id);
  if (found == subscriptions_.end() || !found->second->ending) {
    return fail(Reason::frame_unexpected, "an end of a subscription not asked for");
  }
  const std::string filter = std::move(found->second->asked.filter);
  subscriptions_.erase(found);
  forget_unmatched(filter, true);  // one that was not answered yet comes too late to keep a topic
  handler_.on_unsubscribed(message->id);
}

void Conversation::check_synced(SubscriptionState& subscription) {
  if (state_ != State::open || !subscription.answered) return;
  if (subscription.announced < subscription.expected) return;
  subscription.started = true;
  if (subscription.synced || subscription.unsynced != 0) return;
  subscription.synced = true;
  handler_.on_synced(subscription.id);
}

// --- topics ---

TopicState* Conversation::make(uint32_t number) {
  const size_t page = number / topics_per_page;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (!pages_[page]) pages_[page] = std::make_unique<TopicPage>();
  return &pages_[page]->topics[number % topics_per_page];
}

void Conversation::on_topic(const FrameView& frame) {
  auto message = read<fb::TopicT>(frame);
  if (!message) return;
  if (message->number == 0 || message->number > topic_number_max) {
    return fail(Reason::frame_malformed, "a topic with a number out of range");
  }
  if (const char* fault = wire::topic_name_fault(message->name)) {
    return fail(Reason::name_invalid, std::string("a topic's name: ") + fault);
  }
  TopicState& topic = *make(message->number);
  if (topic.topic.number != 0 && topic.topic.name != message->name) {
    return fail(Reason::frame_malformed,
                "topic number " + std::to_string(message->number) + " announced with two names");
  }
  const bool again = topic.announced;  // in this session
  const bool known = topic.known && !again;
  topic.topic.number = message->number;
  topic.topic.name = std::move(message->name);
  topic.topic.kind = message->kind == TopicKind::state ? TopicKind::state : TopicKind::events;
  topic.topic.priority = message->priority;
  topic.topic.first_seq = message->first_seq;
  topic.topic.last_seq = message->last_seq;
  topic.topic.position = message->position;
  topic.topic.content = std::move(message->content);
  topic.topic.schema = std::move(message->schema);
  topic.topic.secret = message->secret;
  start_topic(topic, message->position, known, again);
}

// The subscription that decides where a topic begins, and whether it begins with a snapshot. This
// is the oldest one that matches, because a broker follows a topic once. Null if none matches.
const SubscriptionState* Conversation::deciding(std::string_view name) const {
  for (const auto& [id, subscription] : subscriptions_) {
    if (wire::filter_matches(subscription->asked.filter, name)) return subscription.get();
  }
  return nullptr;
}

// Before the first message of a topic in this session. `known`: from a session before this one;
// `again`: announced for the second time in this one, which starts it anew.
void Conversation::start_topic(TopicState& topic, uint64_t position, bool known, bool again) {
  const bool is_state = topic.topic.kind == TopicKind::state;
  const bool told = known && topic.resumed;
  const bool held = told || (known && !is_state);
  topic.announced = topic.known = topic.has_position = true;
  topic.untold = !known && !again;
  topic.resumed = topic.in_snapshot = topic.snapshot_whole = topic.synced = false;
  topic.void_held = is_state && !told;
  topic.repeats = held && !told;
  if (!held) topic.last = position;
  handler_.on_topic(topic.topic);
  if (topic.repeats && position > topic.last) {
    note_missing(topic, topic.last + 1, position, Reason::none);
    topic.last = position;
  }
  const SubscriptionState* by = deciding(topic.topic.name);
  const bool snapshot = by != nullptr && by->brings_snapshot_now();
  await_sync(topic, is_state && snapshot, again);
}

void Conversation::await_sync(TopicState& topic, bool snapshot, bool again) {
  const bool waits = snapshot || topic.topic.last_seq > topic.last;
  topic.sync_at = waits && !snapshot ? topic.topic.last_seq : never;
  for (auto& [id, subscription] : subscriptions_) {
    if (again || !subscription->answered) continue;
    if (!wire::filter_matches(subscription->asked.filter, topic.topic.name)) continue;
    ++subscription->announced;
    ++subscription->unsynced;
    if (waits) check_synced(*subscription);
  }
  if (!waits) topic_synced(topic);
}

void Conversation::topic_synced(TopicState& topic) {
  topic.sync_at = never;
  if (topic.synced) return;
  topic.synced = true;
  for (auto& [id, state] : subscriptions_) {
    SubscriptionState& subscription = *state;
    if (!subscription.answered) continue;
    if (!wire::filter_matches(subscription.asked.filter, topic.topic.name)) continue;
    if (subscription.unsynced > 0) --subscription.unsynced;
    check_synced(subscription);
  }
}

void Conversation::on_snapshot_begin(const FrameView& frame) {
  std::unique_ptr<fb::SnapshotBeginT> message;
  TopicState* topic = read_topic(frame, message);
  if (topic == nullptr) return;
  drop_partial(*topic);
  if (topic->topic.kind != TopicKind::state || topic->in_snapshot) {
    return fail(Reason::frame_unexpected, "a snapshot of " + topic->topic.name + " out of place");
  }
  topic->in_snapshot = true;
  topic->snapshot_whole = topic->void_held;
  topic->void_held = false;
  if (topic->snapshot_whole) topic->last = 0;
  handler_.on_snapshot_begin(topic->topic,
                             topic->snapshot_whole ? SnapshotKind::whole : SnapshotKind::changes,
                             message->count);
}

void Conversation::on_snapshot_end(const FrameView& frame) {
  std::unique_ptr<fb::SnapshotEndT> message;
  TopicState* topic = read_topic(frame, message);
  if (topic == nullptr) return;
  drop_partial(*topic);
  if (!topic->in_snapshot || message->seq < topic->last) {
    return fail(Reason::frame_unexpected, "a stray end of a snapshot of " + topic->topic.name);
  }
  topic->in_snapshot = topic->snapshot_whole = false;
  topic->last = message->seq;
  topic->has_position = true;
  end_batch(*topic);
  handler_.on_snapshot_end(topic->topic, message->seq);
  topic_synced(*topic);
}

void Conversation::on_position(const FrameView& frame) {
  std::unique_ptr<fb::PositionT> message;
  TopicState* topic = read_topic(frame, message);
  if (topic == nullptr) return;
  drop_partial(*topic);
  topic->last = std::max(topic->last, message->seq);
  topic->has_position = true;
  end_batch(*topic);
  handler_.on_position(topic->topic, message->seq);
  if (message->seq >= topic->sync_at) topic_synced(*topic);
}

void Conversation::on_gap(const FrameView& frame) {
  std::unique_ptr<fb::GapT> message;
  TopicState* topic = read_topic(frame, message);
  if (topic == nullptr) return;
  if (message->first == 0 || message->last < message->first) {
    return fail(Reason::frame_malformed, "a gap of nothing in " + topic->topic.name);
  }
  drop_partial(*topic);
  topic->last = std::max(topic->last, message->last);
  topic->has_position = true;
  note_missing(*topic, message->first, message->last, message->reason);
  end_batch(*topic);  // a part of it is missing; what follows begins another one
  if (topic->last >= topic->sync_at) topic_synced(*topic);
}

void Conversation::on_must_refetch(const FrameView& frame) {
  const auto gone = read<fb::MustRefetchT>(frame);
  if (!gone) return;
  if (gone->reason == Reason::topic_gone) return on_topic_gone(gone->topic);
  std::unique_ptr<fb::MustRefetchT> message;
  TopicState* topic = read_topic(frame, message);
  if (topic == nullptr) return;
  drop_partial(*topic);
  topic->batch_open = topic->in_snapshot = topic->snapshot_whole = false;
  topic->void_held = topic->topic.kind == TopicKind::state;
  topic->repeats = topic->has_position = false;  // as a resume sees it: begins at its start
  topic->last = 0;
  // With epoch_changed, an old topic was reported after the welcome; of a new one nothing is held.
  const bool told = std::exchange(topic->untold, false) && message->reason == Reason::epoch_changed;
  if (!told) handler_.on_must_refetch(topic->topic, message->reason);
}

// --- publishing ---

void Conversation::send_open(PublisherState& publisher) {
  fb::OpenT message;
  message.id = publisher.id;
  message.name = publisher.name;
  message.ack = publisher.ack;
  append_message(output_, output_sent_, message);
}

void Conversation::on_opened(const FrameView& frame) {
  const auto message = read<fb::OpenedT>(frame);
  if (!message) return;
  const auto found = publishers_.find(message->id);
  if (found == publishers_.end() || found->second->number != 0) {
    return fail(Reason::frame_unexpected, "an answer to an open not asked for");
  }
  if (message->reason != Reason::none) {
    publishers_.erase(found);
    handler_.on_open_refused(message->id, message->reason, message->text);
    return;
  }
  if (message->number == 0) return fail(Reason::frame_malformed, "opened without a number");
  for (const auto& [id, publisher] : publishers_) {
    if (publisher->number != message->number) continue;
    return fail(Reason::frame_malformed, "one number for two topics to publish to");
  }
  found->second->number = message->number;
  handler_.on_opened(message->id, message->kind);
}

PublisherState* Conversation::publisher_of(uint32_t topic_number) {
  for (auto& [id, publisher] : publishers_) {
    if (publisher->number == topic_number && topic_number != 0) return publisher.get();
  }
  fail(Reason::frame_unexpected, "an answer for a topic that is not open");
  return nullptr;
}

void Conversation::on_ack(const FrameView& frame) {
  const auto message = read<fb::AckT>(frame);
  if (!message) return;
  PublisherState* publisher = publisher_of(message->topic);
  if (publisher == nullptr) return;
  if (message->published > publisher->published || message->published < publisher->settled) {
    return fail(Reason::frame_malformed, "an ack of what was not published");
  }
  publisher->settled = message->published;
  publisher->rejected = 0;
  handler_.on_ack(publisher->id, message->published, message->seq);
}

void Conversation::on_reject(const FrameView& frame) {
  const auto message = read<fb::RejectT>(frame);
  if (!message) return;
  PublisherState* publisher = publisher_of(message->topic);
  if (publisher == nullptr) return;
  if (message->published > publisher->published || message->published == 0) {
    return fail(Reason::frame_malformed, "a reject of what was not published");
  }
  if (message->published > publisher->settled) ++publisher->rejected;
  handler_.on_reject(publisher->id, message->published, message->reason, message->text);
}

// --- commands ---

void Conversation::on_reply(const FrameView& frame) {
  const auto message = read<fb::ReplyT>(frame);
  if (!message) return;
  const auto found = replies_.find(message->id);
  if (found == replies_.end()) {
    return fail(Reason::frame_unexpected, "a reply to a command not sent");
  }
  if (message->body.size() > options_.reply_bytes_max - found->second.size()) {
    return fail(Reason::frame_too_large, "a reply larger than the limit");
  }
  found->second += message->body;
  if (message->more) return;
  const std::string body = std::move(found->second);
  replies_.erase(found);
  handler_.on_reply(message->id, message->reason, message->text, body);
}

}  // namespace btb::client
