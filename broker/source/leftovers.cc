// The part of Source about leftovers: rows that earlier runs published, and that the source may no
// longer have. source.cc is the rest of the class.
#include <algorithm>

#include "broker/source/source.h"

namespace btb {

namespace {

// If leftovers are more than this share of the rows, and at least so many, an operator must agree
// to their deletion: the source may have read only a part of its table.
constexpr double leftovers_share_max = 0.3;
constexpr uint64_t leftovers_guarded = 10;

}  // namespace

// The topics with rows in which only this source publishes, and the last number of each.
std::vector<Source::Leftovers> Source::published_so_far() const {
  std::vector<Leftovers> topics;
  router_.for_each_topic([&](Topic& topic) {
    const bool own = topic.publisher == spec_.publisher;
    if (own && topic.log.keys() != 0) topics.push_back({ref_to(&topic), topic.log.last_seq()});
  });
  return topics;
}

// Decides about the leftovers, when the source has said that its rows are complete. If not
// `certain`, it has said that it could not read some rows, and leftovers may be among these.
void Source::judge_leftovers(bool certain) {
  uint64_t left = 0;
  std::erase_if(leftovers_, [&](const Leftovers& at) {
    const Topic* topic = router_.find(at.topic);
    if (topic == nullptr || topic->publisher != spec_.publisher) return true;
    left += topic->log.rows_until(at.until_seq);
    return false;
  });
  if (left == 0) {
    leftovers_.clear();
    return release_leftovers();
  }
  if (refused_ != 0) {  // the refused messages may be these rows
    return event(BTB_LOG_WARNING,
                 "rows that it published before it was restarted are kept, whether "
                 "or not it still has them: messages of it were refused");
  }
  uint64_t rows = 0;
  for (const Leftovers& at : published_so_far()) rows += router_.find(at.topic)->log.keys();
  const double share = static_cast<double>(left) / static_cast<double>(rows);
  const std::string words =
      std::to_string(left) + " of " + std::to_string(rows) +
      " rows that it published before it was restarted " +
      (certain ? "are gone from it"
               : "did not come again; it could not read all rows, and they may be among those");
  if (!certain || left == rows || (left >= leftovers_guarded && share > leftovers_share_max)) {
    counters_.leftovers_held = left;
    held_text_ = words + "; they are kept until `btctl resume " + spec_.name + "` confirms it";
    return event(BTB_LOG_WARNING, held_text_);
  }
  event(BTB_LOG_INFO, words + ", and are deleted");
  delete_leftovers();
}

void Source::delete_leftovers() {
  release_leftovers();
  deleting_ = std::exchange(leftovers_, {});
  more_to_drain_ = true;
  wakeup_.signal();
}

void Source::release_leftovers() {
  counters_.leftovers_held = 0;
  held_text_.clear();
}

void Source::withdraw() {
  leftovers_ = published_so_far();
  // In some topics another source may have begun to publish while this one ended. There, only the
  // rows from before are deleted.
  for (const Leftovers& at : at_stop_) {
    const Topic* topic = router_.find(at.topic);
    if (topic != nullptr && topic->publisher != spec_.publisher) leftovers_.push_back(at);
  }
  delete_leftovers();
}

// False in the middle of a batch, because a deletion would end it.
bool Source::may_delete() const {
  return state_ == State::abandoned || (!draining_.active && open_topics_.empty());
}

// Does the deletions of one turn.
void Source::drain_deletions() {
  for (size_t work = 0; !deleting_.empty() && work < TopicLog::keys_at_once; ++work) {
    const Leftovers& at = deleting_.back();
    Topic* topic = router_.find(at.topic);
    const size_t deleted = topic == nullptr ? 0 : router_.delete_rows_until(*topic, at.until_seq);
    counters_.leftovers_deleted += deleted;
    work += deleted;
    if (deleted < TopicLog::keys_at_once) deleting_.pop_back();
  }
}

}  // namespace btb
