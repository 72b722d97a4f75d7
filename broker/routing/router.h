// Router: topics by name and number, subscriptions, and the list of subscribers to flush.
//
// Publishing appends to a log and remembers the topic. Once a turn, `mark` puts the followers of
// those topics on the due lists of their subscribers, and the subscribers on the flush list. No I/O
// and no sockets here.
//
// router.cc: topics and publishing. subscriptions.cc: filters, errands and followers. memory.cc:
// what all of it takes of memory, and making room. Pointers and references to a Topic are valid
// until the topic is freed, which only `expire` and `go_on_expiring` do. Resource; [loop] thread.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/routing/filter_tree.h"
#include "broker/routing/follower.h"
#include "broker/routing/marks.h"
#include "sdk/base/clock.h"
#include "sdk/base/result.h"

namespace btb {

// Counters of one topic, since it was made.
struct TopicCounters {
  uint64_t published = 0;
  uint64_t published_bytes = 0;  // of keys and payloads
  uint64_t unchanged = 0;        // deletions of keys that were not there
  uint64_t rejected = 0;         // messages that were refused, for any reason
  uint64_t batches_cut = 0;      // batches whose end did not come in time
  uint64_t evicted = 0;          // bytes of memory that were freed because memory was short
  uint64_t missed = 0;  // messages that a follower did not get, because the log no longer had them
};

// The number of a publisher: 1 for all clients together, from 2 on one for each source.
using Publisher = uint32_t;
constexpr Publisher no_publisher = 0, client_publisher = 1, several_publishers = UINT32_MAX;

struct Topic;

// Topics of kind events, sorted roughly by the memory of their logs: two ranks for each power of
// two. When memory is short, room is made in one of the largest. `index` is the member of Topic
// that holds the topic's position within its rank. Topics are borrowed.
class Ranks {
 public:
  explicit Ranks(uint32_t Topic::*index) : index_(index) {}
  void insert(Topic& topic);
  void erase(const Topic& topic);
  // A topic of the highest rank that has one; null if there is no topic.
  [[nodiscard]] Topic* largest() const;

 private:
  uint32_t Topic::*index_;
  std::array<std::vector<Topic*>, 128> by_rank_;
};

// The resources that one peer uses, in all its sessions and in the topics that they made.
struct Account {
  std::unique_ptr<Ranks> ranks;   // of its topics; null until it makes one
  uint32_t topics = 0;            // topics that it made and that still exist
  uint64_t log_bytes = 0;         // of memory, in the logs of these topics
  uint64_t unfinished_bytes = 0;  // of messages whose parts have not all come
  uint64_t following_bytes = 0;   // of followers and filters
};
using AccountPtr = std::shared_ptr<Account>;

// Finds a topic again, if it still exists. The number alone is not enough: the number of a topic
// that was never followed is given to a new topic later.
struct TopicRef {
  uint32_t number = 0;
  uint64_t born = 0;
};

struct Topic {
  Topic(uint32_t number_in, std::string_view name_in,
        std::shared_ptr<const TopicOptions> options_in)
      : number(number_in), options(std::move(options_in)), name(name_in), log(number, *options) {}

  const uint32_t number;
  bool marked = false;      // in the router's list of topics that changed
  bool watched = false;     // in the router's list of topics that time alone may change
  bool batch_open = false;  // the newest message said that more of its batch follow
  std::shared_ptr<const TopicOptions> options;
  const std::string name;
  TopicLog log;
  // Where a batch was last ended without a message of its own: followers get a position up to here.
  uint64_t closed_seq = 0;
  uint64_t batch_since_ms = 0;        // while batch_open: when the batch was begun
  Publisher batch_by = no_publisher;  // while batch_open: its publisher
  uint64_t born = 0;                  // grows with each topic that is made
  AccountPtr account;                 // of the peer that made it; null: of a source or the broker
  Publisher maker = no_publisher;     // the source that made it, if one did
  uint32_t open = 0;                  // sessions that have opened it to publish
  bool known = false;                 // it was followed: its number is never given to another topic
  uint64_t unused_since_ms = 0;       // 0: it is used, or was not looked at yet
  uint64_t held_bytes = 0;            // of memory in its log, as it was counted last
  uint32_t rank = 0;                  // in Ranks; 0: it is not there
  uint32_t index_in_all = 0;
  uint32_t index_in_account = 0;
  uint64_t seen_in_pass = 0;           // see Router::next_pass
  Publisher publisher = no_publisher;  // none yet, the only one so far, or several_publishers
  std::vector<Follower*> followers;
  TopicCounters counters;
};

// One request to subscribe.
struct Subscription {
  uint64_t made = 0;  // grows with each subscription of any subscriber
  uint32_t id = 0;    // chosen by the subscriber
  bool no_snapshot = false;
};

// One filter of one subscriber, which may have subscribed to it several times. Owned by the
// subscriber, changed by the Router only.
struct Interest {
  Subscriber* subscriber = nullptr;
  std::string filter;
  std::vector<Subscription> asked;  // the oldest first
  uint32_t topics = 0;              // how many topics it matches, of those looked at so far
  bool answered = false;            // all topics were looked at: their messages may be sent
};

// A subscriber follows topics. It is the base of Session, without virtual functions. It cannot be
// moved, because its followers point to it. Router::remove must be called before it is destroyed.
class Subscriber {
 public:
  Subscriber() = default;
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  static constexpr size_t priorities = 4;
  [[nodiscard]] bool has_due() const;
  DueList& due(wire::Priority priority) { return due_[static_cast<size_t>(priority)]; }
  // One follower for each topic. Valid until this subscriber begins or ends to follow a topic.
  [[nodiscard]] std::span<const std::unique_ptr<Follower>> followers() const { return followers_; }
  [[nodiscard]] size_t subscription_count() const { return by_id_.size(); }
  [[nodiscard]] bool has_subscription(uint32_t id) const { return by_id_.contains(id); }
  using Interests = std::map<std::string_view, std::unique_ptr<Interest>>;  // by filter
  [[nodiscard]] const Interests& interests() const { return interests_; }

  // Its followers and filters are counted in this account; null: in none. Set before the first
  // subscription.
  AccountPtr follows_for;
  // While this is true, the router does not put it on the flush list. After setting it to false,
  // call Router::wake.
  bool blocked = false;
  bool in_flush_list = false;

 private:
  friend class Router;
  std::array<DueList, priorities> due_;
  std::array<DueList, priorities> held_;  // followers of a subscription that is not answered yet
  std::vector<std::unique_ptr<Follower>> followers_;
  bool holding_ = false;  // there is such a subscription
  FollowerIndex index_;
  Interests interests_;
  std::unordered_map<uint32_t, Interest*> by_id_;
};

// A new subscription. See fb::Subscribe for the meaning of the fields. `filter` is borrowed for the
// call.
struct SubscribeRequest {
  uint32_t id = 0;
  std::string_view filter;
  wire::From from = wire::From::latest;
  int64_t value = 0;
  bool no_snapshot = false;
  uint64_t epoch = 0;
  Marks positions;
};

// A request to subscribe or to unsubscribe. The router carries it out in pieces, because it may
// have to look at many topics. Its owner destroys it before the subscriber is removed.
class Errand {
 public:
  [[nodiscard]] bool done() const { return done_; }
  // How many topics match. Only for a subscription that is done.
  [[nodiscard]] uint32_t topics() const { return topics_; }
  // none, or memory_full. With memory_full there is no subscription.
  [[nodiscard]] wire::Reason reason() const { return reason_; }

 private:
  friend class Router;
  Interest* interest_ = nullptr;    // to subscribe: the filter that is added
  std::unique_ptr<Interest> gone_;  // to unsubscribe, or to take back: the filter that is removed
  Subscriber* subscriber_ = nullptr;
  wire::From from_ = wire::From::latest;
  int64_t value_ = 0;
  bool no_snapshot_ = false;
  uint64_t epoch_ = 0;
  Marks positions_;
  std::string next_;  // topics from this name on were not looked at yet
  // A subscription for which memory ran out is taken back: topics with names before `until_` had
  // been looked at, and topics made after the errand began, up to `taken_back_at_`, had found the
  // filter.
  std::string until_;
  uint64_t taken_back_at_ = 0;
  wire::Reason reason_ = wire::Reason::none;
  uint64_t born_ = 0;  // newer topics found their followers when they were made
  uint32_t topics_ = 0;
  bool done_ = false;
};

struct PublishResult {
  wire::Reason reason = wire::Reason::none;
  uint64_t seq = 0;  // the number of the message; 0: it changed nothing, or was refused
};

// The memory that all topics and followers take, and what was done when it was short.
struct MemoryUse {
  uint64_t log_bytes = 0;
  uint64_t row_bytes = 0;  // the part of log_bytes that is in state topics
  uint64_t followers = 0;  // their number
  uint64_t filter_bytes = 0;
  uint64_t evicted_messages = 0;
  uint64_t evicted_bytes = 0;
  uint64_t refused = 0;  // messages and subscriptions that found no room
};

class Router {
 public:
  // Gives the options of a topic. Called when a topic is made, for each topic at a reload, and with
  // no_publisher when Router::options_of is asked for a topic that does not exist.
  using OptionsOf =
      std::function<std::shared_ptr<const TopicOptions>(std::string_view name, Publisher maker)>;

  // `clock` must outlive the router. `epoch` names this run of the broker: clients that resume with
  // another one start over.
  Router(const Clock& clock, uint64_t epoch, OptionsOf options_of);
  // REQUIRES: every subscriber was removed.
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  [[nodiscard]] uint64_t epoch() const { return epoch_; }
  // Limits, which the application may set at any time. Topics with names that begin with $ are made
  // even beyond topics_max.
  uint32_t topics_max = limits::topics_max;
  uint32_t client_topics_max = limits::client_topics_max;
  uint32_t client_topics_per_peer_max = limits::client_topics_per_peer_max;
  uint32_t client_batch_ms = limits::client_batch_ms_max;  // longer batches of clients are cut

  // --- topics ---
  // The topic of this name, number or reference; null if there is none.
  [[nodiscard]] Topic* find(std::string_view name) const;
  [[nodiscard]] Topic* find(uint32_t number) const;
  // The options of the topic of this name; if there is no such topic, the options it would get.
  // REQUIRES: `name` is valid.
  [[nodiscard]] std::shared_ptr<const TopicOptions> options_of(std::string_view name) const;
  [[nodiscard]] Topic* find(const TopicRef& ref) const;
  // The topic of this name; makes it if there is none. Null if there are too many topics, in all or
  // in this account. `account` is null for a source and for the broker itself. REQUIRES: `name` is
  // valid.
  Topic* find_or_make(std::string_view name, const AccountPtr& account = nullptr,
                      Publisher maker = no_publisher);
  [[nodiscard]] size_t topic_count() const { return by_name_.size(); }
  [[nodiscard]] uint32_t client_topics() const { return client_topics_; }
  [[nodiscard]] uint64_t topics_freed() const { return topics_freed_; }
  // How many topics were ever made.
  [[nodiscard]] uint64_t born() const { return born_; }
  // The highest number that a topic has, or had.
  [[nodiscard]] uint32_t last_number() const { return static_cast<uint32_t>(topics_.size()); }
  // Whether a topic had this number, and was freed.
  [[nodiscard]] bool is_gone(uint32_t number) const {
    return number != 0 && number <= topics_.size() && topics_[number - 1] == nullptr;
  }
  // Visits all topics in the order of their names. `visit` must not free topics.
  void for_each_topic(const std::function<void(Topic&)>& visit) const;
  // A reload: takes the new options for every topic. A topic cannot change its kind. Returns the
  // names of the topics for which the new options name another kind; these take only client_publish
  // of the new options.
  std::vector<std::string> refresh_options(OptionsOf options_of);

  // --- publishing ---
  // Appends a message to the log of the topic; its followers become due at the next `mark`. A
  // `time_us` of 0 becomes the present time. Refuses with a reason of TopicLog::append, or with
  // delete_unsupported. REQUIRES: key and payload are within the limits.
  PublishResult publish(Topic& topic, const Message& message,
                        Publisher publisher = client_publisher);
  // Deletes rows that have had no message after number `until_seq`, as one batch. Returns how many
  // it deleted: TopicLog::keys_at_once at most; if fewer, no such row is left. REQUIRES: a state
  // topic.
  size_t delete_rows_until(Topic& topic, uint64_t until_seq);
  // A new value for Topic::seen_in_pass: a caller that goes over topics marks with it those it has
  // seen in this pass.
  uint64_t next_pass() { return ++pass_; }
  // Ends a batch whose last message said that more would follow. Does nothing if no batch is open.
  void close_batch(Topic& topic);
  // How many batches were cut in all topics, because their end did not come in time.
  [[nodiscard]] uint64_t batches_cut() const { return batches_cut_; }
  // Makes every log forget the messages that are too old, cuts batches that are open for too long,
  // and frees topics that were unused for long: without publishers, followers and messages. Costs
  // nothing for topics that time alone does not change.
  void expire();
  // The same in pieces; begin it about once a second. go_on_expiring handles about `count` topics
  // and rows; true if there are more.
  void begin_expiring();
  bool go_on_expiring(size_t count);
  // Call this when a topic may have begun to age, because a session has closed it.
  void watch(Topic& topic);

  // --- memory, in bytes ---
  uint64_t memory_max = limits::memory_max;
  uint64_t memory_per_peer_max = limits::memory_per_peer_max;
  [[nodiscard]] const MemoryUse& memory() const { return memory_; }
  [[nodiscard]] uint64_t memory_bytes() const;

  // --- subscriptions --- Begins a subscription. Its followers become due only when the errand is
  // done. REQUIRES: the filter is valid, this subscriber does not use the id, and has no other
  // errand that is not done.
  std::unique_ptr<Errand> begin_subscribe(Subscriber& subscriber, SubscribeRequest request);
  // Begins the end of a subscription; null if there is none with this id. Followers end in pieces,
  // unless another filter of the subscriber matches their topic.
  std::unique_ptr<Errand> begin_unsubscribe(Subscriber& subscriber, uint32_t id);
  // Goes on with the errand until it is done or work() has reached `work_until`; looks at one topic
  // at least. When it is done, its subscriber may have followers that are due: the caller flushes
  // it.
  void go_on(Errand& errand, uint64_t work_until);
  // Subscribes in one piece. Returns the number of topics that match now.
  uint32_t subscribe(Subscriber& subscriber, SubscribeRequest request);
  // Unsubscribes in one piece. False if there is no subscription of this id.
  bool unsubscribe(Subscriber& subscriber, uint32_t id);
  // Ends all subscriptions and followers of the subscriber, and takes it off the flush list.
  void remove(Subscriber& subscriber) { remove(subscriber, UINT64_MAX); }
  // The same in pieces: stops when work() has reached `work_until`, after one piece at least. True
  // when all is done; if false, call it again.
  bool remove(Subscriber& subscriber, uint64_t work_until);
  // How many topics, rows and subscriptions all requests have looked at so far. The difference
  // between two calls is the cost of the requests between them.
  [[nodiscard]] uint64_t work() const { return work_; }
  // Adds to work() a cost that arises outside the router.
  void charge(uint64_t work) { work_ += work; }
  // The follower begins again, with a snapshot of a state topic or the oldest message of an events
  // topic. Its client is told the reason (must_refetch).
  static void start_over(Follower& follower, wire::Reason reason);

  // --- due followers ---
  // Makes the followers of all topics due that changed since the last call.
  void mark();
  // Puts the subscriber on the flush list, unless it is blocked.
  void wake(Subscriber& subscriber);
  // Replaces `out` by the flush list, which is empty then.
  void take_flush_list(std::vector<Subscriber*>& out);
  [[nodiscard]] bool flush_wanted() const { return !flush_list_.empty() || !marked_.empty(); }
  // Puts the follower on the due list of its subscriber, and wakes the subscriber.
  void make_due(Follower& follower);

 private:
  void touch(Topic& topic);
  [[nodiscard]] bool may_make(const Account* account) const;
  [[nodiscard]] static bool is_unused(const Topic& topic);
  [[nodiscard]] static bool ages(const Topic& topic);
  void cut_batch(Topic& topic, uint64_t now_ms);
  static bool is_over(Topic& topic, uint64_t now_ms);
  void free_topic(Topic& topic);
  void recount(Topic& topic);
  void set_rank(Topic& topic, uint32_t rank);
  void evict(Topic& topic);
  bool may_grow(Topic& topic, Publisher publisher);
  bool may_grow_when_short(Topic& topic, bool rows_full);
  bool make_room(Topic& topic);
  void disown(Topic& topic);
  [[nodiscard]] bool is_pressed(const Topic& topic) const;
  [[nodiscard]] bool followers_full(const Account* account) const;
  void count_follower(const Subscriber& subscriber, int change);
  void enlist(Interest& interest);
  void delist(Interest& interest);
  void take_back(Errand& errand, std::string_view until);
  PublishResult append(Topic& topic, const Message& message, Publisher publisher);
  void delete_rows(Topic& topic, std::span<const ByteVector> keys);
  size_t expire_rows(Topic& topic, int64_t now_us);
  Follower& follow(Topic& topic, Subscriber& subscriber, const Errand& how);
  void follow_new_topic(Topic& topic);
  void resume(Follower& follower, const Errand& how);
  static void begin_latest(Follower& follower, bool no_snapshot);
  static void begin_whole(Follower& follower);
  void unfollow(Follower* follower);
  void visit(Topic& topic, Errand& errand);
  bool walk(std::string_view filter, Errand& errand, uint64_t work_until);
  void settle(Errand& errand);

  const Clock* clock_;
  uint64_t epoch_;
  uint64_t pass_ = 0;
  uint64_t work_ = 0;
  uint64_t batches_cut_ = 0;
  uint64_t subscriptions_made_ = 0;
  OptionsOf options_of_;
  std::map<std::string_view, Topic*> by_name_;  // the keys point into Topic::name
  std::vector<std::unique_ptr<Topic>> topics_;  // by number - 1
  uint64_t born_ = 0;
  FilterTree filters_;
  std::vector<uint32_t> free_numbers_;  // of freed topics that were never followed
  uint32_t client_topics_ = 0;
  uint64_t topics_freed_ = 0;
  // Every topic that ages is in watched_, or in expiring_ at expiring_at_ or behind it.
  std::vector<Topic*> watched_;
  std::vector<Topic*> expiring_;
  size_t expiring_at_ = 0;
  MemoryUse memory_;
  Ranks ranks_{&Topic::index_in_all};
  std::vector<Interest*> matching_;  // the filters that match the topic that is being made
  std::vector<Topic*> marked_;
  std::vector<Subscriber*> flush_list_;

  // A follower, and its entries in the lists of its topic and of its subscriber and in
  // FollowerIndex.
  static constexpr uint64_t follower_bytes = sizeof(Follower) + 16 + 3 * sizeof(Follower*);
  // A topic without its log: its name, and its entries in by_name_ and topics_.
  static constexpr uint64_t topic_bytes = sizeof(Topic) + 128;
};

// --- inline, because they are called for each message ---

inline uint64_t Router::memory_bytes() const {
  return memory_.log_bytes + memory_.followers * follower_bytes + memory_.filter_bytes +
         by_name_.size() * topic_bytes;
}

inline bool Router::is_pressed(const Topic& topic) const {
  return memory_bytes() > memory_max ||
         (topic.account != nullptr && topic.account->log_bytes > memory_per_peer_max);
}

// Whether a message may make `topic` larger. Makes room first if memory is short.
inline bool Router::may_grow(Topic& topic, Publisher publisher) {
  const bool rows_full = topic.options->kind == wire::TopicKind::state &&
                         publisher == client_publisher &&
                         memory_.row_bytes > memory_max / limits::client_rows_share;
  return (!rows_full && !is_pressed(topic)) || may_grow_when_short(topic, rows_full);
}

}  // namespace btb
