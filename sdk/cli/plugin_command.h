// btctl plugin check: the findings of sdk/host/plugin_check.h for people and programs. The main
// thread, before any other thread is started.
#pragma once

#include <string>
#include <vector>

#include "sdk/cli/program.h"

namespace btb::cli {

// Tries the plugin with `options` ("name=value"), printing each finding as it comes. `stop_timeout`
// is in seconds, or as 500ms, 2m; empty: as a broker has it. The program's exit code.
int check_plugin_file(const Program& program, const std::string& file,
                      const std::vector<std::string>& options, const std::string& stop_timeout,
                      bool json);

}  // namespace btb::cli
