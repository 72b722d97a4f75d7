// btctl plugin check: prints the findings of sdk/plugin_check/plugin_check.h as text or JSON. The
// main thread, before any other thread is started.
#pragma once

#include <string>
#include <vector>

#include "sdk/cli/program.h"

namespace btb::cli {

// Tries the plugin in `file` with `options` ("name=value"). Prints each finding as it comes, or all
// at the end with `json`. `stop_timeout`: seconds, or with a unit (500ms, 2m); empty: as in a
// broker. Blocks. Returns the program's exit code: 0 if no trial failed.
int check_plugin_file(const Program& program, const std::string& file,
                      const std::vector<std::string>& options, const std::string& stop_timeout,
                      bool json);

}  // namespace btb::cli
