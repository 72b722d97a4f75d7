#include "plugins/csv/fault_log.h"

#include "plugins/csv/hash.h"

namespace btb::csv {

void FaultLog::begin() {
  before_ = std::move(now_);
  now_.clear();
  count_ = 0;
  first_.clear();
}

void FaultLog::add(plugin::Host& host, const RowFault& fault, const Place& place) {
  ++count_;
  if (first_.empty()) first_ = "line " + std::to_string(place.line) + ": " + fault.reason;
  const bool stop = config_->on_error == OnError::stop;
  if (now_.size() < told_max) {
    const uint64_t mark = hash_of(place.raw, hash_of(fault.reason));
    const bool known = before_.contains(mark);
    now_.insert(mark);
    if (!known && config_->on_error != OnError::skip) {
      btb_dead_letter letter{};
      letter.size = sizeof(letter);
      letter.reason = fault.reason;
      letter.location = path_.c_str();
      letter.line = place.line;
      letter.column = fault.column;
      letter.byte_offset = place.byte_offset;
      letter.raw = plugin::bytes_of(place.raw);
      host.dead_letter(letter);
    }
  }
  if (stop) throw FileRefused("on_error is stop, and a row cannot be read: " + first_);
}

std::string FaultLog::text(uint64_t rows) const {
  if (count_ == 0) return {};
  return std::to_string(count_) + (rows == 0 ? "" : " of " + std::to_string(rows)) +
         " rows cannot be read, the first: " + first_;
}

void FaultLog::check_limits(uint64_t rows) const {
  const bool many = config_->errors_max > 0 && count_ > config_->errors_max;
  const bool large = rows > 0 && static_cast<double>(count_) >
                                     config_->error_ratio_max * static_cast<double>(rows);
  if (!many && !large) return;
  throw FileRefused(std::to_string(count_) + " of " + std::to_string(rows) +
                    " rows cannot be read, more than " + (many ? "max_errors" : "max_error_ratio") +
                    " allows; the first: " + first_);
}

}  // namespace btb::csv
