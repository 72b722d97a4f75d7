// The options with which a program describes itself: `--man` and `--completion SHELL`. The main
// thread.
#pragma once

#include <optional>
#include <string>

#include "sdk/command_line/model.h"

namespace btb::command_line {

// Adds the two options, so that the help, the manual page and the completions list them. They do
// nothing when parsed: self_description does their work. To be called after all others are added.
void add_describing_options(CLI::App& app);

// The manual page or the completion that the arguments ask for, even if other arguments are missing
// or wrong. Nothing if they ask for neither, or for an unknown shell. To be called before parsing.
std::optional<std::string> self_description(const CLI::App& app, const Page& page, int argc,
                                            const char* const* argv);

}  // namespace btb::command_line
