// The parts: UTF-8 and levels, the grammar (fault), matching, and making a level of any bytes.
#include "sdk/wire/topic_name.h"

#include <array>
#include <cstdint>

#include "sdk/base/limits.h"

namespace btb::wire {

namespace {

// Bytes of the UTF-8 sequence at the front of `text`, 0 if there is none that is valid (RFC 3629,
// table 3-7 of Unicode: no overlong forms, no surrogates, nothing past U+10FFFF).
size_t sequence_bytes(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto tail = [&](size_t i) { return i < text.size() && (at(i) & 0xC0) == 0x80; };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xE0 && at(1) < 0xA0) return 0;
    if (lead == 0xED && at(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xF0 && at(1) < 0x90) return 0;
    if (lead == 0xF4 && at(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

bool is_control(std::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return lead < 0x20 || lead == 0x7F;
  return lead == 0xC2 && static_cast<uint8_t>(sequence[1]) < 0xA0;  // U+0080..U+009F
}

// Takes the first level off `rest`. `more` tells whether another one follows.
std::string_view take_level(std::string_view& rest, bool& more) {
  const size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  more = slash != std::string_view::npos;
  rest = more ? rest.substr(slash + 1) : std::string_view{};
  return level;
}

const char* level_fault(std::string_view level) {
  if (level.empty()) return "an empty level";
  while (!level.empty()) {
    const size_t bytes = sequence_bytes(level);
    if (bytes == 0) return "not UTF-8";
    if (is_control(level.substr(0, bytes))) return "a control character";
    level.remove_prefix(bytes);
  }
  return nullptr;
}

const char* fault(std::string_view text, bool wildcards) {
  if (text.empty()) return "empty";
  if (text.size() > limits::topic_name_bytes_max) return "longer than 255 bytes";
  uint32_t levels = 0;
  for (bool more = true; more;) {
    const std::string_view level = take_level(text, more);
    if (++levels > limits::topic_levels_max) return "more than 32 levels";
    if (wildcards && level == "+") continue;
    if (wildcards && level == "#") {
      if (more) return "# is not the last level";
      continue;
    }
    if (level.find_first_of("+#") != std::string_view::npos) {
      return wildcards ? "+ or # inside a level" : "+ and # are for filters only";
    }
    if (const char* wrong = level_fault(level)) return wrong;
  }
  return nullptr;
}

}  // namespace

const char* topic_name_fault(std::string_view name) {
  return fault(name, false);
}
const char* topic_filter_fault(std::string_view filter) {
  return fault(filter, true);
}

bool has_wildcard(std::string_view filter) {
  return filter.find_first_of("+#") != std::string_view::npos;
}

bool filter_matches(std::string_view filter, std::string_view name) {
  if (is_reserved(name) && !is_reserved(filter)) return false;
  for (bool filter_more = true, name_more = true;;) {
    const std::string_view wanted = take_level(filter, filter_more);
    if (wanted == "#") return true;
    const std::string_view level = take_level(name, name_more);
    if (wanted != "+" && wanted != level) return false;
    if (!name_more) return !filter_more || filter == "#";
    if (!filter_more) return false;
  }
}

std::string_view literal_prefix(std::string_view filter) {
  const size_t wildcard = filter.find_first_of("+#");
  if (wildcard == std::string_view::npos) return filter;
  return wildcard == 0 ? std::string_view{} : filter.substr(0, wildcard - 1);
}

std::string to_level(std::string_view text) {
  static constexpr std::array<char, 17> hex{"0123456789ABCDEF"};
  std::string out;
  const auto escape = [&](std::string_view bytes) {
    for (const char c : bytes) {
      out += '%';
      out += hex[static_cast<uint8_t>(c) >> 4];
      out += hex[static_cast<uint8_t>(c) & 15];
    }
  };
  if (text.empty()) return "%00";
  while (!text.empty()) {
    const size_t bytes = sequence_bytes(text);
    const std::string_view sequence = text.substr(0, bytes == 0 ? 1 : bytes);
    const bool plain = bytes != 0 && !is_control(sequence) &&
                       sequence.find_first_of("/+#%") == std::string_view::npos;
    if (plain) {
      out += sequence;
    } else {
      escape(sequence);
    }
    text.remove_prefix(sequence.size());
  }
  if (out.front() == '$') out.replace(0, 1, "%24");
  return out;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = sequence_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace btb::wire
