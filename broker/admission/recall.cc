#include "broker/admission/recall.h"

#include <algorithm>

#include "sdk/wire/topic_name.h"

namespace btb {

void Recall::add(const Subscriber& subscriber, const Router& router) {
  if (empty()) born_ = router.born();
  for (const auto& follower : subscriber.followers()) {
    last_seqs_.emplace(follower->topic->number, follower->topic->log.last_seq());
  }
  for (const auto& [filter, interest] : subscriber.interests()) filters_.emplace(filter);
}

bool Recall::take_news(const Router& router) {
  if (empty()) return false;
  bool news = std::any_of(last_seqs_.begin(), last_seqs_.end(), [&](const auto& entry) {
    const Topic* topic = router.find(entry.first);
    return topic == nullptr || topic->log.last_seq() != entry.second;
  });
  if (!news && router.born() != born_) {
    router.for_each_topic([&](const Topic& topic) {
      news = news || (topic.born > born_ &&
                      std::any_of(filters_.begin(), filters_.end(), [&](const auto& filter) {
                        return wire::filter_matches(filter, topic.name);
                      }));
    });
    born_ = router.born();
  }
  if (news) *this = {};
  return news;
}

}  // namespace btb
