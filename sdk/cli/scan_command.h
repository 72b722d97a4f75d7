// btctl scan: which brokers are in reach: on this machine and over Bluetooth, one picture. The main
// thread.
#pragma once

#include <string>

#include "sdk/cli/program.h"

namespace btb::cli {

struct ScanWords {
  std::string seconds = "3";
  bool inquiry = false;
};

// Looks, and prints what it found as a table or, with `json`, as a list of objects. The program's
// exit code.
int scan_for_brokers(const Program& program, const ScanWords& words, bool json);

}  // namespace btb::cli
