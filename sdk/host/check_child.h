// One trial of a plugin check in a process of its own. [any] thread; blocks until the child has
// ended.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sdk/host/plugin_check.h"

namespace btb::host {

struct Verdict {
  CheckFinding::Outcome outcome = CheckFinding::Outcome::passed;
  std::string text;
  bool fatal = false;  // it crashed or hung: what needs the same step need not be tried

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

// Names the step the child is about to take ("create"), for the text if it does not come back from
// it.
using Phase = std::function<void(const std::string&)>;

// Forks, runs `body` in the child, and says what came of it: the body's verdict, or how the child
// ended instead (signal, exit, time limit), in which phase, and the last it wrote to stderr. What
// the child prints goes nowhere else.
Verdict run_in_child(uint32_t limit_ms, const std::function<Verdict(const Phase&)>& body);

}  // namespace btb::host
