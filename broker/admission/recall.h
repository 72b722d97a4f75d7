// Recall: knows when to call back the clients that let go of their place. All these clients wait
// for the same sign: the broker announces another epoch over the air. So Recall does not remember
// the clients. It remembers where their topics stood when they let go. Value type; [loop] thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "broker/routing/router.h"

namespace btb {

class Recall {
 public:
  // A client lets go. REQUIRES: it has received everything that it follows.
  void add(const Subscriber& subscriber, const Router& router);
  // Whether there is news for one of the clients since it let go. If so, it forgets everything,
  // because all clients are called back.
  bool take_news(const Router& router);
  [[nodiscard]] bool empty() const { return last_seqs_.empty() && filters_.empty(); }

 private:
  std::map<uint32_t, uint64_t> last_seqs_;  // TopicLog::last_seq by topic number
  std::set<std::string> filters_;           // a new topic may match one of them
  uint64_t born_ = 0;                       // Router::born at the last look
};

}  // namespace btb
