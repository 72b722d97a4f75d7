#include "sdk/command_line/model.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

namespace btb::command_line {

namespace {

// CLI11 puts the words of IsMember({"a", "b"}) into the name of the type: "SHELL:{a,b}".
std::vector<std::string> choices_in(const std::string& type) {
  std::vector<std::string> choices;
  const size_t begin = type.find('{');
  const size_t end = type.find('}', begin);
  if (begin == std::string::npos || end == std::string::npos) return choices;
  for (size_t at = begin + 1; at < end;) {
    const size_t next = std::min(type.find(',', at), end);
    choices.push_back(type.substr(at, next - at));
    at = next + 1;
  }
  return choices;
}

}  // namespace

std::vector<OptionModel> options_of(const CLI::App& app) {
  std::vector<OptionModel> models;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    OptionModel model;
    model.short_names = option->get_snames();
    model.long_names = option->get_lnames();
    if (option->get_positional()) model.positional = option->get_name(true, false);
    model.description = option->get_description();
    model.variable = option->get_envname();
    if (option->get_expected_max() > 0 && option->get_type_size() != 0) {
      const std::string type = option->get_type_name();
      model.choices = choices_in(type);
      model.value = type.substr(0, type.find(':'));
      if (model.value.empty()) model.value = "VALUE";
    }
    models.push_back(std::move(model));
  }
  return models;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* sub) { return !sub->get_group().empty(); });
}

CommandModel model_of(const CLI::App& app) {
  CommandModel model{app.get_name(), app.get_description(), options_of(app), {}};
  for (const CLI::App* command : commands_of(app)) {
    model.commands.push_back(model_of(*command));
  }
  return model;
}

}  // namespace btb::command_line
