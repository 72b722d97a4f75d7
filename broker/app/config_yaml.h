// YAML as a tree with places, bounded in size, depth and number of nodes, so that no file can cost
// more than it should. Aliases are copied within that bound; keys that come twice and keys that are
// not scalars are faults. Pure; [any] thread.
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
  Kind kind = Kind::none;  // none: null, or nothing at all
  std::string text;        // of a scalar
  std::vector<YamlNode>
      items;  // of a list; of a map: key, value, key, value, and every key is a scalar
  host::Place place;

  // The value behind `key`; null if there is none, or if this is not a map.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
};

struct YamlFault {
  host::Place place;
  std::string text;
};

// Nothing if `text` is not YAML at all; then the last fault says why. An empty text is a node of
// kind none.
std::optional<YamlNode> parse_yaml(std::string_view text, std::vector<YamlFault>& faults);

}  // namespace btb
