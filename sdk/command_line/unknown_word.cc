// unknown_word: nearest known words, then an unknown option, an unknown command, a word too many.
#include "sdk/command_line/unknown_word.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <vector>

#include "sdk/base/nearest_word.h"
#include "sdk/command_line/model.h"

namespace btb::command_line {

namespace {

constexpr size_t abbreviation_bytes_min = 3;

// Whether `word` is `whole` with letters left out: "msg" of "message".
bool abbreviates(std::string_view word, std::string_view whole) {
  if (word.size() < abbreviation_bytes_min || word.front() != whole.front()) return false;
  for (const char letter : whole) {
    if (!word.empty() && letter == word.front()) word.remove_prefix(1);
  }
  return word.empty();
}

// The hint to the nearest word. `known`: words, each with its form on the command line.
std::string did_you_mean(std::string_view word, const std::map<std::string, std::string>& known) {
  std::vector<std::string> words;
  words.reserve(known.size());
  for (const auto& [name, written] : known) words.push_back(name);
  std::string near = nearest_word(word, words);
  if (near.empty()) {
    const auto long_form = std::find_if(words.begin(), words.end(), [&](const std::string& whole) {
      return abbreviates(word, whole);
    });
    if (long_form != words.end()) near = *long_form;
  }
  return near.empty() ? "" : "; did you mean " + known.at(near) + "?";
}

// `apps`: the program and the commands in it that were understood.
std::string unknown_option(const std::vector<const CLI::App*>& apps, std::string word) {
  word = word.substr(0, word.find('='));
  std::map<std::string, std::string> known;
  for (const CLI::App* app : apps) {
    for (const OptionModel& option : options_of(*app)) {
      if (option.long_names.empty()) continue;
      for (const std::string& choice : option.choices) {  // so that --json suggests --format json
        known.emplace(choice, "--" + option.long_names.front() + " " + choice);
      }
    }
  }
  for (const CLI::App* app : apps) {
    for (const OptionModel& option : options_of(*app)) {
      for (const std::string& name : option.long_names) known[name] = "--" + name;
    }
  }
  const size_t dashes = std::min(word.find_first_not_of('-'), word.size());
  return "there is no option " + word + did_you_mean(std::string_view(word).substr(dashes), known);
}

std::string unknown_command(const std::vector<const CLI::App*>& apps, const std::string& word) {
  std::string before;
  for (size_t i = 1; i < apps.size(); ++i) before += apps[i]->get_name() + " ";
  std::map<std::string, std::string> known;
  std::string all;
  for (const CLI::App* command : commands_of(*apps.back())) {
    const std::string& name = command->get_name();
    known.emplace(name, before + name);
    all += (all.empty() ? "; there is " : ", ") + before + name;
  }
  const std::string near = did_you_mean(word, known);
  return "there is no command " + before + word + (near.empty() ? all : near);
}

}  // namespace

std::string unknown_word(const CLI::App& app, const std::string& surplus_hint) {
  const auto words = app.remaining(true);
  const auto found = std::find_if(words.begin(), words.end(),
                                  [](const std::string& word) { return word != "--"; });
  if (found == words.end()) return {};
  std::vector<const CLI::App*> apps{&app};
  for (auto inner = app.get_subcommands(); !inner.empty(); inner = apps.back()->get_subcommands()) {
    apps.push_back(inner.front());
  }
  if (found->size() > 1 && found->starts_with('-')) return unknown_option(apps, *found);
  if (!commands_of(*apps.back()).empty()) return unknown_command(apps, *found);
  return "\"" + *found + "\" is one word too many" +
         (surplus_hint.empty() ? "" : "; " + surplus_hint);
}

}  // namespace btb::command_line
