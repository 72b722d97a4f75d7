// unknown_word: names the word of a command line that was not understood, and the nearest known
// one. Pure; the main thread.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace btb::command_line {

// What is wrong with the first word that `app` did not understand when it parsed; empty if it
// understood all. `surplus_hint` is added if the word is one too many; it may be empty.
std::string unknown_word(const CLI::App& app, const std::string& surplus_hint);

}  // namespace btb::command_line
