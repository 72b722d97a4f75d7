// Follower: one session's interest in one topic, with the cursor that says how far the session has
// read. DueList and FollowerIndex: the followers of one subscriber, by their turn and by topic.
//
// A follower is owned by its subscriber. Its flags say what the client was told about the topic.
// They change only after the link took the frame that tells it. [loop] thread.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/log/topic_log.h"

namespace btb {

class Subscriber;
struct Topic;

// The links of one entry of a DueList to its neighbours.
struct DueLink {
  DueLink* next = nullptr;
  DueLink* before = nullptr;
};

struct Follower : DueLink {
  Subscriber* subscriber = nullptr;
  Topic* topic = nullptr;
  Cursor cursor;
  // Deletions up to this number are not sent: the client never heard of their keys.
  uint64_t deletions_from = 0;
  // The sequence number in the `position` or `snapshot_end` that was sent last.
  uint64_t position_seq = 0;
  uint32_t index_in_topic = 0;
  uint32_t index_in_subscriber = 0;
  uint32_t wanted = 0;  // how many filters of its subscriber match the topic

  bool due = false;                           // it is in one of the due lists of its subscriber
  bool announced = false;                     // the topic's number and name were sent
  bool snapshot_wanted = false;               // snapshot_begin is to be sent
  bool in_snapshot = false;                   // snapshot_begin was sent, snapshot_end is to follow
  bool skipped = false;                       // frames were left out since the last position
  wire::Reason refetch = wire::Reason::none;  // must_refetch is to be sent, with this reason
};

// Followers that wait for their turn, first in, first out. A follower is in one list at most. The
// list cannot be moved, because its followers point to it.
class DueList {
 public:
  DueList() { clear(); }
  DueList(const DueList&) = delete;
  DueList& operator=(const DueList&) = delete;

  [[nodiscard]] bool empty() const { return ends_.next == &ends_; }
  // REQUIRES: not empty.
  [[nodiscard]] Follower* front() const { return static_cast<Follower*>(ends_.next); }
  // Whether there is exactly one.
  [[nodiscard]] bool has_one() const { return !empty() && ends_.next == ends_.before; }
  // Puts a follower at the end. REQUIRES: it is in no list.
  void push(Follower* follower) {
    follower->due = true;
    follower->next = &ends_;
    follower->before = ends_.before;
    ends_.before->next = follower;
    ends_.before = follower;
  }
  // Takes the first follower out. REQUIRES: not empty.
  Follower* pop() {
    Follower* follower = front();
    remove(follower);
    return follower;
  }
  // Takes a follower out of its list. REQUIRES: it is in one.
  static void remove(Follower* follower) {
    follower->before->next = follower->next;
    follower->next->before = follower->before;
    follower->due = false;
  }
  // Moves all followers of `other` to the end of this list.
  void take(DueList& other) {
    if (other.empty()) return;
    other.ends_.next->before = ends_.before;
    ends_.before->next = other.ends_.next;
    other.ends_.before->next = &ends_;
    ends_.before = other.ends_.before;
    other.clear();
  }

 private:
  void clear() { ends_.next = ends_.before = &ends_; }

  DueLink ends_;  // `next` is the first follower, `before` the last one
};

// The followers of one subscriber, found by topic. A hash table of pointers with open addressing.
class FollowerIndex {
 public:
  // The follower of this topic; null if there is none.
  [[nodiscard]] Follower* find(const Topic& topic) const;
  // Borrows the follower until it is erased. REQUIRES: there is no other one for its topic.
  void insert(Follower* follower);
  // REQUIRES: the follower is in the index.
  void erase(const Follower* follower);
  void clear() {
    std::vector<Follower*>().swap(places_);
    size_ = 0;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  [[nodiscard]] size_t mask() const { return places_.size() - 1; }
  [[nodiscard]] size_t home(const Topic* topic) const;
  void place(Follower* follower);

  std::vector<Follower*> places_;  // the size is a power of two; at most three quarters are in use
  uint32_t size_ = 0;
};

}  // namespace btb
