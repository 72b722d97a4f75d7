#include "sdk/cli/plugin_command.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sdk/cli/output.h"
#include "sdk/cli/printable.h"
#include "sdk/cli/time_text.h"
#include "sdk/plugin_check/plugin_check.h"

namespace btb::cli {

using host::CheckFinding;

namespace {

constexpr size_t name_columns = 24;

const char* name_of(CheckFinding::Outcome outcome) {
  switch (outcome) {
    case CheckFinding::Outcome::passed:
      return "passed";
    case CheckFinding::Outcome::failed:
      return "failed";
    case CheckFinding::Outcome::skipped:
      return "skipped";
  }
  return "unknown";
}

std::string line_of(const CheckFinding& finding) {
  std::string name = printable(finding.name);
  name.append(name_columns - std::min(name_columns, width(name)), ' ');
  const std::string outcome = name_of(finding.outcome);
  return outcome + std::string(9 - outcome.size(), ' ') + name + "  " + printable(finding.text) +
         "\n";
}

std::string json_of(const std::vector<CheckFinding>& findings) {
  auto body = nlohmann::json::array();
  for (const CheckFinding& finding : findings) {
    body.push_back(
        {{"name", finding.name}, {"outcome", name_of(finding.outcome)}, {"text", finding.text}});
  }
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

int check_plugin_file(const Program& program, const std::string& file,
                      const std::vector<std::string>& options, const std::string& stop_timeout,
                      bool json) {
  host::CheckTimes times;
  if (!stop_timeout.empty()) {
    const auto wait = parse_wait_ms(stop_timeout);
    if (!wait) return static_cast<int>(program.usage("--stop-timeout: " + wait.error().text));
    times.stop_ms = *wait;
    constexpr uint64_t stops_in_trial = 12;
    const uint64_t trial_ms = std::max<uint64_t>(times.trial_ms, stops_in_trial * times.stop_ms);
    times.trial_ms = static_cast<uint32_t>(std::min<uint64_t>(trial_ms, UINT32_MAX));
  }
  std::vector<host::WrittenOption> written;
  for (const std::string& option : options) {
    auto one = host::parse_option(option);
    if (!one) return static_cast<int>(program.usage(one.error().text));
    written.push_back(std::move(*one));
  }
  Output output(STDOUT_FILENO);
  const auto show = [&](const CheckFinding& finding) {
    if (json) return;
    output.buffer() += line_of(finding);
    output.flush();
  };
  const auto findings = host::check_plugin(file, written, show, times);
  if (json) {
    output.buffer() = json_of(findings);
  }
  const auto any_failed = [&](std::string_view text) {
    return std::any_of(findings.begin(), findings.end(), [&](const CheckFinding& finding) {
      return finding.outcome == CheckFinding::Outcome::failed &&
             finding.text.find(text) != std::string::npos;
    });
  };
  if (any_failed("required, and missing"))
    program.note("give options as NAME=VALUE, behind the file");
  return static_cast<int>(program.written(output, any_failed("") ? Exit::error : Exit::ok));
}

}  // namespace btb::cli
