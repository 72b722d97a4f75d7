// Runs one trial of a plugin check in a process of its own. [any] thread; blocks until the child
// has ended.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sdk/plugin_check/findings.h"

namespace btb::host {

struct Verdict {
  CheckFinding::Outcome outcome = CheckFinding::Outcome::passed;
  std::string text;
  bool fatal = false;  // it crashed or hung: trials that need the same step are skipped

  static Verdict passed(std::string text) {
    return {CheckFinding::Outcome::passed, std::move(text), false};
  }
  static Verdict failed(std::string text) {
    return {CheckFinding::Outcome::failed, std::move(text), false};
  }
  static Verdict hung(std::string text) {
    return {CheckFinding::Outcome::failed, std::move(text), true};
  }
  static Verdict skipped(std::string text) {
    return {CheckFinding::Outcome::skipped, std::move(text), false};
  }
};

// To be called in the child before each step, with its name ("create"). If the child crashes or
// hangs, the text names this step.
using Phase = std::function<void(const std::string&)>;

// Forks and runs `body` in the child. Returns the verdict of `body`. If the child ends without one
// (signal, exit, or killed after `limit_ms`), the verdict says how, in which phase, and shows a
// line of the child's output. The child's output is not printed anywhere else.
Verdict run_in_child(uint32_t limit_ms, const std::function<Verdict(const Phase&)>& body);

}  // namespace btb::host
