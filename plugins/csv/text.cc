#include "plugins/csv/text.h"

#include <fnmatch.h>
#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace btb::csv {

namespace {

constexpr uint64_t high_bits = 0x8080808080808080ULL;
constexpr uint64_t low_bits = 0x0101010101010101ULL;

uint64_t load_word(const char* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// Not 0 if one of the eight bytes is NUL or above 0x7F. It may also be not 0 if none is: the caller
// then looks at each byte.
uint64_t has_nul_or_high(uint64_t word) {
  return (word | (word - low_bits)) & high_bits;
}

// Not 0 if one of eight ASCII bytes is `wanted`.
uint64_t has_byte(uint64_t word, char wanted) {
  const uint64_t difference = word ^ (low_bits * static_cast<uint8_t>(wanted));
  return (difference - low_bits) & ~difference & high_bits;
}

// Not 0 if one of the eight bytes has to be escaped in JSON: below 0x20, a quote, a backslash.
uint64_t has_json_special(uint64_t word) {
  const uint64_t control = (word - low_bits * 0x20) & ~word & high_bits;
  return control | has_byte(word, '"') | has_byte(word, '\\');
}

bool is_control(std::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) return lead < 0x20 || lead == 0x7F;
  return lead == 0xC2 && static_cast<uint8_t>(sequence[1]) < 0xA0;  // U+0080..U+009F
}

// REQUIRES: a whole sequence of more than one byte.
char32_t code_point(std::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  char32_t code = lead & (0x7FU >> sequence.size());
  for (const char c : sequence.substr(1)) code = code << 6 | (static_cast<uint8_t>(c) & 0x3FU);
  return code;
}

void append_sequence(std::string& out, char32_t code) {
  const auto tail = [&](unsigned shift) {
    return static_cast<char>(0x80 | (code >> shift & 0x3F));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += {static_cast<char>(0xC0 | code >> 6), tail(0)};
  } else if (code < 0x10000) {
    out += {static_cast<char>(0xE0 | code >> 12), tail(6), tail(0)};
  } else {
    out += {static_cast<char>(0xF0 | code >> 18), tail(12), tail(6), tail(0)};
  }
}

// The letters of all alphabets, whatever locale the process runs in.
class Letters {
 public:
  Letters() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {}
  ~Letters() {
    if (locale_ != nullptr) freelocale(locale_);
  }
  Letters(const Letters&) = delete;
  Letters& operator=(const Letters&) = delete;

  // The letter itself where the system has no such locale.
  [[nodiscard]] char32_t small(char32_t code) const {
    return locale_ == nullptr
               ? code
               : static_cast<char32_t>(towlower_l(static_cast<wint_t>(code), locale_));
  }

 private:
  locale_t locale_;
};

char32_t small_letter(char32_t code) {
  static const Letters letters;
  return letters.small(code);
}

constexpr std::array<char, 17> upper_hex{"0123456789ABCDEF"};

void append_json_char(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
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
      break;
  }
  if (static_cast<uint8_t>(c) >= 0x20) {
    out += c;
    return;
  }
  out += "\\u00";
  out += upper_hex[static_cast<uint8_t>(c) >> 4];
  out += upper_hex[static_cast<uint8_t>(c) & 15];
}

}  // namespace

size_t sequence_bytes(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto tail = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xBF) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const uint8_t low = lead == 0xE0 ? 0xA0 : 0x80;   // no overlong form
    const uint8_t high = lead == 0xED ? 0x9F : 0xBF;  // no surrogate
    return tail(1, low, high) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const uint8_t low = lead == 0xF0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xF4 ? 0x8F : 0xBF;
    return tail(1, low, high) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

size_t first_bad_byte(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    while (at + 8 <= text.size() && has_nul_or_high(load_word(text.data() + at)) == 0) at += 8;
    if (at >= text.size()) break;
    const size_t bytes = sequence_bytes(text.substr(at));
    if (bytes == 0 || text[at] == '\0') return at;
    at += bytes;
  }
  return std::string_view::npos;
}

void append_json_escaped(std::string& out, std::string_view text) {
  size_t plain = 0;  // from here on nothing is written yet
  size_t at = 0;
  while (at < text.size()) {
    while (at + 8 <= text.size() && has_json_special(load_word(text.data() + at)) == 0) at += 8;
    if (at >= text.size()) break;
    const char c = text[at];
    if (static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\') {
      out.append(text.data() + plain, at - plain);
      append_json_char(out, c);
      plain = at + 1;
    }
    ++at;
  }
  out.append(text.data() + plain, text.size() - plain);
}

void append_level(std::string& out, std::string_view text) {
  if (text.empty()) {
    out += "%00";
    return;
  }
  const size_t begin = out.size();
  while (!text.empty()) {
    const size_t bytes = sequence_bytes(text);
    const std::string_view sequence = text.substr(0, bytes == 0 ? 1 : bytes);
    const bool plain = bytes != 0 && !is_control(sequence) &&
                       sequence.find_first_of("/+#%") == std::string_view::npos &&
                       !(sequence == "$" && out.size() == begin);
    if (plain) {
      out += sequence;
    } else {
      for (const char c : sequence) {
        out += '%';
        out += upper_hex[static_cast<uint8_t>(c) >> 4];
        out += upper_hex[static_cast<uint8_t>(c) & 15];
      }
    }
    text.remove_prefix(sequence.size());
  }
}

void append_levels(std::string& out, std::string_view path) {
  for (;;) {
    const size_t slash = path.find('/');
    append_level(out, path.substr(0, slash));
    if (slash == std::string_view::npos) return;
    out += '/';
    path.remove_prefix(slash + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

size_t space_bytes(std::string_view text) {
  if (text.front() == ' ' || text.front() == '\t') return 1;
  if (text.starts_with("\xC2\xA0")) return 2;  // U+00A0
  const bool wide =
      (text.starts_with("\xE2\x80") && text.size() > 2 &&
       (static_cast<uint8_t>(text[2]) <= 0x8A || text[2] == '\xAF')) ||  // U+2000 to 200A, 202F
      text.starts_with("\xE2\x81\x9F") ||
      text.starts_with("\xE3\x80\x80");  // U+205F, 3000
  return wide ? 3 : 0;
}

std::string_view trimmed_wide(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = space_bytes(text);
    if (bytes == 0) break;
    text.remove_prefix(bytes);
  }
  for (size_t bytes = 1; bytes <= 3 && bytes <= text.size();) {
    const bool is_space = space_bytes(text.substr(text.size() - bytes)) == bytes;
    if (is_space) text.remove_suffix(bytes);
    bytes = is_space ? 1 : bytes + 1;
  }
  return text;
}

std::string lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    const size_t bytes = sequence_bytes(text.substr(at));
    if (bytes > 1) {
      append_sequence(out, small_letter(code_point(text.substr(at, bytes))));
    } else {
      out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    at += std::max<size_t>(1, bytes);
  }
  return out;
}

bool glob_matches(std::string_view pattern, std::string_view name, Case letters) {
  if (letters == Case::ignored) return glob_matches(lower_case(pattern), lower_case(name));
  return fnmatch(std::string(pattern).c_str(), std::string(name).c_str(), FNM_PERIOD) == 0;
}

const char* glob_fault(std::string_view pattern) {
  for (size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] == '\\') {
      if (++at == pattern.size()) return "a \\ at the end";
      continue;
    }
    if (pattern[at] != '[') continue;
    size_t first = at + 1;
    if (first < pattern.size() && (pattern[first] == '!' || pattern[first] == '^')) ++first;
    at = pattern.find(']', first + 1);  // one in front stands for itself
    if (at == std::string_view::npos) return "a [ without its ]; the character itself is \\[";
  }
  return nullptr;
}

bool has_glob(std::string_view pattern) {
  return pattern.find_first_of("*?[") != std::string_view::npos;
}

}  // namespace btb::csv
