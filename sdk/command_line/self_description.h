// How a program is asked to describe itself: `--man` and `--completion SHELL`. The main thread.
#pragma once

#include <optional>
#include <string>

#include "sdk/command_line/model.h"

namespace btb::command_line {

// Adds the two options, for the help and for what is written from the model. To be called once all
// others are there.
void add_describing_options(CLI::App& app);

// The manual page or the completion that the arguments ask for, whatever else is missing or wrong
// in them; nothing if they ask for neither.
std::optional<std::string> self_description(const CLI::App& app, const Page& page, int argc,
                                            const char* const* argv);

}  // namespace btb::command_line
