#include "sdk/plugin_check/plugin_check.h"

#include <string_view>

#include "sdk/plugin_check/child.h"
#include "sdk/plugin_check/trials.h"

namespace btb::host {
namespace {

// The steps that have failed so far, each with the name of the trial that showed it.
struct Broken {
  std::string library, settings, source;

  void note(const Trial& trial, const Verdict& verdict) {
    if (verdict.outcome != CheckFinding::Outcome::failed) return;
    const std::string_view name = trial.name;
    if (name == "load") library = name;
    if (name == "options") settings = name;
    if (verdict.fatal && trial.needs == Trial::Needs::source) source = name;
  }

  // The name of the failed trial because of which `trial` is skipped; empty if it can be tried.
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
