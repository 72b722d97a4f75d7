// Router, second part: subscribing, unsubscribing, removing a subscriber, and the followers of a
// new topic. A request may have to look at many topics, so it is done in pieces, as an Errand; each
// look is counted as work.
#include <algorithm>
#include <utility>

#include "broker/routing/router.h"
#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

// In units of work(): one unit is a look at a topic by its name.
constexpr uint64_t follow_work = 4;
constexpr uint64_t unfollow_work = 2;

// A level of a filter costs about as much as a look at a topic.
uint64_t tree_work(const std::string& filter) {
  return 1 + filter.size() / 8;
}

// An estimate of the memory for a filter in the tree and in the two maps of its subscriber.
uint64_t filter_bytes(std::string_view filter) {
  return 300 + 200 * (1 + static_cast<uint64_t>(std::count(filter.begin(), filter.end(), '/')));
}

}  // namespace

// --- filters ---

void Router::enlist(Interest& interest) {
  filters_.insert(interest.filter, &interest);
  work_ += tree_work(interest.filter);
  const uint64_t bytes = filter_bytes(interest.filter);
  memory_.filter_bytes += bytes;
  if (Account* account = interest.subscriber->follows_for.get(); account != nullptr)
    account->following_bytes += bytes;
}

void Router::delist(Interest& interest) {
  filters_.erase(interest.filter, &interest);
  work_ += tree_work(interest.filter);
  const uint64_t bytes = filter_bytes(interest.filter);
  memory_.filter_bytes -= bytes;
  if (Account* account = interest.subscriber->follows_for.get(); account != nullptr)
    account->following_bytes -= bytes;
}

// --- errands ---

std::unique_ptr<Errand> Router::begin_subscribe(Subscriber& subscriber, SubscribeRequest request) {
  auto errand = std::make_unique<Errand>();
  errand->subscriber_ = &subscriber;
  errand->from_ = request.from;
  errand->value_ = request.value;
  errand->no_snapshot_ = request.no_snapshot;
  errand->epoch_ = request.epoch;
  const Subscription asked{++subscriptions_made_, request.id, request.no_snapshot};
  if (const auto known = subscriber.interests_.find(request.filter);
      known != subscriber.interests_.end()) {
    // The subscriber has this filter already, and follows all topics that match.
    Interest& interest = *known->second;
    interest.asked.push_back(asked);
    subscriber.by_id_.emplace(request.id, &interest);
    errand->topics_ = interest.topics;
    errand->done_ = true;
    return errand;
  }
  if (followers_full(subscriber.follows_for.get())) {
    ++memory_.refused;
    errand->reason_ = wire::Reason::memory_full;
    errand->done_ = true;
    return errand;
  }
  auto made = std::make_unique<Interest>();
  Interest& interest = *made;
  interest.subscriber = &subscriber;
  interest.filter = request.filter;
  interest.asked.push_back(asked);
  subscriber.interests_.emplace(interest.filter, std::move(made));
  subscriber.by_id_.emplace(request.id, &interest);
  subscriber.holding_ = true;
  enlist(interest);
  errand->interest_ = &interest;
  errand->born_ = born_;
  errand->positions_ = std::move(request.positions);
  return errand;
}

std::unique_ptr<Errand> Router::begin_unsubscribe(Subscriber& subscriber, uint32_t id) {
  const auto found = subscriber.by_id_.find(id);
  if (found == subscriber.by_id_.end()) return nullptr;
  Interest& interest = *found->second;
  subscriber.by_id_.erase(found);
  std::erase_if(interest.asked, [&](const Subscription& at) { return at.id == id; });
  auto errand = std::make_unique<Errand>();
  errand->subscriber_ = &subscriber;
  if (!interest.asked.empty()) {
    errand->done_ = true;
    return errand;
  }
  delist(interest);
  const auto kept = subscriber.interests_.find(interest.filter);
  errand->gone_ = std::move(kept->second);
  subscriber.interests_.erase(kept);
  errand->born_ = born_;
  return errand;
}

void Router::go_on(Errand& errand, uint64_t work_until) {
  if (errand.done_) return;
  const std::string& filter =
      errand.gone_ != nullptr ? errand.gone_->filter : errand.interest_->filter;
  do {
    if (walk(filter, errand, work_until)) return settle(errand);
  } while (work_ < work_until);
}

// Goes on looking at the topics that the filter may match, in the order of their names. False if
// there are more.
bool Router::walk(std::string_view filter, Errand& errand, uint64_t work_until) {
  ++work_;
  if (!wire::has_wildcard(filter)) {
    if (Topic* topic = find(filter)) visit(*topic, errand);
    if (errand.reason_ != wire::Reason::none) take_back(errand, filter);
    return true;
  }
  const std::string_view prefix = wire::literal_prefix(filter);
  for (auto at = by_name_.lower_bound(errand.next_.empty() ? prefix : errand.next_);
       at != by_name_.end() && at->first.starts_with(prefix);) {
    ++work_;
    if (wire::filter_matches(filter, at->first)) visit(*at->second, errand);
    if (errand.reason_ != wire::Reason::none && errand.gone_ == nullptr) {
      take_back(errand, at->first);
      return false;
    }
    ++at;
    if (work_ < work_until || at == by_name_.end()) continue;
    errand.next_ = at->first;
    return false;
  }
  return true;
}

void Router::visit(Topic& topic, Errand& errand) {
  const bool later = topic.born > errand.born_;  // then it found its followers when it was made
  Subscriber& subscriber = *errand.subscriber_;
  if (errand.gone_ != nullptr) {
    const bool counted = later ? topic.born <= errand.taken_back_at_
                               : errand.until_.empty() || topic.name < errand.until_;
    Follower* follower = counted ? subscriber.index_.find(topic) : nullptr;
    if (follower != nullptr && --follower->wanted == 0) unfollow(follower);
    return;
  }
  if (later) return;
  Follower* follower = subscriber.index_.find(topic);
  if (follower == nullptr && followers_full(subscriber.follows_for.get())) {
    errand.reason_ = wire::Reason::memory_full;
    ++memory_.refused;
    return;
  }
  ++errand.interest_->topics;
  if (follower == nullptr) {
    follower = &follow(topic, subscriber, errand);
    subscriber.held_[static_cast<size_t>(topic.options->priority)].push(follower);
  }
  ++follower->wanted;
}

// There is no memory for more followers. The errand now removes those it made, up to topic `until`.
void Router::take_back(Errand& errand, std::string_view until) {
  Subscriber& subscriber = *errand.subscriber_;
  errand.until_ = until;
  errand.taken_back_at_ = born_;
  errand.next_.clear();
  errand.gone_ = std::move(subscriber.interests_.find(errand.interest_->filter)->second);
  subscriber.interests_.erase(errand.gone_->filter);
  subscriber.by_id_.erase(errand.gone_->asked.front().id);
  delist(*errand.gone_);
}

void Router::settle(Errand& errand) {
  errand.done_ = true;
  if (errand.interest_ == nullptr) return;
  Subscriber& subscriber = *errand.subscriber_;
  if (errand.reason_ == wire::Reason::none) {
    errand.topics_ = errand.interest_->topics;
    errand.interest_->answered = true;
  }
  subscriber.holding_ = false;
  for (size_t i = 0; i < Subscriber::priorities; ++i) {
    subscriber.due_[i].take(subscriber.held_[i]);
  }
}

uint32_t Router::subscribe(Subscriber& subscriber, SubscribeRequest request) {
  const std::unique_ptr<Errand> errand = begin_subscribe(subscriber, std::move(request));
  go_on(*errand, UINT64_MAX);
  if (subscriber.has_due()) wake(subscriber);
  return errand->topics();
}

bool Router::unsubscribe(Subscriber& subscriber, uint32_t id) {
  const std::unique_ptr<Errand> errand = begin_unsubscribe(subscriber, id);
  if (errand != nullptr) go_on(*errand, UINT64_MAX);
  return errand != nullptr;
}

bool Router::remove(Subscriber& subscriber, uint64_t work_until) {
  subscriber.index_.clear();
  subscriber.by_id_.clear();
  do {
    if (const auto interest = subscriber.interests_.begin();
        interest != subscriber.interests_.end()) {
      delist(*interest->second);
      subscriber.interests_.erase(interest);
    } else if (!subscriber.followers_.empty()) {
      unfollow(subscriber.followers_.back().get());
    } else {
      if (subscriber.in_flush_list) std::erase(flush_list_, &subscriber);
      subscriber.in_flush_list = false;
      return true;
    }
  } while (work_ < work_until);
  return false;
}

// --- followers ---

// Makes a follower. The errand says where it begins; the caller decides whether it is due.
Follower& Router::follow(Topic& topic, Subscriber& subscriber, const Errand& how) {
  work_ += follow_work;
  count_follower(subscriber, 1);
  topic.known = true;
  Follower* const follower = subscriber.followers_.emplace_back(std::make_unique<Follower>()).get();
  follower->subscriber = &subscriber;
  follower->topic = &topic;
  follower->index_in_topic = static_cast<uint32_t>(topic.followers.size());
  follower->index_in_subscriber = static_cast<uint32_t>(subscriber.followers_.size() - 1);
  topic.followers.push_back(follower);
  subscriber.index_.insert(follower);

  const TopicLog& log = topic.log;
  const auto from_seq = [&](uint64_t seq) {
    follower->cursor.next_seq = std::clamp<uint64_t>(seq, 1, log.last_seq() + 1);
  };
  switch (how.from_) {
    case wire::From::latest:
      begin_latest(*follower, how.no_snapshot_);
      break;
    case wire::From::beginning:
      begin_whole(*follower);
      break;
    case wire::From::seq:
      from_seq(static_cast<uint64_t>(std::max<int64_t>(how.value_, 1)));
      break;
    case wire::From::last: {
      const auto count = static_cast<uint64_t>(std::max<int64_t>(how.value_, 0));
      from_seq(log.seq_from_end(count, work_));
      break;
    }
    case wire::From::time:
      from_seq(log.seq_at_time(how.value_, work_));
      break;
    case wire::From::resume:
      resume(*follower, how);
      break;
  }
  follower->position_seq = follower->cursor.next_seq - 1;
  return *follower;
}

// Begins with a snapshot of a state topic, or with the oldest message of an events topic.
void Router::begin_whole(Follower& follower) {
  begin_latest(follower, false);
  if (!follower.snapshot_wanted) follower.cursor = follower.topic->log.begin();
}

// Begins with a snapshot if it is a state topic and one is wanted; if not, with the next message.
void Router::begin_latest(Follower& follower, bool no_snapshot) {
  const TopicLog& log = follower.topic->log;
  const bool snapshot = follower.topic->options->kind == wire::TopicKind::state && !no_snapshot;
  follower.cursor = snapshot ? log.begin() : log.end();
  follower.deletions_from = snapshot ? log.last_seq() : 0;
  follower.snapshot_wanted = snapshot;
  follower.in_snapshot = false;
}

void Router::resume(Follower& follower, const Errand& how) {
  Topic& topic = *follower.topic;
  if (how.epoch_ != epoch_) {
    start_over(follower, wire::Reason::epoch_changed);
    return;
  }
  work_ += how.positions_.work();
  const std::optional<uint64_t> mark = how.positions_.find(topic.number);
  if (!mark) return begin_whole(follower);
  // No client was ever given a position beyond the end. If one comes, begin at the end.
  follower.cursor.next_seq = std::min(*mark, topic.log.last_seq()) + 1;
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

// The new topic is empty, so its followers get everything; of a state topic as a snapshot, unless
// they want none. If several filters of one subscriber match, its oldest subscription decides.
void Router::follow_new_topic(Topic& topic) {
  matching_.clear();
  work_ += filters_.match(topic.name, [&](FilterTree::Value value) {
    matching_.push_back(static_cast<Interest*>(value));
  });
  std::sort(matching_.begin(), matching_.end(), [](const Interest* a, const Interest* b) {
    return a->asked.front().made < b->asked.front().made;
  });
  for (Interest* interest : matching_) {
    Subscriber& subscriber = *interest->subscriber;
    ++interest->topics;
    ++work_;
    const auto followed = subscriber.followers();
    // Another filter of the subscriber matched before.
    if (!followed.empty() && followed.back()->topic == &topic) {
      ++followed.back()->wanted;
      continue;
    }
    Errand how;
    how.from_ = interest->asked.front().no_snapshot ? wire::From::seq : wire::From::beginning;
    how.value_ = 1;
    Follower& follower = follow(topic, subscriber, how);
    ++follower.wanted;
    if (interest->answered) {
      make_due(follower);
    } else {
      subscriber.held_[static_cast<size_t>(topic.options->priority)].push(&follower);
    }
  }
}

void Router::unfollow(Follower* follower) {
  work_ += unfollow_work;
  if (follower->due) DueList::remove(follower);
  Topic& topic = *follower->topic;
  auto& of_topic = topic.followers;
  of_topic[follower->index_in_topic] = of_topic.back();
  of_topic[follower->index_in_topic]->index_in_topic = follower->index_in_topic;
  of_topic.pop_back();
  Subscriber& subscriber = *follower->subscriber;
  auto& of_subscriber = subscriber.followers_;
  std::swap(of_subscriber[follower->index_in_subscriber], of_subscriber.back());
  of_subscriber[follower->index_in_subscriber]->index_in_subscriber = follower->index_in_subscriber;
  const std::unique_ptr<Follower> ends_here = std::move(of_subscriber.back());
  of_subscriber.pop_back();
  if (!subscriber.index_.empty()) subscriber.index_.erase(follower);
  count_follower(subscriber, -1);
  watch(topic);
}

}  // namespace btb
