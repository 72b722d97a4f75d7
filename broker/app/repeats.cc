#include "broker/app/repeats.h"

namespace btb {

bool Repeats::admit(std::string_view event, std::string_view cause, uint64_t now_ms) {
  std::pair<std::string, std::string> kind(event, cause);
  auto found = windows_.find(kind);
  if (found == windows_.end()) {
    if (windows_.size() >= limits::log_repeat_kinds_max) kind.second.clear();
    found = windows_.try_emplace(std::move(kind), Window{now_ms, 0}).first;
  }
  if (++found->second.lines <= limits::log_repeats_shown) return true;
  ++held_;
  return false;
}

std::vector<Repeats::Held> Repeats::due(uint64_t now_ms, bool all) {
  std::vector<Held> held;
  std::erase_if(windows_, [&](const auto& entry) {
    const auto& [kind, window] = entry;
    const uint64_t passed_ms = now_ms - window.since_ms;
    if (!all && passed_ms < limits::log_repeat_window_ms) return false;
    if (window.lines > limits::log_repeats_shown) {
      held.push_back(
          {kind.first, kind.second, window.lines - limits::log_repeats_shown, passed_ms});
    }
    return true;
  });
  return held;
}

}  // namespace btb
