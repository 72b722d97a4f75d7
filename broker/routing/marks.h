// Marks: the positions a client has reached, by topic. A client that resumes sends them, in one
// frame or more. Each frame is sorted for itself, because its size is bounded; the number of frames
// is not, so sorting them all together could take too long. Value type; [loop] thread.
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
  Marks(std::vector<Mark> some) { add(std::move(some)); }  // NOLINT: implicit on purpose

  // Adds the marks of one frame, in any order.
  void add(std::vector<Mark> some) {
    if (some.empty()) return;
    if (!std::is_sorted(some.begin(), some.end(), by_topic)) {
      std::sort(some.begin(), some.end(), by_topic);
    }
    size_ += some.size();
    runs_.push_back(std::move(some));
  }
  [[nodiscard]] size_t size() const { return size_; }
  // The cost of one find, in the unit of Router::work().
  [[nodiscard]] size_t work() const { return runs_.size() / 4; }

  // The last message of this topic that the client has; nullopt if it sent no mark for the topic.
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

  std::vector<std::vector<Mark>> runs_;  // one for each frame, sorted by topic; none is empty
  size_t size_ = 0;
};

}  // namespace btb
