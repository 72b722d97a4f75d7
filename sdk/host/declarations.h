// What a plugin declares about itself, checked; and one option's value, read as its declaration
// wants it.
//
// Functions, no state; [any] thread. Nothing here calls into the plugin, but everything it declared
// is read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sdk/host/settings.h"
#include "sdk/plugin/abi.h"

namespace btb::host {

inline constexpr size_t options_max = 256;  // of one plugin
inline constexpr size_t option_text_bytes_max = 64U << 10;
inline constexpr size_t option_items_max = 10'000;  // of one list or map

// Why `plugin` cannot be used, in words that continue "FILE: "; empty if it can: sizes, ABI
// version, names, functions, every option (type, name, help, choices, range, default).
std::string plugin_fault(const btb_plugin& plugin);

// Why what create gave cannot be run, in words; empty if it can: its size, run and destroy.
std::string source_fault(const btb_source& source);

// A value as its type wants it; see btb_setting for which field holds what.
struct OptionValue {
  std::string text;
  int64_t integer = 0;
  double number = 0;
  std::vector<std::string> items;
};

// Reads `written` as `option` declares it. False if it breaks the declaration: then `fault` says
// how and where. The value of a secret option is never in the text.
bool read_value(const btb_option& option, const WrittenValue& written, OptionValue& value,
                SettingFault& fault);

// Reads a default, written as one line.
bool read_default(const btb_option& option, OptionValue& value, SettingFault& fault);

// The words of a CHOICE: "a|b" gives a and b.
std::vector<std::string> choices_of(const btb_option& option);

// "a duration", "one of a, b": what an option of this type wants.
std::string expected(const btb_option& option);

}  // namespace btb::host
