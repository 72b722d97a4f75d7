// Marks: how far a client says it has come, topic by topic. Taken in as they come, a frame at a
// time, and sorted within that only: what one frame brings is bounded, what all do is not. Value
// type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace btb {

struct Mark {
  uint32_t topic = 0;
  uint64_t seq = 0;  // the last message that the client has
};

class Marks {
 public:
  Marks() = default;
  Marks(std::vector<Mark> some) { add(std::move(some)); }  // NOLINT: a list of them is one

  void add(std::vector<Mark> some) {
    if (some.empty()) return;
    if (!std::is_sorted(some.begin(), some.end(), by_topic)) {
      std::sort(some.begin(), some.end(), by_topic);
    }
    size_ += some.size();
    runs_.push_back(std::move(some));
  }
  [[nodiscard]] size_t size() const { return size_; }
  // What a look-up costs beside looking at the topic.
  [[nodiscard]] size_t work() const { return runs_.size() / 4; }

  [[nodiscard]] std::optional<uint64_t> find(uint32_t topic) const {
    for (const std::vector<Mark>& run : runs_) {
      if (topic < run.front().topic || topic > run.back().topic) continue;
      const auto at =
          std::lower_bound(run.begin(), run.end(), topic,
                           [](const Mark& mark, uint32_t number) { return mark.topic < number; });
      if (at->topic == topic) return at->seq;
    }
    return std::nullopt;
  }

 private:
  static bool by_topic(const Mark& a, const Mark& b) { return a.topic < b.topic; }

  std::vector<std::vector<Mark>> runs_;  // each sorted, none empty
  size_t size_ = 0;
};

}  // namespace btb
