// Settings: the options that an operator wrote, checked against the plugin's declarations, in the
// form of the C ABI.
//
// Pure, apart from calls to the plugin's own validate and examine. [any] thread.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sdk/host/written.h"
#include "sdk/plugin/abi.h"

namespace btb::host {

struct OptionValue;  // declarations.h

// The checked settings, in the form that create and validate take. Resource: owns the values behind
// view(). The names point into the plugin, so its library must live longer.
class Settings {
 public:
  // Checks `written` against the plugin's declarations, and fills in the defaults, also in place of
  // wrong values. Then calls the plugin's validate, unless a required option has no valid value.
  // Appends faults to `faults`, and returns null if there are any. `directory` is put before
  // relative paths; if it is empty, they stay relative to the working directory of the process.
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

// Lets the plugin look at the files that the settings name, if it has the extension examine.
// Returns its warnings, with the places of `written`. Calls into the plugin, which may read files.
// [any]
std::vector<SettingFault> examine(const btb_plugin& plugin, const Settings& settings,
                                  std::span<const WrittenOption> written);

}  // namespace btb::host
