#include "sdk/plugin_check/subject.h"

#include <utility>
#include <vector>

namespace btb::host {
namespace {

std::string joined(const std::vector<SettingFault>& faults) {
  std::string out;
  for (const SettingFault& fault : faults) {
    const bool names_itself =
        fault.option.empty() || fault.text.find("`" + fault.option + "`") != std::string::npos;
    out += (out.empty() ? "" : "; ") + (names_itself ? "" : fault.option + ": ") + fault.text;
  }
  return out;
}

}  // namespace

Subject open_subject(const TrialContext& context) {
  Subject subject;
  context.phase("load");
  Result<Library> library = PluginLibrary::load(context.path);
  if (!library) {
    subject.fault = library.error().text;
    return subject;
  }
  subject.loaded = *library;
  context.phase("validate");
  std::vector<SettingFault> faults;
  subject.settings = Settings::make(subject.loaded->plugin(), context.options, faults);
  subject.fault = joined(faults);
  return subject;
}

std::string counts(const TrialHost::Record& record) {
  std::string out = std::to_string(record.messages) + " messages in " +
                    std::to_string(record.batches) + " batches";
  if (record.dead_letters > 0) out += ", " + std::to_string(record.dead_letters) + " dead letters";
  if (record.refused > 0) out += ", " + std::to_string(record.refused) + " times refused";
  return out;
}

Verdict judge(const TrialHost& host, const std::string& fault, bool hung) {
  const TrialHost::Record record = host.record();
  std::string text = fault;
  for (const std::string& rule : record.broken_rules) text += (text.empty() ? "" : "; ") + rule;
  if (!record.failure.empty())
    text += (text.empty() ? "" : "; ") + ("it failed: " + record.failure);
  if (hung) return Verdict::hung(text);
  return text.empty() ? Verdict::passed(counts(record)) : Verdict::failed(text);
}

}  // namespace btb::host
