#include "broker/routing/filter_tree.h"

#include <algorithm>

#include "sdk/base/assert.h"

namespace btb {

namespace {

struct Split {
  std::string_view level, rest;
  bool last;
};

Split split(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {text, {}, true};
  return {text.substr(0, slash), text.substr(slash + 1), false};
}

void erase_one(std::vector<FilterTree::Value>& values, FilterTree::Value value) {
  const auto found = std::find(values.begin(), values.end(), value);
  BTB_ASSERT(found != values.end());
  *found = values.back();
  values.pop_back();
}

void report(const std::vector<FilterTree::Value>& values,
            const std::function<void(FilterTree::Value)>& found) {
  for (FilterTree::Value value : values) found(value);
}

}  // namespace

void FilterTree::insert(std::string_view filter, Value value) {
  ++size_;
  Node* node = &root_;
  for (;;) {
    const Split at = split(filter);
    if (at.level == "#") {
      node->below.push_back(value);
      return;
    }
    auto child = node->children.find(at.level);
    if (child == node->children.end()) {
      child = node->children.emplace(std::string(at.level), std::make_unique<Node>()).first;
    }
    node = child->second.get();
    if (at.last) {
      node->here.push_back(value);
      return;
    }
    filter = at.rest;
  }
}

void FilterTree::erase(std::string_view filter, Value value) {
  --size_;
  erase_below(root_, filter, value);
}

// True if `node` is empty afterwards: then its parent erases it. The recursion is as deep as a
// filter has levels.
bool FilterTree::erase_below(Node& node, std::string_view rest, Value value) {
  const Split at = split(rest);
  if (at.level == "#") {
    erase_one(node.below, value);
    return node.empty();
  }
  const auto child = node.children.find(at.level);
  BTB_ASSERT(child != node.children.end());
  bool child_empty = false;
  if (at.last) {
    erase_one(child->second->here, value);
    child_empty = child->second->empty();
  } else {
    child_empty = erase_below(*child->second, at.rest, value);
  }
  if (child_empty) node.children.erase(child);
  return node.empty();
}

uint64_t FilterTree::match(std::string_view name, const std::function<void(Value)>& found) const {
  return match_below(root_, name, !name.starts_with('$'), found);
}

// `wildcards` is false at the first level of a reserved name: "+" and "#" do not match it.
uint64_t FilterTree::match_below(const Node& node, std::string_view rest, bool wildcards,
                                 const std::function<void(Value)>& found) {
  uint64_t looked_at = 1;
  if (wildcards) report(node.below, found);
  const Split at = split(rest);
  const auto descend = [&](std::string_view level) {
    const auto child = node.children.find(level);
    if (child == node.children.end()) return;
    if (!at.last) {
      looked_at += match_below(*child->second, at.rest, true, found);
      return;
    }
    report(child->second->here, found);
    report(child->second->below, found);  // "a/#" matches "a"
  };
  descend(at.level);
  if (wildcards) descend("+");
  return looked_at;
}

}  // namespace btb
