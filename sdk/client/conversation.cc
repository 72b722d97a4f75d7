// Conversation, the part without control frames: the connection, the stream, topics, messages in
// one frame or in parts, and requests. conversation_control.cc has the control frames.
#include "sdk/client/conversation.h"

#include "sdk/client/conversation_state.h"
#include "sdk/wire/topic_name.h"

namespace btb::client {

using wire::Kind;
using wire::Reason;

namespace {

// Sent bytes in front of unsent bytes are freed when there are this many.
constexpr size_t sent_kept_bytes_max = 1U << 20;

// A ping goes out at half of the time after which silence ends the session.
constexpr uint64_t ping_after(uint32_t keep_alive_ms) {
  return keep_alive_ms - keep_alive_ms / 4;
}
constexpr uint64_t silence_max(uint32_t keep_alive_ms) {
  return static_cast<uint64_t>(keep_alive_ms) * 3 / 2;
}

}  // namespace

Conversation::Conversation(ConversationOptions options, Handler& handler)
    : options_(std::move(options)), handler_(handler) {
  if (options_.name.size() > limits::client_name_bytes_max) {
    options_.name.resize(limits::client_name_bytes_max);
  }
}

Conversation::~Conversation() = default;

// --- the connection ---

// Those that were taken back while there was no session: no broker has to be told.
void Conversation::drop_ending_subscriptions() {
  std::vector<std::string> gone;
  std::erase_if(subscriptions_, [&](const auto& entry) {
    if (entry.second->ending) gone.push_back(entry.second->asked.filter);
    return entry.second->ending;
  });
  for (const std::string& filter : gone) forget_unmatched(filter, false);
}

void Conversation::begin(uint64_t now_ms) {
  BTB_ASSERT(state_ == State::idle || state_ == State::ended);
  state_ = State::greeting;
  ending_ = {};
  output_.clear();
  output_sent_ = 0;
  received_at_ms_ = sent_at_ms_ = now_ms;
  drop_ending_subscriptions();
  fb::HelloT hello;
  hello.name = options_.name;
  hello.agent = options_.agent;
  hello.keep_alive_ms = options_.keep_alive_ms;
  hello.message_bytes_max = options_.message_bytes_max;
  hello.can_let_go = options_.can_let_go;
  append_message(output_, output_sent_, hello);
}

void Conversation::end(Reason reason, std::string text) {
  if (state_ == State::greeting || state_ == State::open) {
    Ending ending;
    ending.reason = reason;
    ending.text = std::move(text);
    settle_end(std::move(ending));
  }
  output_.clear();
  output_sent_ = 0;
  state_ = State::idle;
}

void Conversation::close(Reason reason, std::string text) {
  if (state_ != State::greeting && state_ != State::open) return;
  fb::GoodbyeT goodbye;
  goodbye.reason = reason;
  goodbye.text = text;
  append_message(output_, output_sent_, goodbye);
  Ending ending;
  ending.reason = reason;
  ending.text = std::move(text);
  settle_end(std::move(ending));
}

void Conversation::fail(Reason reason, std::string text) {
  close(reason, std::move(text));
}

void Conversation::settle_end(Ending ending) {
  ending.greeted = state_ == State::open;
  state_ = State::ended;
  ending_ = std::move(ending);
  replies_.clear();
  for_each_topic(pages_, [this](TopicState& topic) {
    drop_partial(topic);
    topic.announced = topic.resumed = false;
  });
  for (auto& [id, subscription] : subscriptions_) subscription->answered = false;
  for (auto& [id, publisher] : publishers_) {
    const uint64_t first = publisher->settled + 1;
    const uint64_t last = publisher->published;
    publisher->number = 0;
    const bool all_settled = last - publisher->settled <= publisher->rejected;
    publisher->published = publisher->settled = publisher->rejected = 0;
    if (publisher->ack != wire::AckLevel::none && !all_settled) {
      handler_.on_unsettled(id, first, last);
    }
  }
  if (options_.tells_end) handler_.on_disconnected(ending_, -1);
}

void Conversation::sent(size_t bytes, uint64_t now_ms) {
  BTB_ASSERT(bytes <= output_.size() - output_sent_);
  output_sent_ += bytes;
  sent_at_ms_ = now_ms;
  if (output_sent_ == output_.size()) {
    output_.clear();
    output_sent_ = 0;
  } else if (output_sent_ >= sent_kept_bytes_max) {
    // Whole words only: frames are written at multiples of 8, of the stream and of memory.
    const size_t gone = output_sent_ / wire::frame_alignment * wire::frame_alignment;
    output_.erase(output_.begin(), output_.begin() + static_cast<ptrdiff_t>(gone));
    output_sent_ -= gone;
  }
}

void Conversation::tick(uint64_t now_ms) {
  if (state_ != State::open || session_.keep_alive_ms == 0) return;
  if (paused_) received_at_ms_ = now_ms;
  if (now_ms - received_at_ms_ >= silence_max(session_.keep_alive_ms)) {
    fail(Reason::keep_alive_timeout, "the broker was silent for too long");
    return;
  }
  if (now_ms - sent_at_ms_ < ping_after(session_.keep_alive_ms)) return;
  sent_at_ms_ = now_ms;
  if (!output().empty()) return;  // the transport is stuck: a ping behind it would not help
  fb::PingT ping;
  ping.token = ++ping_token_;
  append_message(output_, output_sent_, ping);
}

std::optional<uint64_t> Conversation::next_tick_ms() const {
  if (state_ != State::open || session_.keep_alive_ms == 0) return std::nullopt;
  return std::min(sent_at_ms_ + ping_after(session_.keep_alive_ms),
                  received_at_ms_ + silence_max(session_.keep_alive_ms));
}

// --- the stream ---

size_t Conversation::receive(Bytes bytes, uint64_t now_ms) {
  const size_t offered = bytes.size();
  if (offered != 0) received_at_ms_ = now_ms;
  while ((state_ == State::greeting || state_ == State::open) && !paused_) {
    const wire::NextFrame next = wire::next_frame(bytes);
    if (next.status == wire::NextFrame::Status::incomplete) break;
    if (next.status == wire::NextFrame::Status::fault) {
      fail(next.fault.reason, next.fault.text);
      break;
    }
    on_frame(next.frame);
    bytes = bytes.subspan(next.consumed);
  }
  return offered - bytes.size();
}

void Conversation::on_frame(const FrameView& frame) {
  if (state_ == State::greeting) {
    on_greeting(frame);
  } else if (frame.kind == Kind::data) {
    on_data(frame);
  } else {
    on_control(frame);
  }
}

// --- topics ---

// The topics of an epoch that is over. The caller tells the handler, and keeps them until then.
Conversation::Pages Conversation::take_topics() {
  for_each_topic(pages_, [this](TopicState& topic) { drop_partial(topic); });
  return std::exchange(pages_, {});
}

void Conversation::tell_void(const Pages& gone) {
  for_each_topic(gone, [this](const TopicState& topic) {
    if (!topic.has_position || state_ != State::open) return;
    handler_.on_must_refetch(topic.topic, Reason::epoch_changed);
  });
}

// The topic begins anew when it is announced again; its number and name stay as they are.
void Conversation::forget(TopicState& topic) {
  drop_partial(topic);
  topic.announced = topic.known = topic.has_position = topic.batch_open = false;
  topic.last = 0;
}

// A topic of an earlier session does not exist any more. A new topic of that name gets another
// number.
void Conversation::on_topic_gone(uint32_t number) {
  const size_t page = number / topics_per_page;
  if (page >= pages_.size() || !pages_[page]) return;
  TopicState& topic = pages_[page]->topics[number % topics_per_page];
  if (!topic.known || topic.announced) return;
  const bool held = topic.has_position;
  forget(topic);
  if (held) handler_.on_must_refetch(topic.topic, Reason::topic_gone);
}

// Forgets the topics that the filter `gone` matches and no subscription matches. With
// `by_answered`, only subscriptions count that the broker has answered in this session.
void Conversation::forget_unmatched(const std::string& gone, bool by_answered) {
  for_each_topic(pages_, [&](TopicState& topic) {
    if (!wire::filter_matches(gone, topic.topic.name)) return;
    const bool kept =
        std::any_of(subscriptions_.begin(), subscriptions_.end(), [&](const auto& entry) {
          const SubscriptionState& subscription = *entry.second;
          return (subscription.answered || !by_answered) &&
                 wire::filter_matches(subscription.asked.filter, topic.topic.name);
        });
    if (!kept) forget(topic);
  });
}

// --- messages ---

TopicState* Conversation::find(uint32_t number) const {
  const size_t page = number / topics_per_page;
  if (page >= pages_.size() || !pages_[page]) return nullptr;
  TopicState& topic = pages_[page]->topics[number % topics_per_page];
  return topic.announced ? &topic : nullptr;
}

void Conversation::on_data(const FrameView& frame) {
  const wire::DataHead& head = frame.data();
  TopicState* topic = find(head.topic);
  if (topic == nullptr) return fail(Reason::frame_malformed, "a message of a topic not announced");
  if (topic->unfinished && head.seq != topic->head.seq) drop_partial(*topic);  // replaced meanwhile
  if (head.part_more() || topic->unfinished) return on_part(*topic, head, frame);
  if (head.payload_size() != head.total) {
    return fail(Reason::part_out_of_order, "the last part of a message that had no first");
  }
  if (head.total > options_.message_bytes_max) return leave_out(*topic, head, frame.key());
  if (head.seq <= topic->last) return on_not_newer(*topic, head);
  deliver(*topic, head, frame.key(), frame.payload());
}

void Conversation::on_part(TopicState& topic, const wire::DataHead& head, const FrameView& frame) {
  const bool kept = head.total <= options_.message_bytes_max;
  const bool first = !topic.unfinished;
  if (first) {
    topic.unfinished = true;
    topic.head = head;
    topic.part_bytes = 0;
  } else if (head.seq != topic.head.seq || head.total != topic.head.total || head.key_size != 0 ||
             head.deletion() != topic.head.deletion()) {
    return fail(Reason::part_out_of_order,
                "another message before the last part of the one before");
  }
  const Bytes part = frame.payload();
  if (part.size() > head.total - topic.part_bytes) {
    return fail(Reason::frame_malformed, "the parts are more than their message");
  }
  topic.part_bytes += static_cast<uint32_t>(part.size());
  if (kept) {
    append(topic.key, frame.key());
    append(topic.payload, part);
    unfinished_bytes_ += frame.key().size() + part.size();
  } else if (first) {
    // Already at its first part, so that a link that breaks before the last does not fetch it anew.
    return leave_out(topic, head, frame.key());
  }
  if (unfinished_bytes_ > options_.unfinished_bytes_max) {
    return fail(Reason::frame_too_large, "too much in unfinished messages");
  }
  if (head.part_more()) return;
  if (topic.part_bytes != head.total) {
    return fail(Reason::frame_malformed, "the parts are less than their message");
  }
  if (!kept) return drop_partial(topic);
  const ByteVector key = std::move(topic.key);  // the handler may end the session, and with it
  const ByteVector payload = std::move(topic.payload);  // all that is unfinished
  unfinished_bytes_ -= key.size() + payload.size();
  topic.unfinished = false;
  topic.key.clear();
  topic.payload.clear();
  if (head.seq <= topic.last) return on_not_newer(topic, head);
  deliver(topic, head, key, payload);
}

void Conversation::drop_partial(TopicState& topic) {
  if (!topic.unfinished) return;
  unfinished_bytes_ -= topic.key.size() + topic.payload.size();
  topic.unfinished = false;
  topic.key = {};
  topic.payload = {};
}

void Conversation::on_not_newer(TopicState& topic, const wire::DataHead& head) {
  if (topic.repeats) {
    ++counters_.duplicates;
    return;
  }
  fail(Reason::frame_malformed, "message " + std::to_string(head.seq) + " of " + topic.topic.name +
                                    " after " + std::to_string(topic.last));
}

void Conversation::deliver(TopicState& topic, const wire::DataHead& head, Bytes key,
                           Bytes payload) {
  move_to(topic, head.seq);
  ++counters_.messages;
  counters_.payload_bytes += payload.size();
  Message message;
  message.seq = head.seq;
  message.time_us = head.time_us;
  message.key = key;
  message.payload = payload;
  message.deletion = head.deletion();
  message.batch_more = head.batch_more();
  message.snapshot = topic.snapshot_whole;
  handler_.on_message(topic.topic, message);
  moved(topic, head);
}

// A message larger than message_bytes_max: the position moves, but the message is not delivered.
void Conversation::leave_out(TopicState& topic, const wire::DataHead& head, Bytes key) {
  if (head.seq <= topic.last) return on_not_newer(topic, head);
  move_to(topic, head.seq);
  ++counters_.too_large;
  handler_.on_too_large(topic.topic, head.seq, key, head.total);
  moved(topic, head);
}

void Conversation::move_to(TopicState& topic, uint64_t seq) {
  if (topic.topic.kind == wire::TopicKind::events && topic.has_position && seq != topic.last + 1) {
    note_missing(topic, topic.last + 1, seq - 1, Reason::none);
  }
  topic.last = seq;
  topic.has_position = true;
  topic.repeats = topic.untold = false;
}

// After the handler's call: this message may end a batch, or make the topic synced.
void Conversation::moved(TopicState& topic, const wire::DataHead& head) {
  if (state_ != State::open) return;
  if (head.batch_more()) {
    topic.batch_open = true;
  } else if (topic.batch_open) {
    end_batch(topic);
  }
  if (head.seq >= topic.sync_at) topic_synced(topic);
}

void Conversation::end_batch(TopicState& topic) {
  if (!topic.batch_open || state_ != State::open) return;
  topic.batch_open = false;
  handler_.on_batch_end(topic.topic);
}

void Conversation::note_missing(TopicState& topic, uint64_t first, uint64_t last, Reason reason) {
  counters_.missed += last - first + 1;
  handler_.on_gap(topic.topic, first, last, reason);
}

// --- requests ---

Result<uint32_t> Conversation::subscribe(const Subscription& subscription) {
  if (const char* fault = wire::topic_filter_fault(subscription.filter)) {
    return Error{Errc::invalid, "filter \"" + subscription.filter + "\": " + fault};
  }
  auto state = std::make_unique<SubscriptionState>();
  state->id = next_id_++;
  state->asked = subscription;
  if (state_ == State::open) send_subscribe(*state);
  const uint32_t id = state->id;
  subscriptions_.emplace(id, std::move(state));
  return id;
}

void Conversation::unsubscribe(uint32_t id) {
  const auto found = subscriptions_.find(id);
  if (found == subscriptions_.end() || found->second->ending) return;
  found->second->ending = true;
  if (state_ != State::open) return;
  fb::UnsubscribeT message;
  message.id = id;
  append_message(output_, output_sent_, message);
}

Result<uint32_t> Conversation::open(std::string_view name, wire::AckLevel ack) {
  if (const char* fault = wire::topic_name_fault(name)) {
    return Error{Errc::invalid, "topic \"" + std::string(name) + "\": " + fault};
  }
  for (const auto& [id, publisher] : publishers_) {
    if (publisher->name != name) continue;
    return Error{Errc::exists, "topic \"" + std::string(name) + "\" is open already"};
  }
  auto state = std::make_unique<PublisherState>();
  state->id = next_id_++;
  state->name = name;
  state->ack = ack;
  if (state_ == State::open) send_open(*state);
  const uint32_t id = state->id;
  publishers_.emplace(id, std::move(state));
  return id;
}

Result<uint64_t> Conversation::publish(uint32_t publisher, const Publication& publication) {
  const auto found = publishers_.find(publisher);
  if (state_ != State::open || found == publishers_.end() || found->second->number == 0) {
    return Error{Errc::unavailable, "the topic is not open for publishing"};
  }
  BTB_ASSERT(!publication.deletion || publication.payload.empty());
  if (publication.key.size() > limits::key_bytes_max) {
    return Error{Errc::limit, "the key has more than 1024 bytes"};
  }
  if (publication.payload.size() > session_.message_bytes_max) {
    return Error{Errc::limit, "the message has " + std::to_string(publication.payload.size()) +
                                  " bytes, the broker takes " +
                                  std::to_string(session_.message_bytes_max)};
  }
  if (output().size() > options_.output_bytes_max) {
    return Error{Errc::limit, "too much is waiting to be sent"};
  }
  PublisherState& state = *found->second;
  wire::DataHead head;
  head.topic = state.number;
  head.seq = ++state.published;
  head.time_us = publication.time_us;
  if (publication.deletion) head.flags |= wire::flag::deletion;
  if (publication.batch_more) head.flags |= wire::flag::batch_more;
  wire::append_message(output_, head, publication.key, publication.payload);
  return state.published;
}

Result<uint32_t> Conversation::command(std::string_view verb, std::vector<std::string> arguments) {
  if (state_ != State::open) return Error{Errc::unavailable, "not connected"};
  if (!session_.admin) {
    return Error{Errc::refused,
                 "the broker takes no commands on this connection: it takes them over its unix "
                 "socket, from its own user and root, or where its configuration says `admin`"};
  }
  fb::CommandT message;
  message.id = next_id_++;
  message.verb = verb;
  message.arguments = std::move(arguments);
  append_message(output_, output_sent_, message);
  replies_.emplace(message.id, std::string());
  return message.id;
}

// --- what is known ---

const Topic* Conversation::topic(uint32_t number) const {
  const TopicState* state = find(number);
  return state == nullptr ? nullptr : &state->topic;
}

uint64_t Conversation::position(uint32_t number) const {
  const TopicState* state = find(number);
  return state == nullptr || !state->has_position ? 0 : state->last;
}

}  // namespace btb::client
