// Follower: one session's interest in one topic, with the cursor that says how far it is.
//
// Owned by the Router. The flags say what the session has been told about the topic; they change
// only when the frame that tells it was handed to the link. [loop] thread.
#pragma once

#include <cstdint>

#include "broker/log/topic_log.h"

namespace btb {

class Subscriber;
struct Topic;

struct Follower {
  Subscriber* subscriber = nullptr;
  Topic* topic = nullptr;
  Cursor cursor;
  // Deletions up to this number concern nobody here: the session never heard of the keys.
  uint64_t deletions_from = 0;
  // The last `position` or end of a snapshot that was sent.
  uint64_t position_seq = 0;
  Follower* next_due = nullptr;
  uint32_t index_in_topic = 0;
  uint32_t index_in_subscriber = 0;

  bool due = false;                           // stands in a list of its subscriber
  bool announced = false;                     // the topic's number and name were sent
  bool snapshot_wanted = false;               // snapshot_begin is to be sent
  bool in_snapshot = false;                   // snapshot_begin was sent, snapshot_end is to follow
  bool unwanted = false;                      // its last subscription is gone, it is to go too
  bool skipped = false;                       // dead frames were left out since the last position
  wire::Reason refetch = wire::Reason::none;  // must_refetch is to be sent, with this reason
};

// First in, first out; a follower stands in at most one.
class DueList {
 public:
  [[nodiscard]] bool empty() const { return first_ == nullptr; }
  [[nodiscard]] Follower* front() const { return first_; }
  void push(Follower* follower) {
    follower->due = true;
    follower->next_due = nullptr;
    (last_ == nullptr ? first_ : last_->next_due) = follower;
    last_ = follower;
  }
  Follower* pop() {
    Follower* follower = first_;
    first_ = follower->next_due;
    if (first_ == nullptr) last_ = nullptr;
    follower->due = false;
    return follower;
  }
  void remove(Follower* follower);
  // Takes out all for which `gone` holds, in one pass.
  template <class Gone>
  void remove_if(Gone gone) {
    DueList all = *this;
    *this = {};
    while (!all.empty()) {
      Follower* follower = all.pop();
      if (!gone(*follower)) push(follower);
    }
  }

 private:
  Follower* first_ = nullptr;
  Follower* last_ = nullptr;
};

}  // namespace btb
