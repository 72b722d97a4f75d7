// Options of a plugin in C++: how to declare them, and how to read the settings of an operator.
// Included by source.h. Header-only, over abi.h; C++20.
//
//   static std::vector<Option> options() {
//     return {text_option("topic", "Where to publish").required(),
//             duration_option("interval", "Time between looks").standard("30s").range(100, 60'000),
//             choice_option("mode", "snapshot|append", "How to read the file").standard("append")};
//   }
//
// Everything here is a value without hidden state: [any] thread, one object on one thread at a
// time. Functions throw nothing but std::bad_alloc.
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

// The same bytes, without a copy: the result lives as long as what it was made from.
inline std::string_view view(btb_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}
inline btb_bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The declaration of one option. Value; made with the functions below. Nothing is checked here: the
// broker checks the declaration when it loads the plugin, and refuses a plugin with a faulty one.
// The modifiers work on a temporary only, so chain them behind the call that makes the option. Each
// returns that option, which lives until the end of the full expression.
class Option {
 public:
  // `name`: 1 to 64 characters of a-z, 0-9, "_" and "-", a letter first, each name once in a
  // plugin. `help`: one sentence for the operator, with the unit; not empty. Neither these texts
  // nor those of the modifiers may contain a NUL: the C side ends there.
  Option(btb_option_type type, std::string name, std::string help)
      : type_(type), name_(std::move(name)), help_(std::move(help)) {}
  // The operator has to set it, though maybe to an empty text. A required option has no default.
  Option&& required() && { return flags_ |= BTB_OPTION_REQUIRED, std::move(*this); }
  // The broker never shows or logs its value. The texts of the plugin should not either.
  Option&& secret() && { return flags_ |= BTB_OPTION_SECRET, std::move(*this); }
  // The default, as it would be written in YAML: "30s", "[a, b]". It has to fit the declaration.
  // Without it, and without required, the setting is absent if the operator leaves it out.
  Option&& standard(std::string value) && {
    return default_ = std::move(value), has_default_ = true, std::move(*this);
  }
  // Of a choice_option, which sets them itself: the words with "|" between them, none empty.
  Option&& choices(std::string value) && { return choices_ = std::move(value), std::move(*this); }
  // Bounds, both included: of integers, durations (milliseconds) and sizes (bytes). Other types
  // ignore them. 0, 0 stands for no bounds.
  Option&& range(int64_t low, int64_t high) && { return min_ = low, max_ = high, std::move(*this); }

  // The C form. Its texts point into this object: valid until the option is changed, moved or gone.
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

// The functions that make an option, one for each type. The comment says what the operator writes,
// and the method of Settings that reads it. Texts and items have at most 64 KiB each. A value that
// breaks its declaration never reaches a source: the broker reports it with file and line.

// Any text, also an empty one. Read it with text().
inline Option text_option(std::string name, std::string help) {
  return {BTB_OPTION_TEXT, std::move(name), std::move(help)};
}
// A path, or a pattern of paths. Read it with text(). The broker puts the folder of the
// configuration in front of a relative one; an empty one stays empty. It does not look whether the
// file is there. Needs a broker of ABI 1.1 or newer.
inline Option path_option(std::string name, std::string help) {
  return {BTB_OPTION_PATH, std::move(name), std::move(help)};
}
// true, yes, on; false, no, off; in upper or lower case. Read it with flag().
inline Option flag_option(std::string name, std::string help) {
  return {BTB_OPTION_FLAG, std::move(name), std::move(help)};
}
// A whole number of 64 bits with a sign: 42, -1. Read it with integer().
inline Option integer_option(std::string name, std::string help) {
  return {BTB_OPTION_INTEGER, std::move(name), std::move(help)};
}
// A finite number: 0.3, 1e9. Read it with number(). range() has no effect on it: see validate.
inline Option number_option(std::string name, std::string help) {
  return {BTB_OPTION_NUMBER, std::move(name), std::move(help)};
}
// A whole number with its unit: 500ms, 30s, 5m, 2h, 7d. Only 0 needs no unit; nothing is below 0.
// Read it with duration_ms().
inline Option duration_option(std::string name, std::string help) {
  return {BTB_OPTION_DURATION, std::move(name), std::move(help)};
}
// A whole number of bytes, 0 or more, with or without a unit: 512, 512B, 10kB (10000), 64KiB
// (65536), and so on up to GB and GiB. Read it with size_bytes().
inline Option size_option(std::string name, std::string help) {
  return {BTB_OPTION_SIZE, std::move(name), std::move(help)};
}
// One of the words in `choices` ("snapshot|append"), in the same case. Read it with text().
inline Option choice_option(std::string name, std::string choices, std::string help) {
  return Option(BTB_OPTION_CHOICE, std::move(name), std::move(help)).choices(std::move(choices));
}
// [a, b], or a alone: at most 10000 texts. An empty text is an empty list. Read it with list().
inline Option list_option(std::string name, std::string help) {
  return {BTB_OPTION_LIST, std::move(name), std::move(help)};
}
// {a: x, b: [y, z]}: the values are texts or lists of texts, at most 5000 pairs in all. An empty
// text is an empty map. Read it with map().
inline Option map_option(std::string name, std::string help) {
  return {BTB_OPTION_MAP, std::move(name), std::move(help)};
}

// The settings of one source, which the broker has checked. It borrows: use it only inside of the
// function that gets it. The methods return copies. An option has no value if the operator left it
// out and it has no default; it then reads as "", 0, false or an empty list. A name that was not
// declared reads the same: nothing reports a misspelt name. Nothing compares the types either: read
// each option with the method that belongs to its type.
class Settings {
 public:
  // Over the array of the C border, which has to live as long as this object. `settings` may be
  // null if `count` is 0.
  Settings(const btb_setting* settings, size_t count) : settings_(settings), count_(count) {}

  // Whether there is a value, written by the operator or by default.
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  // Of text, path and choice options.
  [[nodiscard]] std::string text(std::string_view name) const {
    const btb_setting* setting = find(name);
    return setting == nullptr ? std::string() : std::string(view(setting->text));
  }
  // Of integer options; durations in milliseconds, sizes in bytes, flags as 0 or 1.
  [[nodiscard]] int64_t integer(std::string_view name) const {
    const btb_setting* setting = find(name);
    return setting == nullptr ? 0 : setting->integer;
  }
  // Of duration options, in milliseconds; 0 or more.
  [[nodiscard]] int64_t duration_ms(std::string_view name) const { return integer(name); }
  // Of size options, in bytes. The broker reads at most 2^63 - 1.
  [[nodiscard]] uint64_t size_bytes(std::string_view name) const {
    return static_cast<uint64_t>(integer(name));
  }
  // Of flag options; an integer option reads as true unless it is 0.
  [[nodiscard]] bool flag(std::string_view name) const { return integer(name) != 0; }
  // Of number options; an integer option reads as 0 here.
  [[nodiscard]] double number(std::string_view name) const {
    const btb_setting* setting = find(name);
    return setting == nullptr ? 0 : setting->number;
  }
  // Of list options, in the order in which the operator wrote the items; they may repeat.
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const {
    std::vector<std::string> out;
    if (const btb_setting* setting = find(name)) {
      for (size_t i = 0; i < setting->item_count; ++i) out.emplace_back(view(setting->items[i]));
    }
    return out;
  }
  // Of map options: pairs of key and value, in the order in which the operator wrote them. A key
  // with a list, {b: [y, z]}, comes once for each value.
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

// The function that validate and examine call for each fault: the name of the option (empty: all
// options together), and what is wrong with it. The broker adds the place in the file. Copies both
// texts. Call it only inside of the function that got it, and on its thread.
using Report = std::function<void(const std::string& option, const std::string& text)>;

}  // namespace btb::plugin
