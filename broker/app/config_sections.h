// The sections of a configuration, read and checked against each other. [any] thread.
#pragma once

#include <string>
#include <vector>

#include "broker/app/config_reader.h"

namespace btb {

// Reads and checks all of it. What is wrong goes to the reader; then the Config is not to be used.
Config read_sections(ConfigReader& reader, YamlNode root);

// A text instead of a file, with surroundings of one's own: for tests and fuzzing. Null if `faults`
// got anything; they are in the order of the text.
std::unique_ptr<Config> read_config_text(std::string_view text, ConfigSurroundings surroundings,
                                         std::vector<ConfigFault>& faults);

}  // namespace btb
