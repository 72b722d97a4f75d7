// What a program knows of its own command line, read from CLI11, and what is written from that: its
// manual page and its completions. Pure; the main thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sdk/cli/program.h"

namespace btb::cli {

struct OptionModel {
  std::vector<std::string> short_names;  // "b", without the dash
  std::vector<std::string> long_names;   // "broker"
  std::string positional;                // "FILTER"; empty: it has no place of its own
  std::string value;                     // "ENDPOINT"; empty: a flag
  std::vector<std::string> choices;      // what the value may be, if that is a list
  std::string description;
  std::string variable;  // its environment variable
};

// A program, or a command in it.
struct CommandModel {
  std::string name;
  std::string description;
  std::vector<OptionModel> options;
  std::vector<CommandModel> commands;
};

// In the order they were added; options hidden from help are left out.
std::vector<OptionModel> options_of(const CLI::App& app);
CommandModel model_of(const CLI::App& app);

// The text of the whole file.
std::string man_page(const CommandModel& program, const Words& words);
std::string completion(const CommandModel& program,
                       std::string_view shell);  // REQUIRES: bash, zsh or fish

}  // namespace btb::cli
