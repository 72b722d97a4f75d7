// What man_page and completion know of one option, read from CLI11's model. Pure; the main thread.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

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

// In the order they were added; options hidden from help are left out.
std::vector<OptionModel> options_of(const CLI::App& app);

}  // namespace btb::cli
