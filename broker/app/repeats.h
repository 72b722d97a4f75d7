// Repeats: keeps lines of the log that come again and again from flooding it. The first of each
// kind are written at once; the others of the same window are counted, and one line says how many
// they were.
//
// A kind is an event and whoever caused it. Kinds are few (log_repeat_kinds_max): beyond, all the
// others of an event count as one, so a stranger with a thousand addresses gets no further than a
// stranger with one. Value; time is passed in; [loop] thread.
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
    std::string cause;  // empty: many
    uint64_t count = 0;
    uint64_t window_ms = 0;  // since the first line of this window
  };

  // Whether a line is to be written now. If not, it is counted.
  bool admit(std::string_view event, std::string_view cause, uint64_t now_ms);
  // What windows that are over have held back; they are forgotten. `all`: of the others, too.
  std::vector<Held> due(uint64_t now_ms, bool all = false);
  // Since the start.
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
