// Settings: options as an operator wrote them, checked against what the plugin declares, as the C ABI wants them.
//
// Pure but for calling the plugin's own validate. [any] thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/plugin/abi.h"

namespace btb::host {

// A place in a file, from 1; 0: not known.
struct Place {
  int line = 0;
  int column = 0;
};

// A value as it was written: a scalar, a list, or a map (whose values are scalars or lists of scalars).
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

struct SettingFault {
  std::string option;  // empty: the options as a whole
  std::string text;    // what was expected and what was found, with the nearest known word where one is near
  Place place;
};

// The checked settings, in the form create and validate take. Resource: owns all that view() points to.
class Settings {
 public:
  // Checks `written` against the plugin's declarations, fills in defaults, and, if nothing was wrong so far, asks the
  // plugin's validate. Faults are appended to `faults`; null if there was any.
  static std::unique_ptr<Settings> make(const btb_plugin& plugin, std::span<const WrittenOption> written,
                                        std::vector<SettingFault>& faults);

  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  [[nodiscard]] std::span<const btb_setting> view() const { return settings_; }

 private:
  Settings() = default;
  std::vector<btb_setting> settings_;
  std::deque<std::string> texts_;
  std::deque<std::vector<btb_bytes>> items_;
};

// "30s", "500ms", "5m", "2h", "7d", "0": milliseconds.
Result<int64_t> parse_duration_ms(std::string_view text);
// "512", "64KiB", "1MiB", "2GiB", "10kB", "1MB": bytes.
Result<int64_t> parse_size_bytes(std::string_view text);
// true, yes, on / false, no, off.
Result<bool> parse_flag(std::string_view text);

// The candidate nearest to `word` (edit distance, at most a third of its length), for "did you mean"; empty if none is
// near.
std::string nearest_word(std::string_view word, std::span<const std::string> candidates);

}  // namespace btb::host
