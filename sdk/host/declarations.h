// Checks the declarations of a plugin, and reads the value of an option by its declaration.
//
// Functions without state; [any] thread. They read all that the plugin declared, and never call
// into it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sdk/host/written.h"
#include "sdk/plugin/abi.h"

namespace btb::host {

inline constexpr size_t options_max = 256;  // of one plugin
inline constexpr size_t option_text_bytes_max = 64U << 10;
inline constexpr size_t option_items_max = 10'000;  // of one list or map

// Why `plugin` cannot be used, in words that continue "FILE: "; empty if it can. Checks sizes, ABI
// version, names, functions and every option (type, name, help, choices, range, default).
std::string plugin_fault(const btb_plugin& plugin);

// Why the source that the plugin created cannot be run, in words; empty if it can. Checks its size,
// run and destroy.
std::string source_fault(const btb_source& source);

// The value of an option. Its type decides which field is used; see btb_setting.
struct OptionValue {
  std::string text;
  int64_t integer = 0;
  double number = 0;
  std::vector<std::string> items;
};

// Reads `written` as `option` declares it. False if it breaks the declaration; then `fault` says
// how and where. The text never shows the value of a secret option.
bool read_value(const btb_option& option, const WrittenValue& written, OptionValue& value,
                SettingFault& fault);

// Reads the default that the option declares. REQUIRES: it has one.
bool read_default(const btb_option& option, OptionValue& value, SettingFault& fault);

// The words of an option of type choice: "a|b" gives a and b.
std::vector<std::string> choices_of(const btb_option& option);

// The kind of value that the option takes, in words: "a duration", "one of a, b".
std::string expected(const btb_option& option);

}  // namespace btb::host
