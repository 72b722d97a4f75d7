// Router, first part: topics, publishing, expiring, and due followers. See subscriptions.cc and
// memory.cc for the rest.
#include "broker/routing/router.h"

#include <algorithm>

#include "sdk/wire/topic_name.h"

namespace btb {

bool Subscriber::has_due() const {
  return std::any_of(due_.begin(), due_.end(), [](const DueList& list) { return !list.empty(); });
}

Router::Router(const Clock& clock, uint64_t epoch, OptionsOf options_of)
    : clock_(&clock), epoch_(epoch), options_of_(std::move(options_of)) {}

Router::~Router() {
  for (const auto& [name, topic] : by_name_) BTB_ASSERT(topic->followers.empty());
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
  return topic == nullptr ? options_of_(name, no_publisher) : topic->options;
}

Topic* Router::find(const TopicRef& ref) const {
  Topic* topic = find(ref.number);
  return topic != nullptr && topic->born == ref.born ? topic : nullptr;
}

bool Router::may_make(const Account* account) const {
  const bool numbers = !free_numbers_.empty() || topics_.size() < limits::topic_numbers_max / 2;
  return numbers && client_topics_ < client_topics_max && !followers_full(nullptr) &&
         account->topics < client_topics_per_peer_max;
}

Topic* Router::find_or_make(std::string_view name, const AccountPtr& account, Publisher maker) {
  if (Topic* topic = find(name)) {
    topic->unused_since_ms = 0;
    return topic;
  }
  // The broker's own topics are few, and they say when there are too many others.
  if (by_name_.size() >= topics_max && !wire::is_reserved(name)) return nullptr;
  if (account != nullptr && !may_make(account.get())) return nullptr;
  uint32_t number = static_cast<uint32_t>(topics_.size() + 1);
  if (free_numbers_.empty()) {
    if (number > limits::topic_numbers_max) return nullptr;
    topics_.emplace_back();
  } else {
    number = free_numbers_.back();
    free_numbers_.pop_back();
  }
  topics_[number - 1] = std::make_unique<Topic>(number, name, options_of_(name, maker));
  Topic& topic = *topics_[number - 1];
  topic.born = ++born_;
  topic.account = account;
  topic.maker = maker;
  if (account != nullptr) {
    ++account->topics;
    ++client_topics_;
    if (account->ranks == nullptr) {
      account->ranks = std::make_unique<Ranks>(&Topic::index_in_account);
    }
  }
  by_name_.emplace(topic.name, &topic);
  follow_new_topic(topic);
  watch(topic);
  return &topic;
}

void Router::for_each_topic(const std::function<void(Topic&)>& visit) const {
  for (const auto& [name, topic] : by_name_) visit(*topic);
}

std::vector<std::string> Router::refresh_options(OptionsOf options_of) {
  options_of_ = std::move(options_of);
  std::vector<std::string> kept_kind;
  for (const auto& [name, topic] : by_name_) {
    std::shared_ptr<const TopicOptions> options = options_of_(name, topic->maker);
    if (options->kind != topic->options->kind) {
      kept_kind.push_back(topic->name);
      // If the reload forbids clients to publish, that is true for this topic, too.
      auto kept = std::make_shared<TopicOptions>(*topic->options);
      kept->client_publish = options->client_publish;
      topic->log.set_options(*kept);
      topic->options = std::move(kept);
      recount(*topic);
      continue;
    }
    const bool moved = options->priority != topic->options->priority;
    for (Follower* follower : topic->followers) {
      // While its subscription is not answered, a follower stays in its list. So it comes once in
      // the order of its old priority.
      if (!moved || !follower->due || follower->subscriber->holding_) continue;
      DueList::remove(follower);
      follower->subscriber->due(options->priority).push(follower);
    }
    topic->log.set_options(*options);
    topic->options = std::move(options);
    recount(*topic);
    watch(*topic);
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
    if (publisher != client_publisher && topic.account != nullptr) disown(topic);
  }
  return append(topic, message, publisher);
}

PublishResult Router::append(Topic& topic, const Message& message, Publisher publisher) {
  if (message.time_us == 0) {
    Message timed = message;
    timed.time_us = clock_->now_us();
    return append(topic, timed, publisher);
  }
  const bool possible = !message.deletion || topic.options->kind == wire::TopicKind::state;
  const Appended appended = possible ? topic.log.append(message, may_grow(topic, publisher))
                                     : Appended{wire::Reason::delete_unsupported, 0};
  if (topic.held_bytes != topic.log.held_bytes()) recount(topic);
  if (appended.reason == wire::Reason::memory_full) ++memory_.refused;
  if (appended.seq == 0) {
    ++(appended.reason == wire::Reason::none ? topic.counters.unchanged : topic.counters.rejected);
    if (!message.batch_more) close_batch(topic);  // it ends its batch all the same
    return {appended.reason, 0};
  }
  ++topic.counters.published;
  topic.counters.published_bytes += message.key.size() + message.payload.size();
  if (message.batch_more && !topic.batch_open) {
    topic.batch_since_ms = clock_->mono_ms();
    topic.batch_by = publisher;
  }
  topic.batch_open = message.batch_more;
  // A topic with a new message can age for these reasons only: see ages().
  if (topic.batch_open || message.deletion || topic.options->keep_age_us != 0) watch(topic);
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
  begin_expiring();
  while (go_on_expiring(SIZE_MAX)) {
  }
}

// Whether time alone may change the topic.
bool Router::ages(const Topic& topic) {
  return topic.batch_open || is_unused(topic) ||
         (topic.options->keep_age_us != 0 && topic.log.messages() != 0);
}

void Router::watch(Topic& topic) {
  if (topic.watched || !ages(topic)) return;
  topic.watched = true;
  watched_.push_back(&topic);
}

void Router::begin_expiring() {
  if (!expiring_.empty()) return;  // the last pass goes on
  expiring_.swap(watched_);
  expiring_at_ = 0;
}

bool Router::go_on_expiring(size_t count) {
  if (expiring_.empty()) return false;
  const int64_t now_us = clock_->now_us();
  const uint64_t now_ms = clock_->mono_ms();
  while (expiring_at_ < expiring_.size()) {
    if (count == 0) return true;
    Topic& topic = *expiring_[expiring_at_];
    cut_batch(topic, now_ms);
    // Not within a batch, which deletions would end.
    const size_t rows = topic.batch_open ? 0 : expire_rows(topic, now_us);
    count -= std::min(count, rows + 1);
    if (rows == TopicLog::keys_at_once) continue;  // there may be more
    ++expiring_at_;
    if (topic.held_bytes != topic.log.held_bytes()) recount(topic);
    if (is_over(topic, now_ms)) {
      free_topic(topic);
      continue;
    }
    topic.watched = false;
    watch(topic);
  }
  expiring_.clear();
  return false;
}

void Router::cut_batch(Topic& topic, uint64_t now_ms) {
  const uint64_t batch_ms =
      topic.batch_by == client_publisher ? client_batch_ms : limits::batch_open_ms_max;
  if (!topic.batch_open || now_ms - topic.batch_since_ms < batch_ms) return;
  ++topic.counters.batches_cut;
  ++batches_cut_;
  close_batch(topic);
}

// Deletes the rows that are too old, at most TopicLog::keys_at_once. Returns how many.
size_t Router::expire_rows(Topic& topic, int64_t now_us) {
  const std::vector<ByteVector> keys = topic.log.expire(now_us);
  delete_rows(topic, keys);
  return keys.size();
}

// Whether the topic has been unused for so long that it is freed.
bool Router::is_over(Topic& topic, uint64_t now_ms) {
  if (!is_unused(topic)) {
    topic.unused_since_ms = 0;
    return false;
  }
  if (topic.unused_since_ms == 0) topic.unused_since_ms = std::max<uint64_t>(now_ms, 1);
  return now_ms - topic.unused_since_ms >= limits::topic_unused_ms &&
         topic.unused_since_ms <= now_ms;
}

// The broker's own topics stay, because the code that fills them remembers what they contain.
bool Router::is_unused(const Topic& topic) {
  return topic.open == 0 && topic.followers.empty() && !topic.batch_open &&
         topic.log.messages() == 0 && !wire::is_reserved(topic.name);
}

void Router::free_topic(Topic& topic) {
  if (topic.marked) std::erase(marked_, &topic);
  if (topic.rank != 0) set_rank(topic, 0);
  memory_.log_bytes -= topic.held_bytes;
  if (topic.options->kind == wire::TopicKind::state) memory_.row_bytes -= topic.held_bytes;
  if (topic.account != nullptr) {
    topic.account->log_bytes -= topic.held_bytes;
    --topic.account->topics;
    --client_topics_;
  }
  ++topics_freed_;
  const uint32_t number = topic.number;
  if (!topic.known) free_numbers_.push_back(number);
  by_name_.erase(topic.name);
  topics_[number - 1].reset();
}

void Router::delete_rows(Topic& topic, std::span<const ByteVector> keys) {
  for (size_t i = 0; i < keys.size(); ++i) {
    Message deletion;
    deletion.key = keys[i];
    deletion.deletion = true;
    deletion.batch_more = i + 1 < keys.size();
    append(topic, deletion, no_publisher);
  }
}

size_t Router::delete_rows_until(Topic& topic, uint64_t until_seq) {
  const std::vector<ByteVector> keys = topic.log.keys_until(until_seq);
  delete_rows(topic, keys);
  return keys.size();
}

// --- due followers ---

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
