#include "broker/session/away.h"

#include <algorithm>

#include "sdk/wire/topic_name.h"

namespace btb {

void Away::add(const Subscriber& subscriber, const Router& router) {
  if (empty()) topics_ = router.topic_count();
  for (const Follower* follower : subscriber.followers()) {
    stood_at_.emplace(follower->topic->number, follower->topic->log.last_seq());
  }
  for (const auto& [filter, interest] : subscriber.interests()) filters_.emplace(filter);
}

bool Away::take_news(const Router& router) {
  if (empty()) return false;
  bool news = std::any_of(stood_at_.begin(), stood_at_.end(), [&](const auto& entry) {
    const Topic* topic = router.find(entry.first);
    return topic == nullptr || topic->log.last_seq() != entry.second;
  });
  for (; !news && topics_ < router.topic_count(); ++topics_) {
    const Topic* born = router.find(static_cast<uint32_t>(topics_ + 1));  // numbered from 1 on
    news =
        born != nullptr && std::any_of(filters_.begin(), filters_.end(), [&](const auto& filter) {
          return wire::filter_matches(filter, born->name);
        });
  }
  if (news) *this = {};
  return news;
}

}  // namespace btb
