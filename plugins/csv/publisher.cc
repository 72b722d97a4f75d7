#include "plugins/csv/publisher.h"

namespace btb::csv {

void Publisher::put(std::string_view topic, std::string_view key, std::string_view payload,
                    uint32_t entry) {
  make_room();
  batch_.put(topic, key, payload);
  entries_.push_back(entry);
}

void Publisher::remove(std::string_view topic, std::string_view key, uint32_t entry) {
  make_room();
  batch_.remove(topic, key);
  entries_.push_back(entry);
}

// A full chunk is handed over only when another message comes: a chunk that is not the last one of
// the look announces the next one, and the last one must not.
void Publisher::make_room() {
  if (!is_full()) return;
  batch_.more();
  flush();
}

void Publisher::finish(std::string_view resume_token) {
  if (batch_.empty()) return;
  batch_.resume_token(resume_token);
  flush();
}

void Publisher::flush() {
  for (;;) {
    try {
      if (!batch_.empty() || (open_ && !batch_.has_more())) host_->publish(batch_);
      break;
    } catch (const plugin::InvalidMessage& fault) {
      if (fault.index() >= entries_.size()) throw;
      refused_(entries_[fault.index()], fault.reason());
      batch_.erase(fault.index());
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(fault.index()));
    }
  }
  open_ = batch_.has_more();
  batch_.clear();
  entries_.clear();
}

}  // namespace btb::csv
