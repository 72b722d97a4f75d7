#include "broker/routing/router.h"

#include <algorithm>
#include <optional>

#include "sdk/wire/control.h"
#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

constexpr int expire_rounds_max = 32;  // of 1024 rows each

}  // namespace

void DueList::remove(Follower* follower) {
  Follower* before = nullptr;
  for (Follower* at = first_; at != follower; at = at->next_due) before = at;
  (before == nullptr ? first_ : before->next_due) = follower->next_due;
  if (last_ == follower) last_ = before;
  follower->due = false;
}

bool Subscriber::has_due() const {
  return std::any_of(due_.begin(), due_.end(), [](const DueList& list) { return !list.empty(); });
}

Router::Router(const Clock& clock, uint64_t epoch, OptionsOf options_of)
    : clock_(&clock), epoch_(epoch), options_of_(std::move(options_of)) {}

Router::~Router() {
  for (const auto& topic : topics_) BTB_ASSERT(topic->followers.empty());
}

// --- topics ---

Topic* Router::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

Topic* Router::find(uint32_t number) const {
  return number == 0 || number > topics_.size() ? nullptr : topics_[number - 1].get();
}

std::shared_ptr<const TopicOptions> Router::options_of(std::string_view name) const {
  const Topic* topic = find(name);
  return topic == nullptr ? options_of_(name) : topic->options;
}

Topic* Router::find_or_make(std::string_view name) {
  if (Topic* topic = find(name)) return topic;
  // The broker's own are few, and say what is wrong when there are too many others.
  if (topics_.size() >= topics_max && !wire::is_reserved(name)) return nullptr;
  const auto number = static_cast<uint32_t>(topics_.size() + 1);
  topics_.push_back(std::make_unique<Topic>(number, name, options_of_(name)));
  Topic& topic = *topics_.back();
  by_name_.emplace(topic.name, &topic);
  follow_new_topic(topic);
  return &topic;
}

void Router::for_each_topic(const std::function<void(Topic&)>& visit) const {
  for (const auto& [name, topic] : by_name_) visit(*topic);
}

std::vector<std::string> Router::refresh_options(OptionsOf options_of) {
  options_of_ = std::move(options_of);
  std::vector<std::string> kept_kind;
  for (const auto& topic : topics_) {
    std::shared_ptr<const TopicOptions> options = options_of_(topic->name);
    if (options->kind != topic->options->kind) {
      kept_kind.push_back(topic->name);
      // What a reload forbids clients holds all the same.
      auto kept = std::make_shared<TopicOptions>(*topic->options);
      kept->client_publish = options->client_publish;
      topic->log.set_options(*kept);
      topic->options = std::move(kept);
      continue;
    }
    const bool moved = options->priority != topic->options->priority;
    for (Follower* follower : topic->followers) {
      if (!moved || !follower->due) continue;
      follower->subscriber->due(topic->options->priority).remove(follower);
      follower->subscriber->due(options->priority).push(follower);
    }
    topic->log.set_options(*options);
    topic->options = std::move(options);
  }
  return kept_kind;
}

// --- publishing ---

void Router::touch(Topic& topic) {
  if (topic.marked || topic.followers.empty()) return;
  topic.marked = true;
  marked_.push_back(&topic);
}

PublishResult Router::publish(Topic& topic, const Message& message, Publisher publisher) {
  if (topic.publisher != publisher) {
    topic.publisher = topic.publisher == no_publisher ? publisher : several_publishers;
  }
  return append(topic, message);
}

PublishResult Router::append(Topic& topic, const Message& message) {
  if (message.time_us == 0) {
    Message timed = message;
    timed.time_us = clock_->now_us();
    return append(topic, timed);
  }
  const bool possible = !message.deletion || topic.options->kind == wire::TopicKind::state;
  const Appended appended =
      possible ? topic.log.append(message) : Appended{wire::Reason::delete_unsupported, 0};
  if (appended.seq == 0) {
    ++(appended.reason == wire::Reason::none ? topic.counters.unchanged : topic.counters.rejected);
    if (!message.batch_more) close_batch(topic);  // it was the last one all the same
    return {appended.reason, 0};
  }
  ++topic.counters.published;
  topic.counters.published_bytes += message.key.size() + message.payload.size();
  if (message.batch_more && !topic.batch_open) topic.batch_since_ms = clock_->mono_ms();
  topic.batch_open = message.batch_more;
  touch(topic);
  return {wire::Reason::none, appended.seq};
}

void Router::close_batch(Topic& topic) {
  if (!topic.batch_open) return;
  topic.batch_open = false;
  topic.closed_seq = topic.log.last_seq();
  touch(topic);
}

void Router::expire() {
  const int64_t now_us = clock_->now_us();
  const uint64_t now_ms = clock_->mono_ms();
  for (const auto& topic : topics_) {
    if (topic->batch_open && now_ms - topic->batch_since_ms >= limits::batch_open_ms_max) {
      ++topic->counters.batches_cut;
      close_batch(*topic);
    }
    if (!topic->batch_open) expire_rows(*topic, now_us);  // a deletion would end it half way
  }
}

// As many rows as one turn may take; the rest at the next one.
void Router::expire_rows(Topic& topic, int64_t now_us) {
  for (int round = 0; round < expire_rounds_max; ++round) {
    const std::vector<ByteVector> keys = topic.log.expire(now_us);
    if (keys.empty()) return;
    delete_rows(topic, keys);
  }
}

void Router::delete_rows(Topic& topic, std::span<const ByteVector> keys) {
  for (size_t i = 0; i < keys.size(); ++i) {
    Message deletion;
    deletion.key = keys[i];
    deletion.deletion = true;
    deletion.batch_more = i + 1 < keys.size();
    append(topic, deletion);
  }
}

size_t Router::delete_rows_until(Topic& topic, uint64_t until_seq) {
  const std::vector<ByteVector> keys = topic.log.keys_until(until_seq);
  delete_rows(topic, keys);
  return keys.size();
}

// --- subscriptions ---

void Router::for_each_match(std::string_view filter, const std::function<void(Topic&)>& visit) {
  ++work_;
  if (!wire::has_wildcard(filter)) {
    if (Topic* topic = find(filter)) visit(*topic);
    return;
  }
  const std::string_view prefix = wire::literal_prefix(filter);
  for (auto at = by_name_.lower_bound(prefix); at != by_name_.end(); ++at) {
    if (!at->first.starts_with(prefix)) return;
    ++work_;
    if (wire::filter_matches(filter, at->first)) visit(*at->second);
  }
}

// Looks through the shorter of the two lists.
bool Router::follows(const Subscriber& subscriber, const Topic& topic) {
  if (topic.followers.size() < subscriber.followers_.size()) {
    return std::any_of(topic.followers.begin(), topic.followers.end(),
                       [&](const Follower* at) { return at->subscriber == &subscriber; });
  }
  return std::any_of(subscriber.followers_.begin(), subscriber.followers_.end(),
                     [&](const Follower* at) { return at->topic == &topic; });
}

uint32_t Router::subscribe(Subscriber& subscriber, const SubscribeRequest& request) {
  auto subscription = std::make_unique<Subscription>(
      Subscription{&subscriber, ++subscriptions_made_, request.id, std::string(request.filter),
                   request.no_snapshot});
  Subscription& kept = *subscription.release();  // freed by unsubscribe or remove
  subscriber.subscriptions_.push_back(&kept);
  filters_.insert(kept.filter, &kept);
  // Sorted once, because each topic looks for itself among them.
  std::vector<fb::Mark> positions(request.positions.begin(), request.positions.end());
  std::sort(positions.begin(), positions.end(),
            [](const fb::Mark& a, const fb::Mark& b) { return a.topic() < b.topic(); });
  SubscribeRequest sorted = request;
  sorted.positions = positions;
  const bool many = wire::has_wildcard(kept.filter);
  const uint64_t pass = next_pass();
  if (many) {
    for (const Follower* follower : subscriber.followers_) follower->topic->seen_in_pass = pass;
  }
  uint32_t matched = 0;
  for_each_match(kept.filter, [&](Topic& topic) {
    ++matched;
    if (many ? topic.seen_in_pass != pass : !follows(subscriber, topic)) {
      follow(topic, kept, sorted);
    }
  });
  return matched;
}

void Router::follow(Topic& topic, const Subscription& subscription,
                    const SubscribeRequest& request) {
  Subscriber& subscriber = *subscription.subscriber;
  auto* follower = new Follower;
  follower->subscriber = &subscriber;
  follower->topic = &topic;
  follower->index_in_topic = static_cast<uint32_t>(topic.followers.size());
  follower->index_in_subscriber = static_cast<uint32_t>(subscriber.followers_.size());
  topic.followers.push_back(follower);
  subscriber.followers_.push_back(follower);

  const TopicLog& log = topic.log;
  const auto from_seq = [&](uint64_t seq) {
    follower->cursor.next_seq = std::clamp<uint64_t>(seq, 1, log.last_seq() + 1);
  };
  switch (request.from) {
    case wire::From::latest:
      begin_latest(*follower, request.no_snapshot);
      break;
    case wire::From::beginning:
      begin_whole(*follower);
      break;
    case wire::From::seq:
      from_seq(static_cast<uint64_t>(std::max<int64_t>(request.value, 1)));
      break;
    case wire::From::last: {
      const auto count = static_cast<uint64_t>(std::max<int64_t>(request.value, 0));
      from_seq(log.seq_from_end(count, work_));
      break;
    }
    case wire::From::time:
      from_seq(log.seq_at_time(request.value, work_));
      break;
    case wire::From::resume:
      resume(*follower, request);
      break;
  }
  follower->position_seq = follower->cursor.next_seq - 1;
  make_due(*follower);
}

// The present state, or the log from its oldest message.
void Router::begin_whole(Follower& follower) {
  begin_latest(follower, false);
  if (!follower.snapshot_wanted) follower.cursor = follower.topic->log.begin();
}

// The present state, or what comes from now on.
void Router::begin_latest(Follower& follower, bool no_snapshot) {
  const TopicLog& log = follower.topic->log;
  const bool snapshot = follower.topic->options->kind == wire::TopicKind::state && !no_snapshot;
  follower.cursor = snapshot ? log.begin() : log.end();
  follower.deletions_from = snapshot ? log.last_seq() : 0;
  follower.snapshot_wanted = snapshot;
  follower.in_snapshot = false;
}

void Router::resume(Follower& follower, const SubscribeRequest& request) {
  Topic& topic = *follower.topic;
  if (request.epoch != epoch_) {
    start_over(follower, wire::Reason::epoch_changed);
    return;
  }
  const auto mark =
      std::lower_bound(request.positions.begin(), request.positions.end(), topic.number,
                       [](const fb::Mark& at, uint32_t number) { return at.topic() < number; });
  if (mark == request.positions.end() || mark->topic() != topic.number) {
    begin_whole(follower);
    return;
  }
  // A position beyond the end was never given out; take the client at the end.
  follower.cursor.next_seq = std::min(mark->seq(), topic.log.last_seq()) + 1;
  if (topic.options->kind == wire::TopicKind::state) {
    if (topic.log.deletions_forgotten_seq() >= follower.cursor.next_seq) {
      start_over(follower, wire::Reason::deletions_forgotten);
    } else {
      follower.snapshot_wanted = true;
    }
  }
}

void Router::start_over(Follower& follower, wire::Reason reason) {
  begin_whole(follower);
  follower.refetch = reason;
  follower.skipped = false;
}

// Nothing is in it yet: its followers get all of it, a state topic as a snapshot unless they want
// none. Of several filters of one subscriber the one that was made first decides.
void Router::follow_new_topic(Topic& topic) {
  matching_.clear();
  filters_.match(topic.name, [&](FilterTree::Value value) {
    matching_.push_back(static_cast<const Subscription*>(value));
  });
  work_ += matching_.size();
  std::sort(matching_.begin(), matching_.end(),
            [](const Subscription* a, const Subscription* b) { return a->made < b->made; });
  for (const Subscription* subscription : matching_) {
    const auto followed = subscription->subscriber->followers();
    if (!followed.empty() && followed.back()->topic == &topic) continue;  // by a filter before
    SubscribeRequest request;
    request.from = subscription->no_snapshot ? wire::From::seq : wire::From::beginning;
    request.value = 1;
    follow(topic, *subscription, request);
  }
}

bool Router::unsubscribe(Subscriber& subscriber, uint32_t id) {
  auto& subscriptions = subscriber.subscriptions_;
  const auto found = std::find_if(subscriptions.begin(), subscriptions.end(),
                                  [&](const Subscription* at) { return at->id == id; });
  if (found == subscriptions.end()) return false;
  const std::unique_ptr<Subscription> gone(*found);
  subscriptions.erase(found);
  filters_.erase(gone->filter, gone.get());
  std::optional<FilterTree> others;  // made when it is first asked
  work_ += subscriber.followers_.size();
  for (Follower* follower : subscriber.followers_) {
    const std::string_view name = follower->topic->name;
    if (!wire::filter_matches(gone->filter, name)) continue;
    if (!others) {
      others.emplace();
      for (Subscription* other : subscriptions) {
        others->insert(other->filter, other);
        work_ += 1 + other->filter.size() / 8;  // a level costs about as much as a topic looked at
      }
    }
    follower->unwanted = !others->matches(name);
  }
  for (DueList& list : subscriber.due_) {
    list.remove_if([](const Follower& follower) { return follower.unwanted; });
  }
  for (size_t i = subscriber.followers_.size(); i-- > 0;) {
    if (subscriber.followers_[i]->unwanted) unfollow(subscriber.followers_[i]);
  }
  return true;
}

void Router::unfollow(Follower* follower) {
  if (follower->due) follower->subscriber->due(follower->topic->options->priority).remove(follower);
  auto& of_topic = follower->topic->followers;
  of_topic[follower->index_in_topic] = of_topic.back();
  of_topic[follower->index_in_topic]->index_in_topic = follower->index_in_topic;
  of_topic.pop_back();
  auto& of_subscriber = follower->subscriber->followers_;
  of_subscriber[follower->index_in_subscriber] = of_subscriber.back();
  of_subscriber[follower->index_in_subscriber]->index_in_subscriber = follower->index_in_subscriber;
  of_subscriber.pop_back();
  delete follower;
}

void Router::remove(Subscriber& subscriber) {
  for (Subscription* subscription : subscriber.subscriptions_) {
    filters_.erase(subscription->filter, subscription);
    delete subscription;
  }
  subscriber.subscriptions_.clear();
  subscriber.due_ = {};
  for (Follower* follower : subscriber.followers_) follower->due = false;
  while (!subscriber.followers_.empty()) unfollow(subscriber.followers_.back());
  if (subscriber.in_flush_list) std::erase(flush_list_, &subscriber);
  subscriber.in_flush_list = false;
}

// --- who is due ---

void Router::make_due(Follower& follower) {
  if (!follower.due) follower.subscriber->due(follower.topic->options->priority).push(&follower);
  if (!follower.subscriber->in_flush_list) wake(*follower.subscriber);
}

void Router::mark() {
  for (Topic* topic : marked_) {
    topic->marked = false;
    for (Follower* follower : topic->followers) make_due(*follower);
  }
  marked_.clear();
}

void Router::wake(Subscriber& subscriber) {
  if (subscriber.in_flush_list || subscriber.blocked) return;
  subscriber.in_flush_list = true;
  flush_list_.push_back(&subscriber);
}

void Router::take_flush_list(std::vector<Subscriber*>& out) {
  out.clear();
  out.swap(flush_list_);
  for (Subscriber* subscriber : out) subscriber->in_flush_list = false;
}

}  // namespace btb
