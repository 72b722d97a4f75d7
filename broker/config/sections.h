// Reads the sections of a configuration, and checks them against each other. Function; [any]
// thread, except that plugins are loaded on the [loop] thread.
#pragma once

#include <string>
#include <vector>

#include "broker/config/reader.h"

namespace btb {

// Reads and checks the whole document. Faults go to the reader. If there are any, the Config must
// not be used.
Config read_sections(ConfigReader& reader, YamlNode root);

}  // namespace btb
