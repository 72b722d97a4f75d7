// btctl doctor: what keeps this machine from speaking Bluetooth, and the command that mends it. The
// main thread.
#pragma once

#include "sdk/cli/program.h"

namespace btb::cli {

// Looks at the kernel, adapters, switches, D-Bus and bluetoothd, and says of each how it is. The
// program's exit code: 0 if nothing is in the way.
int examine(const Program& program, bool json);

}  // namespace btb::cli
