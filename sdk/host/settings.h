// Settings: options as an operator wrote them, checked against what the plugin declares, as the C
// ABI wants them.
//
// Pure but for calling the plugin's own validate. [any] thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/base/nearest_word.h"
#include "sdk/base/result.h"
#include "sdk/plugin/abi.h"

namespace btb::host {

// A place in a file, from 1; 0: not known.
struct Place {
  int line = 0;
  int column = 0;
};

// A value as it was written: a scalar, a list, or a map (whose values are scalars or lists of
// scalars).
struct WrittenValue {
  enum class Shape : unsigned char { scalar, list, map } shape = Shape::scalar;
  std::string scalar;
  std::vector<WrittenValue> items;  // list: the items; map: key, value, key, value
  Place place;
};

struct WrittenOption {
  std::string name;
  Place name_place;
  WrittenValue value;
};

struct OptionValue;  // declarations.h

struct SettingFault {
  std::string option;  // empty: the options as a whole
  std::string text;  // what was expected and what was found, with the nearest known word where one
                     // is near; it follows the option's name
  Place place;
};

// The checked settings, in the form create and validate take. Resource: owns all that view() points
// to.
class Settings {
 public:
  // Checks `written` against the plugin's declarations, fills in defaults, also for values that
  // are wrong, and asks the plugin's validate unless a required option has no value. Faults are
  // appended to `faults`; null if there was any. Relative values of options that are paths begin at
  // `directory`; if that is empty, they stay as they are, and begin where the process works.
  static std::unique_ptr<Settings> make(const btb_plugin& plugin,
                                        std::span<const WrittenOption> written,
                                        std::vector<SettingFault>& faults,
                                        const std::string& directory = {});

  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  [[nodiscard]] std::span<const btb_setting> view() const { return settings_; }

 private:
  explicit Settings(std::string directory) : directory_(std::move(directory)) {}
  void add(const btb_option& option, OptionValue value);

  const std::string directory_;
  std::vector<btb_setting> settings_;
  std::deque<std::string> texts_;
  std::deque<std::vector<btb_bytes>> items_;
};

// What the plugin finds by looking at what the settings point to, if it can do that: warnings, with
// the places of `written`. Calls into the plugin, which may read files. [any]
std::vector<SettingFault> examine(const btb_plugin& plugin, const Settings& settings,
                                  std::span<const WrittenOption> written);

// "30s", "500ms", "5m", "2h", "7d", "0": milliseconds.
Result<int64_t> parse_duration_ms(std::string_view text);
// "512", "64KiB", "1MiB", "2GiB", "10kB", "1MB": bytes.
Result<int64_t> parse_size_bytes(std::string_view text);
// true, yes, on / false, no, off.
Result<bool> parse_flag(std::string_view text);

// The other way: "90s", "64KiB", "0". What they give is read back as the same number.
std::string show_duration(int64_t ms);
std::string show_size(int64_t bytes);

// A value in one line, as declarations of defaults and command lines hold it: a scalar, "[a, b]",
// "{a: x, b: [y, z]}", with quotes where a text has commas or brackets. Without places.
Result<WrittenValue> parse_written(std::string_view text);
// "NAME=VALUE" from a command line. A value that is a whole list or map in the form above is one;
// any other is a scalar, so "{ward}/x" and "[ab]*.csv" need no quotes.
Result<WrittenOption> parse_option(std::string_view text);
// Shape and contents; places aside.
bool same_value(const WrittenValue& a, const WrittenValue& b);

// "; did you mean `WORD`?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace btb::host
