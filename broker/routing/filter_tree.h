// FilterTree: all filters of all subscribers. It finds the filters that match a new topic.
//
// A tree with one node for each level of a filter. Each filter has a value, a pointer that this
// class stores and never follows. Resource, owned by the Router; [loop] thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace btb {

class FilterTree {
 public:
  using Value = void*;

  FilterTree() = default;
  FilterTree(const FilterTree&) = delete;
  FilterTree& operator=(const FilterTree&) = delete;

  // Values may repeat, under several filters and under the same one. REQUIRES: `filter` is valid.
  void insert(std::string_view filter, Value value);
  // Removes `value` from under `filter`, once. REQUIRES: it is there.
  void erase(std::string_view filter, Value value);
  // Calls `found` for each value whose filter matches `name`, in no particular order. Returns how
  // many nodes of the tree it looked at. REQUIRES: `name` is a valid topic name.
  uint64_t match(std::string_view name, const std::function<void(Value)>& found) const;

  [[nodiscard]] size_t size() const { return size_; }

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;  // "+" is one of them
    std::vector<Value> here;                                             // filters that end here
    std::vector<Value> below;  // filters that end here with "#"
    [[nodiscard]] bool empty() const { return children.empty() && here.empty() && below.empty(); }
  };
  static bool erase_below(Node& node, std::string_view rest, Value value);
  static uint64_t match_below(const Node& node, std::string_view rest, bool wildcards,
                              const std::function<void(Value)>& found);

  Node root_;
  size_t size_ = 0;
};

}  // namespace btb
