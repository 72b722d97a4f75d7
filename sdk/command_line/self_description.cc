#include "sdk/command_line/self_description.h"

#include <CLI/CLI.hpp>

namespace btb::command_line {

void add_describing_options(CLI::App& app) {
  app.add_option_function<std::string>(
         "--completion", [](const std::string&) {}, "Print the completion for a shell")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
  app.add_flag_callback(
      "--man", [] {}, "Print the manual page (| man -l -)");
}

std::optional<std::string> self_description(const CLI::App& app, const Page& page, int argc,
                                            const char* const* argv) {
  std::string_view shell;
  bool man = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--man") man = true;
    if (argument == "--completion" && i + 1 < argc) shell = argv[i + 1];
    if (argument.starts_with("--completion=")) shell = argument.substr(13);
  }
  if (shell == "bash" || shell == "zsh" || shell == "fish") return completion(model_of(app), shell);
  if (man) return man_page(model_of(app), page);
  return std::nullopt;
}

}  // namespace btb::command_line
