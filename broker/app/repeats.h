// Repeats: decides which lines go to the journal, so that repeated lines do not flood it. The first
// lines of a kind (log_repeats_shown) are written at once. The others in the same window of time
// (log_repeat_window_ms) are only counted; one line then says how many there were.
//
// A kind is an event and its cause, for example the address of a client. At most
// log_repeat_kinds_max kinds are counted apart. After that, all new causes of an event count as
// one: a stranger with a thousand addresses can write no more lines than one with a single address.
// Value; time is passed in; [loop] thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/base/limits.h"

namespace btb {

class Repeats {
 public:
  // Lines of one kind that were not written.
  struct Held {
    std::string event;
    std::string cause;  // empty: several causes, counted as one
    uint64_t count = 0;
    uint64_t window_ms = 0;  // the time since the first line of the window
  };

  // True if this line is to be written now. If false, it was counted.
  bool admit(std::string_view event, std::string_view cause, uint64_t now_ms);
  // Ends the windows that are over, or every window if `all` is true, and returns their lines that
  // were not written.
  std::vector<Held> due(uint64_t now_ms, bool all = false);
  // The number of lines since the start that were not written.
  [[nodiscard]] uint64_t held() const { return held_; }

 private:
  struct Window {
    uint64_t since_ms = 0;
    uint64_t lines = 0;
  };
  std::map<std::pair<std::string, std::string>, Window> windows_;  // by event and cause
  uint64_t held_ = 0;
};

}  // namespace btb
