// Model: the options and commands of a program, read from CLI11; and the manual page and the shell
// completions that are written from them. Pure; the main thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

// Only files that add or read options include <CLI/CLI.hpp>: compiling it takes seconds.
namespace CLI {
class App;
}

namespace btb::command_line {

struct OptionModel {
  std::vector<std::string> short_names;  // "b", without the dash
  std::vector<std::string> long_names;   // "broker"
  std::string positional;                // "FILTER"; empty: it is not a positional argument
  std::string value;                     // "ENDPOINT"; empty: a flag
  std::vector<std::string> choices;      // the allowed values; empty: any
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

// The text of a manual page, apart from the options.
struct Page {
  struct Entry {
    std::string what;  // a command, a file, an exit code
    std::string does;
  };
  std::string name;         // "btsub"
  std::string summary;      // one line
  std::string description;  // paragraphs, an empty line between them
  std::vector<Entry> exit_codes;
  std::vector<Entry> files;
  std::vector<Entry> examples;
  std::vector<std::string> see_also;  // other programs
};

// The options, in the order they were added, without those that are hidden from the help.
std::vector<OptionModel> options_of(const CLI::App& app);
// The commands, in the same way. The pointers live as long as `app`.
std::vector<const CLI::App*> commands_of(const CLI::App& app);
CommandModel model_of(const CLI::App& app);

// The whole file, in the macros of man(7).
std::string man_page(const CommandModel& program, const Page& page);
// The whole file. REQUIRES: `shell` is bash, zsh or fish.
std::string completion(const CommandModel& program, std::string_view shell);

}  // namespace btb::command_line
