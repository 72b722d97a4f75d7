// Reading UTF-8; the characters that are not safe; the three functions of the header.
#include "broker/app/log_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

struct Character {
  char32_t code = 0;
  size_t bytes = 1;
};

// The first character. `utf8` must be valid, and not empty.
Character first_of(std::string_view utf8) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(utf8[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t code = lead & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) code = code << 6 | (byte(i) & 0x3FU);
  return {code, bytes};
}

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
}

// Marks that change the direction of text, and invisible characters. The joiners (200C, 200D) are
// allowed, because several scripts need them.
bool is_hidden(char32_t c) {
  return c == 0x00AD || c == 0x061C || c == 0x200B || c == 0x200E || c == 0x200F ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

bool is_unsafe(char32_t c) {
  return is_control(c) || is_hidden(c);
}

bool is_plain(char c) {
  return c > 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '=';
}

void append_escaped(std::string& out, char32_t code) {
  std::array<char, 16> buffer{};
  const auto append = [&](char32_t unit) {
    const int size = std::snprintf(buffer.data(), buffer.size(), "\\u%04x", unit);
    out.append(buffer.data(), static_cast<size_t>(size));
  };
  if (code < 0x10000) return append(code);
  append(0xD800 + ((code - 0x10000) >> 10));  // a surrogate pair, see RFC 8259, section 7
  append(0xDC00 + ((code - 0x10000) & 0x3FF));
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  if (!wire::is_utf8(text)) {
    for (const char c : text) out += c >= 0x20 && c < 0x7F ? c : '?';
    return out;
  }
  while (!text.empty()) {
    const Character next = first_of(text);
    out += is_unsafe(next.code) ? std::string_view("?") : text.substr(0, next.bytes);
    text.remove_prefix(next.bytes);
  }
  return out;
}

std::string field_value(std::string_view value) {
  if (!value.empty() && std::all_of(value.begin(), value.end(), is_plain)) {
    return std::string(value);
  }
  std::string out = "\"";
  for (const char c : printable(value)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string escaped_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    const Character next = first_of(json);
    if (is_unsafe(next.code)) {
      append_escaped(out, next.code);
    } else {
      out += json.substr(0, next.bytes);
    }
    json.remove_prefix(next.bytes);
  }
  return out;
}

}  // namespace btb
