// The trials: of the library, of the lives of a source, then the table of all in their order.
#include "sdk/plugin_check/trials.h"

#include <array>
#include <memory>
#include <thread>
#include <utility>

#include "sdk/host/library.h"
#include "sdk/host/values.h"
#include "sdk/plugin_check/leaks.h"
#include "sdk/plugin_check/strange.h"
#include "sdk/plugin_check/subject.h"
#include "sdk/plugin_check/trial_host.h"
#include "sdk/plugin_check/trial_source.h"

namespace btb::host {
namespace {

// --- the library ---

Verdict try_load(const TrialContext& context) {
  context.phase("load");
  const Result<Library> library = PluginLibrary::load(context.path);
  if (!library) return Verdict::failed(library.error().text);
  const btb_plugin& plugin = (*library)->plugin();
  return Verdict::passed(std::string(plugin.name) + " " + plugin.version + ", plugin ABI " +
                         std::to_string(plugin.abi_major) + "." + std::to_string(plugin.abi_minor) +
                         ", " + std::to_string(plugin.option_count) + " options");
}

// Asks the entry point for ABI versions that a broker does not ask for.
Verdict try_other_majors(const TrialContext& context) {
  const Result<Library> library = PluginLibrary::load(context.path);
  if (!library) return Verdict::failed(library.error().text);
  const btb_plugin_entry_function entry = (*library)->entry();
  context.phase("btb_plugin_entry");
  const std::array<uint32_t, 1> future{BTB_ABI_MAJOR + 1000};
  const std::array<uint32_t, 2> both{BTB_ABI_MAJOR + 1000, BTB_ABI_MAJOR};
  if (entry(future.data(), 0) != nullptr) return Verdict::failed("answers to no ABI major at all");
  if (entry(future.data(), future.size()) != nullptr) {
    return Verdict::failed("answers to an ABI major that does not exist; it must return NULL");
  }
  if (entry(both.data(), both.size()) != &(*library)->plugin()) {
    return Verdict::failed("does not give the same description when it is asked again");
  }
  return Verdict::passed("NULL for a major it does not speak");
}

Verdict try_options(const TrialContext& context) {
  const Subject subject = open_subject(context);
  if (subject.settings == nullptr) return Verdict::failed(subject.fault);
  return Verdict::passed(std::to_string(context.options.size()) + " given, " +
                         std::to_string(subject.settings->view().size()) + " set in all");
}

// --- lives of a source ---

// Shared with the source's thread, which outlives the trial if it hangs.
using Host = std::shared_ptr<TrialHost>;

// One life of a source: `drive` does something to the running source, then the source is stopped
// and judged.
template <class Drive>
Verdict try_life(const TrialContext& context, const Host& host, const char* phase,
                 const std::string& token, Drive drive) {
  const Subject subject = open_subject(context);
  if (subject.settings == nullptr) return Verdict::failed(subject.fault);
  context.phase(phase);
  TrialSource source(subject.loaded, subject.settings, host, token);
  drive(source);
  bool hung = false;
  const std::string fault = source.end(context.times.stop_ms, hung);
  return judge(*host, fault, hung);
}

Verdict try_stop_before_run(const TrialContext& context) {
  const Host host = std::make_shared<TrialHost>();
  host->stop();
  Verdict verdict =
      try_life(context, host, "a run that is stopped before it begins", {}, [](TrialSource&) {});
  if (verdict.outcome == CheckFinding::Outcome::passed) verdict.text = "ended at once";
  return verdict;
}

Verdict try_run_and_stop(const TrialContext& context) {
  const Host host = std::make_shared<TrialHost>();
  Verdict verdict = try_life(context, host, "run", {}, [&](TrialSource& source) {
    if (source.reached(TrialSource::Step::done, context.times.run_ms)) return;
    host->wait_until([](const TrialHost::Record& record) { return record.batches >= 1; },
                     context.times.batch_ms);
  });
  if (verdict.outcome == CheckFinding::Outcome::passed && host->record().batches == 0) {
    verdict.text = "published nothing within " + show_duration(context.times.run_ms);
  }
  return verdict;
}

// Most calls of publish are refused, and at the same time the source is paused and resumed often.
Verdict try_pause_storm(const TrialContext& context) {
  constexpr uint64_t take_nth = 7;
  constexpr uint32_t toggle_ms = 3;
  const Host host = std::make_shared<TrialHost>();
  host->refuse_all_but(take_nth);
  Verdict verdict = try_life(context, host, "a storm of pauses", {}, [&](TrialSource& source) {
    bool paused = false;
    for (uint32_t ms = 0; ms < context.times.run_ms; ms += toggle_ms) {
      host->set_paused(paused = !paused);
      if (source.reached(TrialSource::Step::done, toggle_ms)) break;
    }
    host->set_paused(false);
  });
  const uint64_t changed = host->record().changed_after_again;
  if (verdict.outcome == CheckFinding::Outcome::passed && changed > 0) {
    verdict.text += "; " + std::to_string(changed) +
                    " times another batch came than the one that was refused: is it lost?";
  }
  return verdict;
}

// The stop comes during a call of publish, and two threads call interrupt at the same time.
Verdict try_stop_while_publishing(const TrialContext& context) {
  const Host host = std::make_shared<TrialHost>();
  host->stop_at_batch(2);
  return try_life(context, host, "a stop while it publishes", {}, [&](TrialSource& source) {
    std::thread other([&] {
      for (int i = 0; i < 50; ++i) source.interrupt();
    });
    host->wait_until([](const TrialHost::Record& record) { return record.batches >= 2; },
                     context.times.run_ms);
    for (int i = 0; i < 50; ++i) source.interrupt();
    other.join();
  });
}

Verdict try_resume(const TrialContext& context) {
  const auto until_published = [&](const Host& host) {
    return [&context, host](TrialSource& source) {
      host->wait_until([](const TrialHost::Record& record) { return record.batches >= 2; },
                       std::max(context.times.run_ms / 2, context.times.batch_ms));
      source.reached(TrialSource::Step::done, 0);
    };
  };
  const Host first = std::make_shared<TrialHost>(), second = std::make_shared<TrialHost>(),
             third = std::make_shared<TrialHost>();
  Verdict verdict = try_life(context, first, "run", {}, until_published(first));
  if (verdict.outcome != CheckFinding::Outcome::passed) return verdict;
  const std::string token = first->record().token;
  if (token.empty()) return Verdict::passed("gives no resume tokens: it starts anew each time");
  verdict =
      try_life(context, second, "run from its own resume token", token, until_published(second));
  if (verdict.outcome != CheckFinding::Outcome::passed) return verdict;
  const std::string rubbish(4096, '\xff');
  verdict =
      try_life(context, third, "run from a rubbish resume token", rubbish, until_published(third));
  const bool refused = !third->record().failure.empty() && third->record().broken_rules.empty();
  if (verdict.outcome != CheckFinding::Outcome::passed && !(refused && !verdict.fatal))
    return verdict;
  return Verdict::passed("token of " + std::to_string(token.size()) +
                         " bytes; with a rubbish one it " +
                         (refused ? "fails: " + third->record().failure : "runs"));
}

Verdict try_many(const TrialContext& context) {
  constexpr size_t count = 8;
  const Subject subject = open_subject(context);
  if (subject.settings == nullptr) return Verdict::failed(subject.fault);
  context.phase("eight sources at once");
  std::array<Host, count> hosts;
  std::vector<std::unique_ptr<TrialSource>> sources;
  for (Host& host : hosts) {
    host = std::make_shared<TrialHost>();
    sources.push_back(std::make_unique<TrialSource>(subject.loaded, subject.settings, host));
  }
  sources.front()->reached(TrialSource::Step::done, context.times.run_ms / 2);
  uint64_t messages = 0;
  for (size_t i = 0; i < count; ++i) {
    bool hung = false;
    const std::string fault = sources[i]->end(context.times.stop_ms, hung);
    Verdict verdict = judge(*hosts[i], fault, hung);
    if (verdict.outcome != CheckFinding::Outcome::passed) return verdict;
    messages += hosts[i]->record().messages;
  }
  return Verdict::passed(std::to_string(messages) + " messages from " + std::to_string(count) +
                         " sources");
}

using Needs = Trial::Needs;

// The order matters: if an early trial finds a hang, later ones are skipped and need not wait for
// it.
constexpr std::array<Trial, 12> trials{{
    {"load", Needs::nothing, &try_load},
    {"other ABI majors", Needs::library, &try_other_majors},
    {"options", Needs::library, &try_options},
    {"stop before run", Needs::source, &try_stop_before_run},
    {"run and stop", Needs::source, &try_run_and_stop},
    {"strange settings", Needs::source, &try_strange_settings},
    {"pause storm", Needs::source, &try_pause_storm},
    {"stop while publishing", Needs::source, &try_stop_while_publishing},
    {"resume token", Needs::source, &try_resume},
    {"many at once", Needs::source, &try_many},
    {"leaks", Needs::source, &try_leaks},
    {"load cycles", Needs::library, &try_load_cycles},
}};

}  // namespace

std::span<const Trial> all_trials() {
  return trials;
}

}  // namespace btb::host
