// JSON from bytes: Compactor checks and copies one JSON value; below it are the functions of the
// header.
#include "sdk/cli/json_text.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "sdk/base/base64.h"
#include "sdk/cli/printable.h"
#include "sdk/wire/topic_name.h"

namespace btb::cli {

namespace {

void append_unicode_escape(std::string& out, char32_t character) {
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(character));
  out += buffer.data();
}

// The length of an escape such as "\u0041".
constexpr size_t escape_bytes = 6;

bool is_high_surrogate(uint16_t unit) {
  return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low_surrogate(uint16_t unit) {
  return unit >= 0xDC00 && unit < 0xE000;
}

// The UTF-16 unit of the escape at the front of `text`; nothing if there is none.
std::optional<uint16_t> escaped_unit(std::string_view text) {
  if (!text.starts_with("\\u") || text.size() < escape_bytes) return std::nullopt;
  uint16_t unit = 0;
  const char* end = text.data() + escape_bytes;
  const auto [at, fault] = std::from_chars(text.data() + 2, end, unit, 16);
  if (fault != std::errc{} || at != end) return std::nullopt;
  return unit;
}

// Checks one JSON value and copies it. Every function returns false at the first fault.
class Compactor {
 public:
  Compactor(std::string& out, std::string_view text) : out_(out), text_(text) {}

  bool document() {
    skip_space();
    if (!value(0)) return false;
    skip_space();
    return text_.empty();
  }

 private:
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }
  void copy(size_t bytes) {
    out_ += text_.substr(0, bytes);
    text_.remove_prefix(bytes);
  }
  bool take(char c) {
    if (peek() != c) return false;
    copy(1);
    return true;
  }
  void skip_space() {
    const size_t end = text_.find_first_not_of(" \t\r\n");
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end);
  }
  bool word(std::string_view expected) {
    if (!text_.starts_with(expected)) return false;
    copy(expected.size());
    return true;
  }

  // `depth`: the number of arrays and objects around it.
  bool value(int depth) {
    const bool nests = peek() == '{' || peek() == '[';
    if (nests && depth == json_depth_max) return false;
    switch (peek()) {
      case '{':
        return members(depth);
      case '[':
        return elements(depth);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool members(int depth) {
    copy(1);
    skip_space();
    if (take('}')) return true;
    for (;;) {
      skip_space();
      if (peek() != '"' || !string()) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!value(depth + 1)) return false;
      skip_space();
      if (take('}')) return true;
      if (!take(',')) return false;
    }
  }

  bool elements(int depth) {
    copy(1);
    skip_space();
    if (take(']')) return true;
    for (;;) {
      skip_space();
      if (!value(depth + 1)) return false;
      skip_space();
      if (take(']')) return true;
      if (!take(',')) return false;
    }
  }

  bool string() {
    copy(1);
    while (!text_.empty()) {
      const char c = text_.front();
      if (c == '"') {
        copy(1);
        return true;
      }
      if (c == '\\') {
        if (!escape()) return false;
        continue;
      }
      if (static_cast<uint8_t>(c) < 0x20) return false;
      const size_t bytes = utf8_bytes(text_);
      if (bytes == 0) return false;
      const char32_t character = utf8_character(text_.substr(0, bytes));
      if (is_unsafe(character)) {
        append_unicode_escape(out_, character);
        text_.remove_prefix(bytes);
      } else {
        copy(bytes);
      }
    }
    return false;
  }

  bool escape() {
    if (text_.size() < 2) return false;
    if (std::string_view("\"\\/bfnrt").find(text_[1]) != std::string_view::npos) {
      copy(2);
      return true;
    }
    const auto unit = escaped_unit(text_);
    if (!unit || is_low_surrogate(*unit)) return false;
    if (is_high_surrogate(*unit)) {
      const auto second = escaped_unit(text_.substr(escape_bytes));
      if (!second || !is_low_surrogate(*second)) return false;
      copy(escape_bytes);
    }
    copy(escape_bytes);
    return true;
  }

  bool digits() {
    const size_t end = std::min(text_.find_first_not_of("0123456789"), text_.size());
    copy(end);
    return end != 0;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }

  std::string& out_;
  std::string_view text_;
};

}  // namespace

bool append_compact_json(std::string& out, std::string_view text) {
  const size_t before = out.size();
  if (Compactor(out, text).document()) return true;
  out.resize(before);
  return false;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const size_t bytes = utf8_bytes(text);
    const std::string_view sequence = text.substr(0, bytes);
    const char32_t character = utf8_character(sequence);
    if (character == '"' || character == '\\') {
      out += '\\';
      out += sequence;
    } else if (character == '\n') {
      out += "\\n";
    } else if (character == '\t') {
      out += "\\t";
    } else if (is_unsafe(character)) {
      append_unicode_escape(out, character);
    } else {
      out += sequence;
    }
    text.remove_prefix(bytes);
  }
  out += '"';
}

void append_json_text(std::string& out, std::string_view bytes) {
  if (wire::is_utf8(bytes)) return append_json_string(out, bytes);
  out += R"({"$base64":")";
  append_base64(out, bytes);
  out += "\"}";
}

void append_json_value(std::string& out, std::string_view bytes) {
  if (!append_compact_json(out, bytes)) append_json_text(out, bytes);
}

}  // namespace btb::cli
