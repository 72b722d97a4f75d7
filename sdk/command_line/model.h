// Model: what a program knows of its own command line, read from CLI11, and what is written from
// that: its manual page and its completions. Pure; the main thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

// Only who adds options or reads them includes <CLI/CLI.hpp>: a compiler takes seconds over it.
namespace CLI {
class App;
}

namespace btb::command_line {

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

// What a manual page says beside the options.
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

// In the order they were added; options hidden from help are left out.
std::vector<OptionModel> options_of(const CLI::App& app);
// Likewise, without those that are hidden from help.
std::vector<const CLI::App*> commands_of(const CLI::App& app);
CommandModel model_of(const CLI::App& app);

// The text of the whole file.
std::string man_page(const CommandModel& program, const Page& page);
std::string completion(const CommandModel& program,
                       std::string_view shell);  // REQUIRES: bash, zsh or fish

}  // namespace btb::command_line
