// Text for a terminal: reading UTF-8, escaping, then the width of text in columns.
#include "sdk/cli/printable.h"

#include <locale.h>
#include <wchar.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "sdk/wire/topic_name.h"

namespace btb::cli {

namespace {

uint8_t at(std::string_view text, size_t i) {
  return static_cast<uint8_t>(text[i]);
}

bool is_plain_ascii(char c) {
  return c >= 0x20 && c < 0x7F;
}

void append_escape(std::string& out, const char* format, unsigned value) {
  std::array<char, 16> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), format, value);
  out.append(buffer.data(), static_cast<size_t>(size));
}

void append_unsafe(std::string& out, char32_t character) {
  switch (character) {
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      append_escape(out, character < 0x80 ? "\\x%02x" : "\\u%04x", character);
  }
}

}  // namespace

size_t utf8_bytes(std::string_view text) {
  const uint8_t lead = at(text, 0);
  const size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if (bytes == 1) return 1;
  if (lead < 0xC2 || bytes > text.size()) return 0;
  return wire::is_utf8(text.substr(0, bytes)) ? bytes : 0;
}

char32_t utf8_character(std::string_view sequence) {
  const size_t bytes = sequence.size();
  if (bytes == 1) return at(sequence, 0);
  char32_t character = at(sequence, 0) & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) character = character << 6 | (at(sequence, i) & 0x3FU);
  return character;
}

bool is_unsafe(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

void append_printable(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto unsafe = std::find_if_not(text.begin(), text.end(), is_plain_ascii);
    const auto plain = static_cast<size_t>(unsafe - text.begin());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const size_t bytes = utf8_bytes(text);
    if (bytes == 0) {
      append_escape(out, "\\x%02x", at(text, 0));
      text.remove_prefix(1);
      continue;
    }
    const std::string_view sequence = text.substr(0, bytes);
    const char32_t character = utf8_character(sequence);
    if (is_unsafe(character)) {
      append_unsafe(out, character);
    } else {
      out += sequence;
    }
    text.remove_prefix(bytes);
  }
}

std::string printable(std::string_view text) {
  std::string out;
  append_printable(out, text);
  return out;
}

namespace {

constexpr char32_t first_not_single = 0x300;  // the first combining mark

// A locale that knows the widths of all characters; the program's own may not. Null if the system
// does not have it.
locale_t unicode_locale() {
  static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

size_t width_of(char32_t character) {
  if (character < first_not_single || unicode_locale() == nullptr) return 1;
  const locale_t before = ::uselocale(unicode_locale());
  const int columns = ::wcwidth(static_cast<wchar_t>(character));
  (void)::uselocale(before);
  return columns < 0 ? 1 : static_cast<size_t>(columns);
}

// How many bytes of `text` fit into `columns`, and how many columns they take.
std::pair<size_t, size_t> fitting(std::string_view text, size_t columns) {
  size_t at = 0, taken = 0;
  while (at < text.size()) {
    const size_t bytes = std::max<size_t>(1, utf8_bytes(text.substr(at)));
    const size_t more = width_of(utf8_character(text.substr(at, bytes)));
    if (taken + more > columns) break;
    at += bytes;
    taken += more;
  }
  return {at, taken};
}

}  // namespace

size_t width(std::string_view text) {
  return fitting(text, std::string_view::npos).second;
}

std::string cut(std::string_view text, size_t columns) {
  if (columns == 0) return {};
  if (fitting(text, columns).first == text.size()) return std::string(text);
  return std::string(text.substr(0, fitting(text, columns - 1).first)) + "…";
}

}  // namespace btb::cli
