#include "sdk/plugin_check/plugin_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/patience.h"

using namespace btb;
using namespace btb::host;

namespace {

using Outcome = CheckFinding::Outcome;

CheckTimes quick() {
  CheckTimes times;
  times.run_ms = 200;
  times.stop_ms = static_cast<uint32_t>(test::patience_ms);
  times.trial_ms = 2 * times.stop_ms;
  times.load_cycles = 200;
  return times;
}

std::vector<CheckFinding> check(const std::string& name,
                                const std::vector<std::string>& options = {},
                                const CheckTimes& times = quick()) {
  std::vector<WrittenOption> written;
  for (const std::string& option : options) written.push_back(*parse_option(option));
  return check_plugin(std::string(BTB_FIXTURES) + "/" + name + ".so", written, {}, times);
}

const CheckFinding& finding(const std::vector<CheckFinding>& findings, const std::string& name) {
  const auto found = std::find_if(findings.begin(), findings.end(),
                                  [&](const CheckFinding& each) { return each.name == name; });
  REQUIRE(found != findings.end());
  return *found;
}

// The finding failed, and its text holds `part`.
void check_failed(const std::vector<CheckFinding>& findings, const std::string& name,
                  const std::string& part) {
  const CheckFinding& found = finding(findings, name);
  CAPTURE(name);
  CAPTURE(found.text);
  CHECK(found.outcome == Outcome::failed);
  CHECK(found.text.find(part) != std::string::npos);
}

void check_all_passed(const std::vector<CheckFinding>& findings) {
  for (const CheckFinding& found : findings) {
    CAPTURE(found.name);
    CAPTURE(found.text);
    CHECK(found.outcome == Outcome::passed);
  }
}

}  // namespace

TEST_CASE("a well-behaved source in C passes every trial, a thousand load cycles among them") {
  CheckTimes times = quick();
  times.load_cycles = 1'000;
  times.batch_ms = times.stop_ms;
  const auto findings = check("counter", {"interval=1ms"}, times);
  CHECK(findings.size() == 12);
  check_all_passed(findings);
  CHECK(finding(findings, "run and stop").text.find("messages in") != std::string::npos);
  CHECK(finding(findings, "resume token").text.find("token of") != std::string::npos);
}

TEST_CASE("a source that publishes without ever pausing passes too") {
  check_all_passed(check("counter", {"interval=0"}));
}

TEST_CASE("the source in the authors' guide passes every trial") {
  check_all_passed(check("space", {"directories=[/, /tmp]", "interval=100ms"}));
}

TEST_CASE("options that are missing or wrong are named, and the source is not tried") {
  const auto missing = check("space");
  check_failed(missing, "options", "directories: required, and missing (a list)");
  CHECK(finding(missing, "run and stop").outcome == Outcome::skipped);
  CHECK(finding(missing, "load cycles").outcome == Outcome::passed);
  check_failed(check("counter", {"interval=soon"}), "options", "expected a duration");
  check_failed(check("counter", {"intervall=1s"}), "options", "did you mean `interval`?");
}

TEST_CASE("what is not a plugin fails to load, and nothing else is tried") {
  for (const char* name : {"not_a_plugin", "null_entry", "wrong_abi", "small_struct",
                           "bad_declaration", "there_is_no_such_file"}) {
    CAPTURE(name);
    const auto findings = check(name);
    CHECK(finding(findings, "load").outcome == Outcome::failed);
    for (size_t i = 1; i < findings.size(); ++i) CHECK(findings[i].outcome == Outcome::skipped);
  }
}

TEST_CASE("an exception that crosses the border is named with its text") {
  check_failed(check("throws_in_create"), "stop before run",
               "an exception escaped from create: no database today");
  check_failed(check("throws_in_run"), "run and stop",
               "an exception escaped from run: the file is gone");
  check_failed(check("throws_in_interrupt"), "run and stop",
               "an exception escaped from interrupt: there is nothing to cancel");
  check_failed(check("throws_in_entry"), "load", "an exception escaped from btb_plugin_entry");
  check_failed(check("throws_in_validate"), "options", "an exception escaped from validate");
  check_failed(check("throws_in_options"), "options", "the list of options is not there");
}

TEST_CASE("a create that gives half a source is a finding") {
  check_failed(check("no_run"), "run and stop", "without run or destroy");
  check_failed(check("small_source"), "run and stop", "too small for ABI 1");
}

TEST_CASE("a source that floods and never waits is found out in the pause storm") {
  check_failed(check("floods"), "pause storm", "again and again after BTB_AGAIN");
}

TEST_CASE("a create that hangs is a finding, once") {
  CheckTimes times = quick();
  times.stop_ms = 200;
  const auto findings = check("hangs_in_start", {}, times);
  check_failed(findings, "stop before run", "create did not return within 200 ms");
  CHECK(finding(findings, "pause storm").outcome == Outcome::skipped);
}

TEST_CASE("a run that never returns is a finding, once") {
  CheckTimes times = quick();
  times.stop_ms = 200;
  const auto findings = check("never_stops", {}, times);
  check_failed(findings, "stop before run", "run did not return within 200 ms");
  CHECK(finding(findings, "leaks").outcome == Outcome::skipped);
}

TEST_CASE("messages that break a rule are named") {
  const auto findings = check("publishes_rubbish");
  check_failed(findings, "run and stop", "an empty level");
  check_failed(findings, "run and stop", "key is larger than 1024 bytes");
  check_failed(findings, "run and stop", "belong to the broker");
  check_failed(findings, "run and stop", "a message with a wrong size");
  check_failed(findings, "many at once", "belong to the broker");
}

TEST_CASE("a crash is a finding with the name of its signal") {
  check_failed(check("crashes"), "stop before run",
               "crashes in a run that is stopped before it begins: SIGSEGV");
}

TEST_CASE("a call on a thread that is not the source's is named") {
  check_failed(check("wrong_thread"), "run and stop",
               "publish was called on a thread that is not the source's");
}

TEST_CASE("descriptors that stay behind are found") {
  check_failed(check("leaks"), "leaks", "90 descriptors");
}

TEST_CASE("a few bytes that every life leaves behind are found") {
  check_failed(check("leaks_little"), "leaks", "bytes of heap in 90 lives");
}

TEST_CASE("a source of a newer ABI 1.x, whose messages are larger, passes every trial") {
  check_all_passed(check("newer_abi"));
}

TEST_CASE("a create that fails without a reason is a finding") {
  check_failed(check("silent_failure"), "run and stop", "did not say why");
}

TEST_CASE("findings are told as they come") {
  std::vector<std::string> names;
  const auto findings = check_plugin(
      std::string(BTB_FIXTURES) + "/not_a_plugin.so", {},
      [&](const CheckFinding& found) { names.push_back(found.name); }, quick());
  CHECK(names.size() == findings.size());
  CHECK(names.front() == "load");
}
