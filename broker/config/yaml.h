// YAML as a tree. Each node knows its place in the text. Size, depth and number of nodes are
// bounded, so a hostile file cannot use much memory or time. Aliases are copied, and the copies
// count in these bounds. A key that comes twice is a fault, and so is a key that is not a scalar.
// Pure; [any] thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/host/settings.h"

namespace btb {

inline constexpr size_t yaml_bytes_max = 1U << 20;
inline constexpr size_t yaml_nodes_max = 100'000;
inline constexpr size_t yaml_depth_max = 16;

struct YamlNode {
  enum class Kind : uint8_t { none, scalar, list, map };
  Kind kind = Kind::none;  // none: null, or no value at all
  std::string text;        // of a scalar
  // Of a list: its items. Of a map: key, value, key, value; every key is a scalar.
  std::vector<YamlNode> items;
  host::Place place;

  // The value of `key`; null if there is none, or if this is not a map. Valid as long as this node.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
};

struct YamlFault {
  host::Place place;
  std::string text;
};

// The root of the document. Faults are added to `faults`; there may be some although there is a
// root. No value if `text` is not YAML or exceeds a bound; the last fault says why. The root of an
// empty text is a node of kind none.
std::optional<YamlNode> parse_yaml(std::string_view text, std::vector<YamlFault>& faults);

}  // namespace btb
