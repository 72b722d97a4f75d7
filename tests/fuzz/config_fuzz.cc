// Fuzzes the reading of a configuration: a good one prints, reads back as the same, and compares as
// the same; the faults of a bad one are in order and lie in the text. Plugins are not loaded, but
// every option is read as every type of option. Links broker_app_config.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/compare_config.h"
#include "broker/config/config.h"
#include "broker/config/print_config.h"
#include "broker/config/read_config.h"
#include "sdk/base/assert.h"
#include "sdk/host/declarations.h"

namespace {

using namespace btb;

ConfigSurroundings surroundings() {
  ConfigSurroundings out;
  out.file = "fuzz.yaml";
  out.directory = "/etc/btbroker";
  out.plugin_path = {"/usr/lib/btbroker/plugins"};
  out.host_name = "here";
  out.environment = [](const std::string& name) {
    return name == "HOME" ? std::optional<std::string>("/home/${env:HOME}") : std::nullopt;
  };
  out.load_plugins = false;
  return out;
}

void check_faults(const std::vector<ConfigFault>& faults, std::string_view text) {
  const auto lines = std::count(text.begin(), text.end(), '\n') + 2;
  for (const ConfigFault& fault : faults) {
    BTB_ASSERT(!fault.text.empty() && fault.line >= 0 && fault.line <= lines);
    BTB_ASSERT(to_string(fault).starts_with("fuzz.yaml:"));
  }
}

void check_options(const Config& config) {
  for (const SourceConfig& source : config.sources) {
    for (const host::WrittenOption& written : source.written) {
      for (btb_option_type type = BTB_OPTION_TEXT; type <= BTB_OPTION_MAP; ++type) {
        const char* choices = type == BTB_OPTION_CHOICE ? "snapshot|append" : nullptr;
        const btb_option option{sizeof(btb_option), type, 0, "any", nullptr, choices, "Any", 0, 0};
        host::OptionValue value;
        host::SettingFault fault;
        const bool fits = host::read_value(option, written.value, value, fault);
        BTB_ASSERT(fits == fault.text.empty());
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<ConfigFault> faults;
  const auto config = read_config_text(text, surroundings(), faults);
  BTB_ASSERT((config == nullptr) == !faults.empty());
  check_faults(faults, text);
  if (config == nullptr) return 0;
  check_options(*config);
  // What a plugin that was not loaded was told is not printed, so sources are left out here.
  Config plain = *config;
  plain.sources.clear();
  const auto again = read_config_text(print_config(plain), surroundings(), faults);
  BTB_ASSERT(again != nullptr);
  const ConfigChanges changes = compare(plain, *again);
  BTB_ASSERT(changes.applied.empty() && changes.needs_restart.empty());
  return 0;
}
