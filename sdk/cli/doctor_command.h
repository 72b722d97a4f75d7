// btctl doctor: finds out why Bluetooth does not work on this machine, and names the command that
// mends it. The main thread.
#pragma once

#include "sdk/cli/program.h"

namespace btb::cli {

// Checks the kernel, the adapters, the switches, D-Bus and bluetoothd, and prints a line for each
// finding. Returns the program's exit code: 0 if nothing is wrong; mere advice counts as fine.
int examine(const Program& program, bool json);

}  // namespace btb::cli
