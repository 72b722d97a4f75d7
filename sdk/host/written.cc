// Reads the small part of YAML that values of options need: a scalar, [a, b], {a: x, b: [y, z]}.
// FlowReader, then the functions of the header.
#include "sdk/host/written.h"

#include <cctype>
#include <utility>

namespace btb::host {
namespace {

constexpr int depth_max = 3;  // a map of lists of scalars

class FlowReader {
 public:
  explicit FlowReader(std::string_view text) : rest_(text) {}

  Result<WrittenValue> all() {
    Result<WrittenValue> value = read(1);
    if (!value) return value;
    skip_space();
    if (!rest_.empty()) return fault("text behind the end of the value");
    return value;
  }

 private:
  static Error fault(std::string text) { return {Errc::invalid, std::move(text)}; }

  void skip_space() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0) {
      rest_.remove_prefix(1);
    }
  }

  bool take(char expected) {
    skip_space();
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Result<WrittenValue> read(int depth) {
    if (depth > depth_max) return fault("lists and maps nested too deeply");
    if (take('[')) return read_list(depth);
    if (take('{')) return read_map(depth);
    return read_scalar(depth > 1 ? ",]}" : "");
  }

  Result<WrittenValue> read_list(int depth) {
    WrittenValue list;
    list.shape = WrittenValue::Shape::list;
    while (!take(']')) {
      Result<WrittenValue> item = read(depth + 1);
      if (!item) return item;
      list.items.push_back(std::move(*item));
      if (!take(',') && !rest_.starts_with(']')) return fault("a list needs `,` or `]` here");
    }
    return list;
  }

  Result<WrittenValue> read_map(int depth) {
    WrittenValue map;
    map.shape = WrittenValue::Shape::map;
    while (!take('}')) {
      Result<WrittenValue> key = read_scalar(":,}");
      if (!key) return key;
      if (!take(':')) return fault("a map needs `:` behind a key");
      Result<WrittenValue> value = read(depth + 1);
      if (!value) return value;
      map.items.push_back(std::move(*key));
      map.items.push_back(std::move(*value));
      if (!take(',') && !rest_.starts_with('}')) return fault("a map needs `,` or `}` here");
    }
    return map;
  }

  // Reads a quoted text, or everything up to one of the letters in `ends`.
  Result<WrittenValue> read_scalar(std::string_view ends) {
    skip_space();
    WrittenValue value;
    if (rest_.starts_with('"') || rest_.starts_with('\'')) {
      const char quote = rest_.front();
      const size_t close = rest_.find(quote, 1);
      if (close == std::string_view::npos) return fault("a quote is not closed");
      value.scalar = rest_.substr(1, close - 1);
      rest_.remove_prefix(close + 1);
      return value;
    }
    const size_t end = std::min(rest_.find_first_of(ends), rest_.size());
    std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
      text.remove_suffix(1);
    }
    if (text.empty() && !ends.empty()) return fault("a value is missing");
    value.scalar = text;
    return value;
  }

  std::string_view rest_;
};

}  // namespace

Result<WrittenValue> parse_written(std::string_view text) {
  return FlowReader(text).all();
}

Result<WrittenOption> parse_option(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    return Error{Errc::invalid, "`" + std::string(text) + "` is not NAME=VALUE"};
  }
  WrittenOption option;
  option.name = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  Result<WrittenValue> written = parse_written(value);
  if (written) {
    option.value = std::move(*written);
  } else {
    option.value.scalar = value;
  }
  return option;
}

bool same_value(const WrittenValue& a, const WrittenValue& b) {
  if (a.shape != b.shape || a.scalar != b.scalar || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!same_value(a.items[i], b.items[i])) return false;
  }
  return true;
}

}  // namespace btb::host
