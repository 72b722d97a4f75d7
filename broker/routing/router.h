// Router: topics by name and number, subscriptions, and who is due.
//
// Publishing appends to a log and remembers the topic; once a turn, `mark` puts the followers of
// those topics on the due lists of their subscribers, and the subscribers on the list to be
// flushed. No I/O and no sockets here. Resource; [loop] thread.
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

// Counters of one topic. `rejected` are messages that were not taken, whatever the reason.
struct TopicCounters {
  uint64_t published = 0;
  uint64_t published_bytes = 0;  // of keys and payloads
  uint64_t unchanged = 0;        // deletions of what was not there
  uint64_t rejected = 0;
  uint64_t batches_cut = 0;  // that got no end in time
  uint64_t evicted = 0;      // bytes of memory that others needed
  uint64_t missed = 0;       // messages that a follower did not get: the log no longer had them
};

// Who publishes: 1 for all clients together, from 2 on one for each source.
using Publisher = uint32_t;
constexpr Publisher no_publisher = 0, client_publisher = 1, several_publishers = UINT32_MAX;

struct Topic;

// Logs of events by what they hold, two ranks for each power of two: room is made at the upper end.
// `index` is where a topic keeps its place.
class Ranks {
 public:
  explicit Ranks(uint32_t Topic::*index) : index_(index) {}
  void insert(Topic& topic);
  void erase(const Topic& topic);
  // One of those in the highest rank; null if there is none.
  [[nodiscard]] Topic* largest() const;

 private:
  uint32_t Topic::*index_;
  std::array<std::vector<Topic*>, 128> by_rank_;
};

// Whom topics are counted for that a client made: one for all sessions of a peer.
struct Account {
  std::unique_ptr<Ranks> ranks;   // of its topics, once it has made one
  uint32_t topics = 0;            // that are there
  uint64_t log_bytes = 0;         // of memory, in their logs
  uint64_t unfinished_bytes = 0;  // of messages whose parts have not all come
  uint64_t following_bytes = 0;   // of followers and filters
};
using AccountPtr = std::shared_ptr<Account>;

// Finds a topic again, if it is still there: numbers of topics that nobody was told of come again.
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
  bool watched = false;     // in its list of those that time changes
  bool batch_open = false;  // the newest message said that more of its batch follow
  std::shared_ptr<const TopicOptions> options;
  const std::string name;
  TopicLog log;
  uint64_t closed_seq = 0;      // a batch was ended without a message: position is due up to here
  uint64_t batch_since_ms = 0;  // while batch_open: when it was begun
  Publisher batch_by = no_publisher;  // and by whom
  uint64_t born = 0;                  // counts all topics that were ever made
  AccountPtr account;                 // null: a source's, or the broker's own
  Publisher maker = no_publisher;     // the source that made it, if one did
  uint32_t open = 0;                  // sessions that have opened it to publish
  bool known = false;                 // somebody followed it: its number is never given to another
  uint64_t unused_since_ms = 0;       // 0: it is used, or was not looked at yet
  uint64_t held_bytes = 0;            // of memory, as it was counted last
  uint32_t rank = 0;                  // where it stands in Ranks; 0: nowhere
  uint32_t index_in_all = 0;
  uint32_t index_in_account = 0;
  uint64_t seen_in_pass = 0;           // see Router::next_pass
  Publisher publisher = no_publisher;  // the only one so far, or several_publishers
  std::vector<Follower*> followers;
  TopicCounters counters;
};

// What a subscriber asked for by one number of its own.
struct Subscription {
  uint64_t made = 0;  // in the order in which they were made
  uint32_t id = 0;
  bool no_snapshot = false;
};

// One filter of one subscriber, however often it asked for it. Owned by the Router.
struct Interest {
  Subscriber* subscriber = nullptr;
  std::string filter;
  std::vector<Subscription> asked;  // the one made first is the first
  uint32_t topics = 0;              // that it matches, as far as they were looked at
  bool answered = false;            // all were: what it brings may be sent
};

// Who follows topics: the base of a session, without virtual functions. It must stay where it is.
class Subscriber {
 public:
  Subscriber() = default;
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  static constexpr size_t priorities = 4;
  [[nodiscard]] bool has_due() const;
  DueList& due(wire::Priority priority) { return due_[static_cast<size_t>(priority)]; }
  [[nodiscard]] std::span<Follower* const> followers() const { return followers_; }
  [[nodiscard]] size_t subscription_count() const { return by_id_.size(); }
  [[nodiscard]] bool has_subscription(uint32_t id) const { return by_id_.contains(id); }
  using Interests = std::map<std::string_view, std::unique_ptr<Interest>>;  // by filter
  [[nodiscard]] const Interests& interests() const { return interests_; }

  // Whom its followers and filters are counted for; null: nobody. Set before there are any.
  AccountPtr follows_for;
  // Not flushed while it is blocked; whoever unblocks it calls Router::wake.
  bool blocked = false;
  bool in_flush_list = false;

 private:
  friend class Router;
  std::array<DueList, priorities> due_;
  std::array<DueList, priorities> held_;  // of a subscription that was not answered yet
  std::vector<Follower*> followers_;
  bool holding_ = false;  // there is one
  FollowerIndex index_;
  Interests interests_;
  std::unordered_map<uint32_t, Interest*> by_id_;
};

// Where a new subscription begins; see fb::Subscribe.
struct SubscribeRequest {
  uint32_t id = 0;
  std::string_view filter;
  wire::From from = wire::From::latest;
  int64_t value = 0;
  bool no_snapshot = false;
  uint64_t epoch = 0;
  Marks positions;
};

// A request that the router carries out in pieces, because it has to look at many topics. Whoever
// holds it drops it before its subscriber is removed. [loop]
class Errand {
 public:
  [[nodiscard]] bool done() const { return done_; }
  // Of a subscription that is done: how many topics match.
  [[nodiscard]] uint32_t topics() const { return topics_; }
  // none, or memory_full: then there is no subscription.
  [[nodiscard]] wire::Reason reason() const { return reason_; }

 private:
  friend class Router;
  Interest* interest_ = nullptr;    // of a subscription
  std::unique_ptr<Interest> gone_;  // of the end of one
  Subscriber* subscriber_ = nullptr;
  wire::From from_ = wire::From::latest;
  int64_t value_ = 0;
  bool no_snapshot_ = false;
  uint64_t epoch_ = 0;
  Marks positions_;
  std::string next_;            // the name from which on topics were not looked at
  std::string until_;           // of one that is taken back: where it had come to,
  uint64_t taken_back_at_ = 0;  // and which topics had found it themselves
  wire::Reason reason_ = wire::Reason::none;
  uint64_t born_ = 0;  // topics made later know what they have to know
  uint32_t topics_ = 0;
  bool done_ = false;
};

struct PublishResult {
  wire::Reason reason = wire::Reason::none;
  uint64_t seq = 0;  // 0: it changed nothing
};

// What all topics and followers take of memory, and what was done about it.
struct MemoryUse {
  uint64_t log_bytes = 0;
  uint64_t row_bytes = 0;  // of these, in state topics
  uint64_t followers = 0;
  uint64_t filter_bytes = 0;
  uint64_t evicted_messages = 0;
  uint64_t evicted_bytes = 0;
  uint64_t refused = 0;  // messages and subscriptions
};

class Router {
 public:
  // What a topic of this name is like. Called once when it is made, and for all at a reload.
  using OptionsOf =
      std::function<std::shared_ptr<const TopicOptions>(std::string_view name, Publisher maker)>;

  Router(const Clock& clock, uint64_t epoch, OptionsOf options_of);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  [[nodiscard]] uint64_t epoch() const { return epoch_; }
  uint32_t topics_max =
      limits::topics_max;  // those whose names begin with $ are made beyond it, too
  uint32_t client_topics_max = limits::client_topics_max;
  uint32_t client_topics_per_peer_max = limits::client_topics_per_peer_max;
  uint32_t client_batch_ms = limits::client_batch_ms_max;

  // --- topics ---
  [[nodiscard]] Topic* find(std::string_view name) const;
  [[nodiscard]] Topic* find(uint32_t number) const;
  // What the topic of this name is like, or would be. REQUIRES: a valid name.
  [[nodiscard]] std::shared_ptr<const TopicOptions> options_of(std::string_view name) const;
  [[nodiscard]] Topic* find(const TopicRef& ref) const;
  // The topic of this name, made if there is none; null if there are too many, of this account or
  // of all. Without an account it is a source's or the broker's own. REQUIRES: a valid name.
  Topic* find_or_make(std::string_view name, const AccountPtr& account = nullptr,
                      Publisher maker = no_publisher);
  [[nodiscard]] size_t topic_count() const { return by_name_.size(); }
  [[nodiscard]] uint32_t client_topics() const { return client_topics_; }
  [[nodiscard]] uint64_t topics_freed() const { return topics_freed_; }
  // Counts all topics that were ever made.
  [[nodiscard]] uint64_t born() const { return born_; }
  // Whether a topic had this number and is gone.
  [[nodiscard]] bool is_gone(uint32_t number) const {
    return number != 0 && number <= topics_.size() && topics_[number - 1] == nullptr;
  }
  // In the order of their names.
  void for_each_topic(const std::function<void(Topic&)>& visit) const;
  // A reload: asks options_of again for every topic. A topic keeps its kind; returns the names of
  // those that would have another: of what else changed they take only client_publish.
  std::vector<std::string> refresh_options(OptionsOf options_of);

  // --- publishing ---
  // REQUIRES: key and payload within the limits.
  PublishResult publish(Topic& topic, const Message& message,
                        Publisher publisher = client_publisher);
  // Deletes rows that have had no message since number `until_seq`, as one batch, at most
  // TopicLog::keys_at_once. Returns how many; fewer than that were all. REQUIRES: a state topic.
  size_t delete_rows_until(Topic& topic, uint64_t until_seq);
  // A number that no topic bears as its seen_in_pass yet: for one pass over topics in which each is
  // to be told from those seen before.
  uint64_t next_pass() { return ++pass_; }
  // Ends a batch whose last message said that more would follow.
  void close_batch(Topic& topic);
  // Batches that got no end in time, in all topics.
  [[nodiscard]] uint64_t batches_cut() const { return batches_cut_; }
  // Lets every log forget what is too old, and topics go that nobody publishes to, follows, or has
  // messages in. To be begun about once a second. Costs nothing for the topics to which none of it
  // applies.
  void expire();
  // The same in pieces: go_on_expiring looks at `count` topics, or fewer and so many rows of them;
  // true if there are more.
  void begin_expiring();
  bool go_on_expiring(size_t count);
  // To be said of a topic whenever it may have begun to age: nobody has it open any more.
  void watch(Topic& topic);

  // --- memory ---
  uint64_t memory_max = limits::memory_max;
  uint64_t memory_per_peer_max = limits::memory_per_peer_max;
  [[nodiscard]] const MemoryUse& memory() const { return memory_; }
  [[nodiscard]] uint64_t memory_bytes() const;

  // --- subscriptions ---
  // REQUIRES: a valid filter, an id that this subscriber does not use, no other errand of it that
  // is not done. Nothing of the subscription becomes due before all of it is done.
  std::unique_ptr<Errand> begin_subscribe(Subscriber& subscriber, SubscribeRequest request);
  // Null if there is no subscription of this id. What nobody else asked for goes bit by bit.
  std::unique_ptr<Errand> begin_unsubscribe(Subscriber& subscriber, uint32_t id);
  // Goes on until it is done, or work() has reached `work_until`; always by at least one topic.
  // Once it is done its subscriber may have something due; who flushes it, and when, is the
  // caller's.
  void go_on(Errand& errand, uint64_t work_until);
  // The same in one piece. Returns the number of topics that match now.
  uint32_t subscribe(Subscriber& subscriber, SubscribeRequest request);
  // False if there is no subscription of this id.
  bool unsubscribe(Subscriber& subscriber, uint32_t id);
  // Takes the subscriber out of everything.
  void remove(Subscriber& subscriber) { remove(subscriber, UINT64_MAX); }
  // The same until work() has reached `work_until`, but some of it at least; true once all is done.
  bool remove(Subscriber& subscriber, uint64_t work_until);
  // Topics, rows and subscriptions looked at so far for the sake of requests: what a caller charges
  // its session for is the difference.
  [[nodiscard]] uint64_t work() const { return work_; }
  // For work that a request is to its session, whatever it finds.
  void charge(uint64_t work) { work_ += work; }
  // Lets a follower begin anew, with the snapshot or the oldest message; its client is told why.
  static void start_over(Follower& follower, wire::Reason reason);

  // --- who is due ---
  void mark();
  // Puts the subscriber on the list to be flushed.
  void wake(Subscriber& subscriber);
  // Moves those to be flushed to `out`, which is emptied first.
  void take_flush_list(std::vector<Subscriber*>& out);
  [[nodiscard]] bool flush_wanted() const { return !flush_list_.empty() || !marked_.empty(); }
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
  std::map<std::string_view, Topic*> by_name_;  // keys are the topics' own names
  std::vector<std::unique_ptr<Topic>> topics_;  // by number - 1
  uint64_t born_ = 0;
  FilterTree filters_;
  std::vector<uint32_t> free_numbers_;  // of which nobody was ever told
  uint32_t client_topics_ = 0;
  uint64_t topics_freed_ = 0;
  std::vector<Topic*> watched_;  // whatever ages is in it, or in expiring_ from expiring_at_ on
  std::vector<Topic*> expiring_;
  size_t expiring_at_ = 0;
  MemoryUse memory_;
  Ranks ranks_{&Topic::index_in_all};
  std::vector<Interest*> matching_;  // of the topic that is being made
  std::vector<Topic*> marked_;
  std::vector<Subscriber*> flush_list_;

  // A follower, and its places in the lists of its topic, of its subscriber, and by topic.
  static constexpr uint64_t follower_bytes = sizeof(Follower) + 16 + 3 * sizeof(Follower*);
  // A topic without its log: its name, and its places by name and by number.
  static constexpr uint64_t topic_bytes = sizeof(Topic) + 128;
};

// --- asked for each message ---

inline uint64_t Router::memory_bytes() const {
  return memory_.log_bytes + memory_.followers * follower_bytes + memory_.filter_bytes +
         by_name_.size() * topic_bytes;
}

inline bool Router::is_pressed(const Topic& topic) const {
  return memory_bytes() > memory_max ||
         (topic.account != nullptr && topic.account->log_bytes > memory_per_peer_max);
}

// Whether a message may make `topic` larger, once there is room for it.
inline bool Router::may_grow(Topic& topic, Publisher publisher) {
  const bool rows_full = topic.options->kind == wire::TopicKind::state &&
                         publisher == client_publisher &&
                         memory_.row_bytes > memory_max / limits::client_rows_share;
  return (!rows_full && !is_pressed(topic)) || may_grow_when_short(topic, rows_full);
}

}  // namespace btb
