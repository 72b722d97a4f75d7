// The trial of strange settings: gives each option values that nobody writes on purpose. Parts: the
// values, trying one of them, the trial.
#include "sdk/plugin_check/strange.h"

#include <memory>
#include <utility>
#include <vector>

#include "sdk/host/declarations.h"
#include "sdk/host/values.h"
#include "sdk/plugin_check/subject.h"
#include "sdk/plugin_check/trial_source.h"

namespace btb::host {
namespace {

WrittenValue scalar(std::string text) {
  WrittenValue value;
  value.scalar = std::move(text);
  return value;
}

WrittenValue compound(WrittenValue::Shape shape, std::vector<WrittenValue> items) {
  WrittenValue value;
  value.shape = shape;
  value.items = std::move(items);
  return value;
}

// Texts nobody writes on purpose.
std::vector<WrittenValue> strange_texts() {
  return {scalar(""),       scalar("\xff\xfe\x01"), scalar(std::string(option_text_bytes_max, 'x')),
          scalar("{"),      scalar("%s%n"),         scalar("/nonexistent/\n"),
          scalar("a\tb\\"), scalar("../..")};
}

std::vector<WrittenValue> strange_values(const btb_option& option) {
  using Shape = WrittenValue::Shape;
  std::vector<WrittenValue> values = strange_texts();
  if (option.type == BTB_OPTION_INTEGER || option.type == BTB_OPTION_SIZE) {
    values.push_back(scalar(std::to_string(option.integer_min)));
    values.push_back(scalar(std::to_string(option.integer_max)));
    values.push_back(scalar("9223372036854775807"));
  }
  if (option.type == BTB_OPTION_DURATION) {
    values.push_back(scalar(show_duration(option.integer_min)));
    values.push_back(scalar(show_duration(option.integer_max)));
  }
  if (option.type == BTB_OPTION_CHOICE) {
    for (std::string& word : choices_of(option)) values.push_back(scalar(std::move(word)));
  }
  if (option.type == BTB_OPTION_NUMBER) {
    for (const char* text : {"0", "-1", "1e308"}) values.push_back(scalar(text));
  }
  values.push_back(compound(Shape::list, {}));
  values.push_back(compound(Shape::list, strange_texts()));
  values.push_back(compound(Shape::map, {}));
  values.push_back(compound(Shape::map, strange_texts()));
  return values;
}

struct StrangeCount {
  uint32_t reported = 0, refused = 0, taken = 0;
};

// Tries one value: validate, create, and a run that is asked to stop before it begins. Returns the
// fault, or "" if there is none.
std::string try_value(const TrialContext& context, const Library& library, const btb_option& option,
                      const WrittenValue& value, StrangeCount& count, bool& hung) {
  std::vector<WrittenOption> written{{option.name, {}, value}};
  for (const WrittenOption& other : context.options) {
    if (other.name != option.name) written.push_back(other);
  }
  context.phase(std::string("validate with a strange `") + option.name + "`");
  std::vector<SettingFault> faults;
  const std::shared_ptr<const Settings> settings =
      Settings::make(library->plugin(), written, faults);
  if (settings == nullptr) {
    ++count.reported;
    return {};
  }
  context.phase(std::string("a source with a strange `") + option.name + "`");
  const auto host = std::make_shared<TrialHost>();
  host->stop();
  TrialSource source(library, settings, host);
  const std::string fault = source.end(context.times.stop_ms, hung);
  ++(source.created() ? count.taken : count.refused);
  return fault.empty() ? "" : std::string("option `") + option.name + "`: " + fault;
}

}  // namespace

Verdict try_strange_settings(const TrialContext& context) {
  const Subject subject = open_subject(context);
  if (subject.settings == nullptr) return Verdict::failed(subject.fault);
  const btb_plugin& plugin = subject.loaded->plugin();
  StrangeCount count;
  for (size_t i = 0; i < plugin.option_count; ++i) {
    for (const WrittenValue& value : strange_values(*plugin.options[i])) {
      bool hung = false;
      const std::string fault =
          try_value(context, subject.loaded, *plugin.options[i], value, count, hung);
      if (hung) return Verdict::hung(fault);
      if (!fault.empty()) return Verdict::failed(fault);
    }
  }
  return Verdict::passed(std::to_string(count.reported) + " reported, " +
                         std::to_string(count.refused) + " refused by create, " +
                         std::to_string(count.taken) + " taken");
}

}  // namespace btb::host
