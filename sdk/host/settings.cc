// Settings: sorting the written options, calls to the plugin's validate and examine, then the
// class.
#include "sdk/host/settings.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include "sdk/host/border.h"
#include "sdk/host/declarations.h"
#include "sdk/host/extension.h"
#include "sdk/host/values.h"

namespace btb::host {
namespace {

btb_bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::vector<std::string> option_names(const btb_plugin& plugin) {
  std::vector<std::string> names;
  for (size_t i = 0; i < plugin.option_count; ++i) names.emplace_back(plugin.options[i]->name);
  return names;
}

// The written options by name. Unknown and repeated ones are faults.
std::map<std::string_view, const WrittenOption*> sort_options(
    const btb_plugin& plugin, std::span<const WrittenOption> written,
    std::vector<SettingFault>& faults) {
  const std::vector<std::string> names = option_names(plugin);
  std::map<std::string_view, const WrittenOption*> by_name;
  for (const WrittenOption& option : written) {
    if (std::find(names.begin(), names.end(), option.name) == names.end()) {
      faults.push_back({option.name,
                        "plugin " + std::string(plugin.name) + " has no option `" + option.name +
                            "`" + did_you_mean(option.name, names),
                        option.name_place});
    } else if (!by_name.emplace(option.name, &option).second) {
      const int line = by_name[option.name]->name_place.line;
      faults.push_back({option.name,
                        "given twice" + (line > 0 ? ", first in line " + std::to_string(line) : ""),
                        option.name_place});
    }
  }
  return by_name;
}

// State of the check while the plugin's validate runs.
struct ValidateContext {
  std::map<std::string_view, const WrittenOption*> by_name;
  std::set<std::string> replaced;  // options with wrong values; validate sees their defaults
  bool required_are_there = true;
  std::vector<SettingFault>& faults;
};

// The btb_report for validate and examine. Reports about a replaced value are dropped, because
// nobody wrote that value. If any value was replaced, so are reports about the options as a whole.
void collect_report(void* context, const char* option, const char* text) {
  auto& validate = *static_cast<ValidateContext*>(context);
  SettingFault fault{option == nullptr ? "" : option, text == nullptr ? "is wrong" : text, {}};
  const bool replaced =
      fault.option.empty() ? !validate.replaced.empty() : validate.replaced.contains(fault.option);
  if (replaced) return;
  const auto found = validate.by_name.find(fault.option);
  if (found != validate.by_name.end()) fault.place = found->second->value.place;
  validate.faults.push_back(std::move(fault));
}

void ask_validate(const btb_plugin& plugin, std::span<const btb_setting> settings,
                  ValidateContext& context) {
  // A plugin may rely on its required options in validate, as in create.
  if (plugin.validate == nullptr || !context.required_are_there) return;
  const std::string escaped = escaped_from("validate", [&] {
    plugin.validate(settings.data(), settings.size(), &collect_report, &context);
  });
  if (!escaped.empty()) {
    context.faults.push_back({"", "plugin " + std::string(plugin.name) + ": " + escaped, {}});
  }
}

const btb_plugin_examine* examiner_of(const btb_plugin& plugin) {
  const auto* examiner =
      static_cast<const btb_plugin_examine*>(extension_of(plugin, BTB_EXTENSION_EXAMINE));
  const bool usable = examiner != nullptr && examiner->size >= sizeof(btb_plugin_examine) &&
                      examiner->examine != nullptr;
  return usable ? examiner : nullptr;
}

}  // namespace

std::vector<SettingFault> examine(const btb_plugin& plugin, const Settings& settings,
                                  std::span<const WrittenOption> written) {
  std::vector<SettingFault> warnings;
  const btb_plugin_examine* examiner = examiner_of(plugin);
  if (examiner == nullptr) return warnings;
  ValidateContext context{{}, {}, true, warnings};
  for (const WrittenOption& option : written) context.by_name.emplace(option.name, &option);
  const std::string escaped = escaped_from("examine", [&] {
    examiner->examine(settings.view().data(), settings.view().size(), &collect_report, &context);
  });
  if (!escaped.empty()) {
    warnings.push_back({"", "plugin " + std::string(plugin.name) + ": " + escaped, {}});
  }
  return warnings;
}

std::unique_ptr<Settings> Settings::make(const btb_plugin& plugin,
                                         std::span<const WrittenOption> written,
                                         std::vector<SettingFault>& faults,
                                         const std::string& directory) {
  const size_t faults_before = faults.size();
  std::unique_ptr<Settings> settings(new Settings(directory));
  ValidateContext context{sort_options(plugin, written, faults), {}, true, faults};
  for (size_t i = 0; i < plugin.option_count; ++i) {
    const btb_option& option = *plugin.options[i];
    const auto found = context.by_name.find(option.name);
    const bool is_written = found != context.by_name.end();
    OptionValue value;
    SettingFault fault;
    if (is_written && read_value(option, found->second->value, value, fault)) {
      settings->add(option, std::move(value));
      continue;
    }
    if (is_written) {
      faults.push_back(std::move(fault));
      context.replaced.insert(option.name);
    }
    value = {};
    if ((option.flags & BTB_OPTION_REQUIRED) != 0) {
      context.required_are_there = false;
      if (is_written) continue;
      faults.push_back(
          {option.name, "required, and missing (" + expected(option) + "): " + option.help, {}});
    } else if (option.default_value != nullptr && read_default(option, value, fault)) {
      settings->add(option, std::move(value));
    }
  }
  ask_validate(plugin, settings->view(), context);
  return faults.size() == faults_before ? std::move(settings) : nullptr;
}

void Settings::add(const btb_option& option, OptionValue value) {
  btb_setting setting{};
  setting.size = sizeof(btb_setting);
  setting.type = option.type;
  setting.name = option.name;
  setting.integer = value.integer;
  setting.number = value.number;
  const bool is_path = option.type == BTB_OPTION_PATH;
  if (is_path && !value.text.empty() && !value.text.starts_with('/') && !directory_.empty()) {
    value.text = directory_ + "/" + value.text;
  }
  setting.text = bytes_of(texts_.emplace_back(std::move(value.text)));
  std::vector<btb_bytes>& items = items_.emplace_back();
  for (std::string& item : value.items) {
    items.push_back(bytes_of(texts_.emplace_back(std::move(item))));
  }
  setting.items = items.data();
  setting.item_count = items.size();
  settings_.push_back(setting);
}

}  // namespace btb::host
