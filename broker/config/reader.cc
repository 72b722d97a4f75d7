// Parts: faults; ${...}; scalars; maps and lists.
#include "broker/config/reader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "sdk/host/values.h"
#include "sdk/wire/topic_name.h"

namespace btb {
namespace {

constexpr size_t shown_bytes_max = 60;
constexpr size_t expanded_bytes_max = 64U << 10;

std::string found(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::none:
      return "nothing";
    case YamlNode::Kind::list:
      return "a list";
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::scalar:
      break;
  }
  if (node.text.size() <= shown_bytes_max) return "`" + node.text + "`";
  return "`" + node.text.substr(0, shown_bytes_max) + "...`";
}

std::string range_text(const std::string& low, const std::string& high) {
  return low + " to " + high;
}

}  // namespace

void ConfigReader::fault(host::Place place, std::string text) {
  faults_.push_back({surroundings_.file, place.line, place.column, std::move(text)});
}

void ConfigReader::fault_instead(host::Place place, std::string text) {
  std::erase_if(faults_, [&](const ConfigFault& known) {
    return known.line == place.line && known.column == place.column;
  });
  fault(place, std::move(text));
}

void ConfigReader::warning(host::Place place, std::string text) {
  warnings_.push_back({surroundings_.file, place.line, place.column, std::move(text)});
}

void ConfigReader::mismatch(const YamlNode& node, const std::string& expected) {
  fault(node.place, "expected " + expected + ", found " + found(node));
}

std::string ConfigReader::resolved(const std::string& path) const {
  return (std::filesystem::path(surroundings_.directory) / path).lexically_normal().string();
}

// --- ${...} ---

void ConfigReader::expand(YamlNode& node) {
  if (node.kind == YamlNode::Kind::scalar && node.text.find("${") != std::string::npos) {
    node.text = expanded(node);
  }
  const size_t step = node.kind == YamlNode::Kind::map ? 2 : 1;
  for (size_t i = step - 1; i < node.items.size(); i += step) expand(node.items[i]);
}

std::string ConfigReader::expanded(const YamlNode& node) {
  std::string out;
  std::string_view rest = node.text;
  for (size_t at = rest.find("${"); at != std::string_view::npos; at = rest.find("${")) {
    if (at > 0 && rest[at - 1] == '$') {
      out += std::string(rest.substr(0, at - 1)) + "${";
      rest.remove_prefix(at + 2);
      continue;
    }
    out += rest.substr(0, at);
    const size_t end = rest.find('}', at);
    std::string why = "`${` without a `}`; write `$${` for a plain `${`";
    std::optional<std::string> value;
    if (end != std::string_view::npos) {
      value = value_of(std::string(rest.substr(at + 2, end - at - 2)), why);
    }
    if (!value || out.size() + value->size() > expanded_bytes_max) {
      fault(node.place, value ? "too long once it is expanded" : why);
      return node.text;
    }
    out += *value;
    rest.remove_prefix(end + 1);
  }
  return out + std::string(rest);
}

std::optional<std::string> ConfigReader::value_of(const std::string& name, std::string& why) {
  if (name == "config_dir") return surroundings_.directory;
  if (!name.starts_with("env:")) {
    why = "${" + name + "} is unknown; there are ${env:NAME} and ${config_dir}";
    why += host::did_you_mean(name, std::vector<std::string>{"config_dir", "env:NAME"});
    return std::nullopt;
  }
  const size_t dash = name.find(":-");
  const bool has_default = dash != std::string::npos && dash >= 4;
  const std::string variable = name.substr(4, has_default ? dash - 4 : std::string::npos);
  std::optional<std::string> value = surroundings_.environment(variable);
  if (has_default && (!value || value->empty())) return name.substr(dash + 2);
  if (!value) why = "the environment variable " + variable + " is not set";
  if (value && !wire::is_utf8(*value)) {
    why = "the environment variable " + variable + " is not UTF-8";
    return std::nullopt;
  }
  return value;
}

// --- scalars ---

bool ConfigReader::read(const YamlNode& node, const std::string& expected, std::string& out) {
  if (node.kind != YamlNode::Kind::scalar) {
    mismatch(node, expected);
    return false;
  }
  out = node.text;
  return true;
}

void ConfigReader::read_text(const YamlNode& node, size_t bytes_max, std::string& out) {
  std::string text;
  if (!read(node, "a text", text)) return;
  if (text.size() > bytes_max) {
    fault(node.place, "a text of " + std::to_string(text.size()) + " bytes; at most " +
                          std::to_string(bytes_max) + " here");
    return;
  }
  out = text;
}

void ConfigReader::read_flag(const YamlNode& node, bool& out) {
  std::string text;
  if (!read(node, "true or false", text)) return;
  const Result<bool> flag = host::parse_flag(text);
  if (!flag) return mismatch(node, "true or false");
  out = *flag;
}

bool ConfigReader::read_count(const YamlNode& node, uint64_t low, uint64_t high, uint64_t& out) {
  const std::string expected =
      "a number from " + range_text(std::to_string(low), std::to_string(high));
  std::string text;
  if (!read(node, expected, text)) return false;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    mismatch(node, expected);
    return false;
  }
  out = value;
  return true;
}

bool ConfigReader::read_duration(const YamlNode& node, int64_t low_ms, int64_t high_ms,
                                 int64_t& out_ms) {
  const std::string expected =
      "a duration from " + range_text(host::show_duration(low_ms), host::show_duration(high_ms));
  std::string text;
  if (!read(node, expected, text)) return false;
  const Result<int64_t> value = host::parse_duration_ms(text);
  if (!value || *value < low_ms || *value > high_ms) {
    fault(node.place, "expected " + expected + ", found " + found(node) +
                          (value ? "" : ", which " + value.error().text));
    return false;
  }
  out_ms = *value;
  return true;
}

bool ConfigReader::read_size(const YamlNode& node, uint64_t low, uint64_t high, uint64_t& out) {
  const auto shown = [](uint64_t bytes) { return host::show_size(static_cast<int64_t>(bytes)); };
  const std::string expected = "a size from " + range_text(shown(low), shown(high));
  std::string text;
  if (!read(node, expected, text)) return false;
  const Result<int64_t> value = host::parse_size_bytes(text);
  if (!value || static_cast<uint64_t>(*value) < low || static_cast<uint64_t>(*value) > high) {
    fault(node.place, "expected " + expected + ", found " + found(node) +
                          (value ? "" : ", which " + value.error().text));
    return false;
  }
  out = static_cast<uint64_t>(*value);
  return true;
}

std::optional<size_t> ConfigReader::read_choice(const YamlNode& node,
                                                const std::vector<std::string>& words) {
  std::string expected = "one of ";
  for (size_t i = 0; i < words.size(); ++i) expected += (i > 0 ? ", " : "") + words[i];
  std::string text;
  if (!read(node, expected, text)) return std::nullopt;
  const auto word = std::find(words.begin(), words.end(), text);
  if (word != words.end()) return static_cast<size_t>(word - words.begin());
  fault(node.place,
        "expected " + expected + ", found " + found(node) + host::did_you_mean(text, words));
  return std::nullopt;
}

// --- shapes ---

bool ConfigReader::is_map(const YamlNode& node, const std::string& what) {
  if (node.kind == YamlNode::Kind::map || node.kind == YamlNode::Kind::none) return true;
  mismatch(node, "a map of keys under " + what);
  return false;
}

bool ConfigReader::is_list(const YamlNode& node, const std::string& what) {
  if (node.kind == YamlNode::Kind::list || node.kind == YamlNode::Kind::none) return true;
  mismatch(node, "a list (lines that begin with \"- \") under " + what);
  return false;
}

void ConfigReader::report_unknown(const YamlNode& map, const std::string& what,
                                  const std::vector<std::string>& names) {
  for (size_t i = 0; i + 1 < map.items.size(); i += 2) {
    const YamlNode& key = map.items[i];
    if (std::find(names.begin(), names.end(), key.text) != names.end()) continue;
    std::string hint = host::did_you_mean(key.text, names);
    if (hint.empty()) {
      hint = "; there are ";
      for (const std::string& name : names) hint += name + (name == names.back() ? "" : ", ");
    }
    fault(key.place, "unknown key " + found(key) + " in " + what + hint);
  }
}

std::string quoted_yaml(const std::string& text) {
  static constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (letter == '"' || letter == '\\') {
      out += std::string("\\") + letter;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += std::string("\\x") + hex[byte >> 4] + hex[byte & 15];
    } else {
      out += letter;
    }
  }
  // A "${" of the text must not be expanded when it is read again.
  for (size_t at = out.find("${"); at != std::string::npos; at = out.find("${", at + 3)) {
    out.insert(at, "$");
  }
  return out + "\"";
}

}  // namespace btb
