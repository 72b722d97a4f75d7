// Away: what clients wait for that let go of their place. Those of one broker wait for the same
// sign, another epoch in what it announces over the air; so what is kept is not who they are, but
// where the topics stood that they follow. Value type; [loop] thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "broker/routing/router.h"

namespace btb {

class Away {
 public:
  // What this one follows, now that it has had all of it.
  void add(const Subscriber& subscriber, const Router& router);
  // Whether something came that one of them waits for. Then all that was kept is forgotten: they
  // come and see.
  bool take_news(const Router& router);
  [[nodiscard]] bool empty() const { return stood_at_.empty() && filters_.empty(); }

 private:
  std::map<uint32_t, uint64_t> stood_at_;  // by topic: its last number
  std::set<std::string> filters_;          // of topics that may be born
  uint64_t born_ = 0;                      // how many had ever been made
};

}  // namespace btb
