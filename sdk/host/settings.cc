#include "sdk/host/settings.h"

#include <algorithm>
#include <map>
#include <utility>

#include "sdk/host/declarations.h"

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

// The written options by name; unknown ones and repetitions are faults.
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
                        "option `" + option.name + "` is given twice" +
                            (line > 0 ? ", first in line " + std::to_string(line) : ""),
                        option.name_place});
    }
  }
  return by_name;
}

struct ValidateContext {
  const std::map<std::string_view, const WrittenOption*>& by_name;
  std::vector<SettingFault>& faults;
};

// btb_report: what the plugin's validate says.
void collect_report(void* context, const char* option, const char* text) {
  auto& validate = *static_cast<ValidateContext*>(context);
  SettingFault fault{option == nullptr ? "" : option, text == nullptr ? "is wrong" : text, {}};
  const auto found = validate.by_name.find(fault.option);
  if (found != validate.by_name.end()) fault.place = found->second->value.place;
  validate.faults.push_back(std::move(fault));
}

}  // namespace

std::unique_ptr<Settings> Settings::make(const btb_plugin& plugin,
                                         std::span<const WrittenOption> written,
                                         std::vector<SettingFault>& faults) {
  const size_t faults_before = faults.size();
  std::unique_ptr<Settings> settings(new Settings());
  const auto by_name = sort_options(plugin, written, faults);
  for (size_t i = 0; i < plugin.option_count; ++i) {
    const btb_option& option = *plugin.options[i];
    const auto found = by_name.find(option.name);
    OptionValue value;
    SettingFault fault;
    if (found != by_name.end()) {
      if (read_value(option, found->second->value, value, fault)) {
        settings->add(option, std::move(value));
      } else {
        faults.push_back(std::move(fault));
      }
    } else if ((option.flags & BTB_OPTION_REQUIRED) != 0) {
      faults.push_back({option.name,
                        "option `" + std::string(option.name) + "` is required (" +
                            expected(option) + "): " + option.help,
                        {}});
    } else if (option.default_value != nullptr && read_default(option, value, fault)) {
      settings->add(option, std::move(value));
    }
  }
  if (faults.size() == faults_before && plugin.validate != nullptr) {
    ValidateContext context{by_name, faults};
    plugin.validate(settings->settings_.data(), settings->settings_.size(), &collect_report,
                    &context);
  }
  return faults.size() == faults_before ? std::move(settings) : nullptr;
}

void Settings::add(const btb_option& option, OptionValue value) {
  btb_setting setting{};
  setting.size = sizeof(btb_setting);
  setting.type = option.type;
  setting.name = option.name;
  setting.integer = value.integer;
  setting.number = value.number;
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
