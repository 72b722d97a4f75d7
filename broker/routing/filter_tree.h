// FilterTree: who subscribed to what, for finding the subscriptions that a new topic matches.
//
// A tree by level; values are borrowed pointers that mean nothing here. Pure, no I/O. Resource;
// [loop] thread.
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

  // The same value may stand under several filters, and several times under one. REQUIRES: a valid
  // filter.
  void insert(std::string_view filter, Value value);
  // Takes one occurrence out. REQUIRES: it is there.
  void erase(std::string_view filter, Value value);
  // Calls `found` for each value whose filter matches `name`, in no particular order. Returns how
  // many places of the tree were looked at. REQUIRES: a valid name.
  uint64_t match(std::string_view name, const std::function<void(Value)>& found) const;

  [[nodiscard]] size_t size() const { return size_; }

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;  // "+" among them
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
