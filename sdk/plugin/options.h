// Options of a plugin in C++: declaring them, and reading the settings that an operator made.
// Included by source.h. Header-only, over abi.h; C++20.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/plugin/abi.h"

namespace btb::plugin {

inline std::string_view view(btb_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}
inline btb_bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The declaration of one option. Value type; built with the functions below.
class Option {
 public:
  Option(btb_option_type type, std::string name, std::string help)
      : type_(type), name_(std::move(name)), help_(std::move(help)) {}
  Option&& required() && { return flags_ |= BTB_OPTION_REQUIRED, std::move(*this); }
  Option&& secret() && { return flags_ |= BTB_OPTION_SECRET, std::move(*this); }
  // As it would be written in YAML.
  Option&& standard(std::string value) && {
    return default_ = std::move(value), has_default_ = true, std::move(*this);
  }
  Option&& choices(std::string value) && { return choices_ = std::move(value), std::move(*this); }
  Option&& range(int64_t low, int64_t high) && { return min_ = low, max_ = high, std::move(*this); }

  // Borrows the texts of this object.
  [[nodiscard]] btb_option raw() const {
    return {sizeof(btb_option),
            type_,
            flags_,
            name_.c_str(),
            has_default_ ? default_.c_str() : nullptr,
            choices_.empty() ? nullptr : choices_.c_str(),
            help_.c_str(),
            min_,
            max_};
  }

 private:
  btb_option_type type_;
  uint32_t flags_ = 0;
  std::string name_, help_, default_, choices_;
  bool has_default_ = false;
  int64_t min_ = 0, max_ = 0;
};

inline Option text_option(std::string name, std::string help) {
  return {BTB_OPTION_TEXT, std::move(name), std::move(help)};
}
// A path or a pattern of paths, which reads as an absolute one.
inline Option path_option(std::string name, std::string help) {
  return {BTB_OPTION_PATH, std::move(name), std::move(help)};
}
inline Option flag_option(std::string name, std::string help) {
  return {BTB_OPTION_FLAG, std::move(name), std::move(help)};
}
inline Option integer_option(std::string name, std::string help) {
  return {BTB_OPTION_INTEGER, std::move(name), std::move(help)};
}
inline Option number_option(std::string name, std::string help) {
  return {BTB_OPTION_NUMBER, std::move(name), std::move(help)};
}
inline Option duration_option(std::string name, std::string help) {
  return {BTB_OPTION_DURATION, std::move(name), std::move(help)};
}
inline Option size_option(std::string name, std::string help) {
  return {BTB_OPTION_SIZE, std::move(name), std::move(help)};
}
inline Option choice_option(std::string name, std::string choices, std::string help) {
  return Option(BTB_OPTION_CHOICE, std::move(name), std::move(help)).choices(std::move(choices));
}
inline Option list_option(std::string name, std::string help) {
  return {BTB_OPTION_LIST, std::move(name), std::move(help)};
}
inline Option map_option(std::string name, std::string help) {
  return {BTB_OPTION_MAP, std::move(name), std::move(help)};
}

// The settings of one source, as the broker checked them. Borrows; copy what is kept. An option
// that was not set and has no default reads as "", 0, false or nothing; a name that was never
// declared is a bug and throws.
class Settings {
 public:
  Settings(const btb_setting* settings, size_t count) : settings_(settings), count_(count) {}

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  [[nodiscard]] std::string text(std::string_view name) const {
    const btb_setting* setting = find(name);
    return setting == nullptr ? std::string() : std::string(view(setting->text));
  }
  [[nodiscard]] int64_t integer(std::string_view name) const {
    const btb_setting* setting = find(name);
    return setting == nullptr ? 0 : setting->integer;
  }
  [[nodiscard]] int64_t duration_ms(std::string_view name) const { return integer(name); }
  [[nodiscard]] uint64_t size_bytes(std::string_view name) const {
    return static_cast<uint64_t>(integer(name));
  }
  [[nodiscard]] bool flag(std::string_view name) const { return integer(name) != 0; }
  [[nodiscard]] double number(std::string_view name) const {
    const btb_setting* setting = find(name);
    return setting == nullptr ? 0 : setting->number;
  }
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const {
    std::vector<std::string> out;
    if (const btb_setting* setting = find(name)) {
      for (size_t i = 0; i < setting->item_count; ++i) out.emplace_back(view(setting->items[i]));
    }
    return out;
  }
  // In the order they are written; a key may come more than once.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> map(std::string_view name) const {
    std::vector<std::pair<std::string, std::string>> out;
    if (const btb_setting* setting = find(name)) {
      for (size_t i = 0; i + 1 < setting->item_count; i += 2) {
        out.emplace_back(view(setting->items[i]), view(setting->items[i + 1]));
      }
    }
    return out;
  }

 private:
  // Steps by the size the broker knows, which may be larger than ours.
  [[nodiscard]] const btb_setting* find(std::string_view name) const {
    const auto* bytes = reinterpret_cast<const unsigned char*>(settings_);
    for (size_t i = 0; i < count_; ++i) {
      const auto* setting = reinterpret_cast<const btb_setting*>(bytes + i * settings_->size);
      if (setting->name == name) return setting;
    }
    return nullptr;
  }
  const btb_setting* settings_;
  size_t count_;
};

// Told about a fault in the settings by validate: (option, text).
using Report = std::function<void(const std::string& option, const std::string& text)>;

}  // namespace btb::plugin
