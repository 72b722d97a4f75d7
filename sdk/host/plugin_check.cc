#include "sdk/host/plugin_check.h"

#include <string_view>

#include "sdk/host/check_child.h"
#include "sdk/host/check_trials.h"

namespace btb::host {
namespace {

// What has failed so far, by the name of the trial that showed it.
struct Broken {
  std::string library, settings, source;

  void note(const Trial& trial, const Verdict& verdict) {
    if (verdict.outcome != CheckFinding::Outcome::failed) return;
    const std::string_view name = trial.name;
    if (name == "load") library = name;
    if (name == "options") settings = name;
    if (verdict.fatal && trial.needs == Trial::Needs::source) source = name;
  }

  // The trial that shows why `trial` cannot be tried; empty if it can.
  [[nodiscard]] std::string why_not(const Trial& trial) const {
    if (trial.needs >= Trial::Needs::library && !library.empty()) return library;
    if (trial.needs >= Trial::Needs::settings && !settings.empty()) return settings;
    return trial.needs >= Trial::Needs::source ? source : std::string();
  }
};

}  // namespace

std::vector<CheckFinding> check_plugin(const std::string& path,
                                       const std::vector<WrittenOption>& options,
                                       const std::function<void(const CheckFinding&)>& progress,
                                       const CheckTimes& times) {
  std::vector<CheckFinding> findings;
  Broken broken;
  for (const Trial& trial : all_trials()) {
    const std::string why_not = broken.why_not(trial);
    const Verdict verdict = why_not.empty()
                                ? run_in_child(times.trial_ms,
                                               [&](const Phase& phase) {
                                                 return trial.run({path, options, times, phase});
                                               })
                                : Verdict::skipped("not tried: see `" + why_not + "`");
    broken.note(trial, verdict);
    findings.push_back({trial.name, verdict.outcome, verdict.text});
    if (progress) progress(findings.back());
  }
  return findings;
}

}  // namespace btb::host
