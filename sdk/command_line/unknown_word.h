// unknown_word: says which word of a command line was not understood, and what may have been meant.
// Pure; the main thread.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace btb::command_line {

// What is wrong with the first word that `app` did not understand when it parsed; empty if it
// understood all. `surplus_hint` says what a word too many may have been meant for; may be empty.
std::string unknown_word(const CLI::App& app, const std::string& surplus_hint);

}  // namespace btb::command_line
