// btctl scan: lists the brokers in reach, on this machine and over Bluetooth. The main thread.
#pragma once

#include <string>

#include "sdk/cli/program.h"

namespace btb::cli {

// As written on the command line.
struct ScanWords {
  std::string seconds = "3";
  bool inquiry = false;  // also looks for brokers that do not listen on LE
};

// Scans, and prints the brokers as a table or, with `json`, as a list of objects. Blocks. Returns
// the program's exit code.
int scan_for_brokers(const Program& program, const ScanWords& words, bool json);

}  // namespace btb::cli
