// Router: counting the memory of topics and followers, and making room. When memory is short, the
// oldest messages of events topics are forgotten. If the topic was made by a client whose peer has
// more than its share, they go from the largest topic of that peer; after that, from the largest
// topic of all. Rows of state topics stay. A row that would need more memory is refused; a client's
// row is refused earlier, when rows have taken their share.
#include <algorithm>
#include <bit>

#include "broker/routing/router.h"
#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

// Two ranks for each power of two.
uint32_t rank_of(uint64_t bytes) {
  if (bytes < 4) return 0;
  const auto width = static_cast<uint32_t>(std::bit_width(bytes));
  return 2 * width - 2 + static_cast<uint32_t>((bytes >> (width - 2)) & 1U);
}

}  // namespace

// Whether one more follower would exceed the share of all followers, or that of its peer.
bool Router::followers_full(const Account* account) const {
  const uint64_t share = memory_max / limits::followers_share;
  const uint64_t all = memory_.followers * follower_bytes + memory_.filter_bytes;
  return all + follower_bytes > share ||
         (account != nullptr &&
          account->following_bytes + follower_bytes > share / limits::followers_per_peer_share);
}

void Router::count_follower(const Subscriber& subscriber, int change) {
  memory_.followers += static_cast<uint64_t>(change);
  if (Account* account = subscriber.follows_for.get(); account != nullptr)
    account->following_bytes += static_cast<uint64_t>(change) * follower_bytes;
}

// Takes over in all counters how much memory the log of the topic holds now.
void Router::recount(Topic& topic) {
  const uint64_t now = topic.log.held_bytes();
  memory_.log_bytes += now - topic.held_bytes;
  if (topic.account != nullptr) topic.account->log_bytes += now - topic.held_bytes;
  const bool events = topic.options->kind == wire::TopicKind::events;
  if (!events) memory_.row_bytes += now - topic.held_bytes;
  topic.held_bytes = now;
  const uint32_t rank = events ? rank_of(now) : 0;
  if (rank != topic.rank) set_rank(topic, rank);
}

void Router::set_rank(Topic& topic, uint32_t rank) {
  Ranks* own = topic.account == nullptr ? nullptr : topic.account->ranks.get();
  if (topic.rank != 0) {
    ranks_.erase(topic);
    if (own != nullptr) own->erase(topic);
  }
  topic.rank = rank;
  if (rank == 0) return;
  ranks_.insert(topic);
  if (own != nullptr) own->insert(topic);
}

// The broker's own topics may always grow: they are small, and they say what is wrong.
bool Router::may_grow_when_short(Topic& topic, bool rows_full) {
  return wire::is_reserved(topic.name) || (!rows_full && make_room(topic));
}

// A source publishes to a topic that a client made. From now on the topic is not counted for the
// peer of this client.
void Router::disown(Topic& topic) {
  const uint32_t rank = topic.rank;
  if (rank != 0) set_rank(topic, 0);
  topic.account->log_bytes -= topic.held_bytes;
  --topic.account->topics;
  --client_topics_;
  topic.account = nullptr;
  if (rank != 0) set_rank(topic, rank);
}

// Forgets the oldest segment. Followers that still need it are told the numbers that they missed.
void Router::evict(Topic& topic) {
  const uint64_t before = topic.log.held_bytes();
  memory_.evicted_messages += topic.log.drop_oldest();
  memory_.evicted_bytes += before - topic.log.held_bytes();
  topic.counters.evicted += before - topic.log.held_bytes();
  recount(topic);
  watch(topic);
}

// True once a message may make `topic` larger.
bool Router::make_room(Topic& topic) {
  if (Account* account = topic.account.get(); account != nullptr) {
    while (account->log_bytes > memory_per_peer_max) {
      Topic* largest = account->ranks->largest();
      if (largest == nullptr) return false;
      evict(*largest);
    }
  }
  while (memory_bytes() > memory_max) {
    Topic* largest = ranks_.largest();
    if (largest == nullptr) return false;
    evict(*largest);
  }
  return true;
}

// --- ranks ---

void Ranks::insert(Topic& topic) {
  std::vector<Topic*>& those = by_rank_[topic.rank];
  topic.*index_ = static_cast<uint32_t>(those.size());
  those.push_back(&topic);
}

void Ranks::erase(const Topic& topic) {
  std::vector<Topic*>& those = by_rank_[topic.rank];
  const uint32_t hole = topic.*index_;
  those[hole] = those.back();
  those[hole]->*index_ = hole;
  those.pop_back();
}

Topic* Ranks::largest() const {
  for (size_t rank = by_rank_.size(); rank-- > 0;) {
    if (!by_rank_[rank].empty()) return by_rank_[rank].front();
  }
  return nullptr;
}

}  // namespace btb
