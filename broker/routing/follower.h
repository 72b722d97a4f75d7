// Follower: one session's interest in one topic, with the cursor that says how far it is.
//
// Owned by the Router. The flags say what the session has been told about the topic; they change
// only when the frame that tells it was handed to the link. [loop] thread.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/log/topic_log.h"

namespace btb {

class Subscriber;
struct Topic;

// A place in a DueList.
struct DueLink {
  DueLink* next = nullptr;
  DueLink* before = nullptr;
};

struct Follower : DueLink {
  Subscriber* subscriber = nullptr;
  Topic* topic = nullptr;
  Cursor cursor;
  // Deletions up to this number concern nobody here: the session never heard of the keys.
  uint64_t deletions_from = 0;
  // The last `position` or end of a snapshot that was sent.
  uint64_t position_seq = 0;
  uint32_t index_in_topic = 0;
  uint32_t index_in_subscriber = 0;
  uint32_t wanted = 0;  // how many filters of its subscriber match the topic

  bool due = false;                           // stands in a list of its subscriber
  bool announced = false;                     // the topic's number and name were sent
  bool snapshot_wanted = false;               // snapshot_begin is to be sent
  bool in_snapshot = false;                   // snapshot_begin was sent, snapshot_end is to follow
  bool skipped = false;                       // dead frames were left out since the last position
  wire::Reason refetch = wire::Reason::none;  // must_refetch is to be sent, with this reason
};

// First in, first out; a follower stands in at most one. It stays where it is, because its
// followers point to it.
class DueList {
 public:
  DueList() { clear(); }
  DueList(const DueList&) = delete;
  DueList& operator=(const DueList&) = delete;

  [[nodiscard]] bool empty() const { return ends_.next == &ends_; }
  // REQUIRES: not empty.
  [[nodiscard]] Follower* front() const { return static_cast<Follower*>(ends_.next); }
  // Whether there is one, and no other.
  [[nodiscard]] bool has_one() const { return !empty() && ends_.next == ends_.before; }
  void push(Follower* follower) {
    follower->due = true;
    follower->next = &ends_;
    follower->before = ends_.before;
    ends_.before->next = follower;
    ends_.before = follower;
  }
  Follower* pop() {
    Follower* follower = front();
    remove(follower);
    return follower;
  }
  // Takes it out of the list it stands in, whichever that is.
  static void remove(Follower* follower) {
    follower->before->next = follower->next;
    follower->next->before = follower->before;
    follower->due = false;
  }
  // Moves all of `other` behind those that are here.
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

  DueLink ends_;  // the first is next, the last before
};

// The followers of one subscriber, found by topic. A hash table of pointers with open addressing.
class FollowerIndex {
 public:
  [[nodiscard]] Follower* find(const Topic& topic) const;
  // REQUIRES: none of its topic is in it.
  void insert(Follower* follower);
  // REQUIRES: it is there.
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

  std::vector<Follower*> places_;  // a power of two of them, at most three quarters full
  uint32_t size_ = 0;
};

}  // namespace btb
