// Completions for bash, zsh and fish, from the model of the options: always what the program has.
#include <algorithm>
#include <utility>

#include "sdk/command_line/model.h"

namespace btb::command_line {

namespace {

// In single quotes for a shell.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += between;
    out += word;
  }
  return out;
}

std::vector<std::string> dashed(const OptionModel& model) {
  std::vector<std::string> names;
  for (const std::string& name : model.short_names) names.push_back("-" + name);
  for (const std::string& name : model.long_names) names.push_back("--" + name);
  return names;
}

bool wants_file(const OptionModel& model) {
  return model.value.starts_with("FILE");
}

// Whether files are among the words that are no options.
bool takes_files(const CommandModel& program) {
  return std::any_of(program.options.begin(), program.options.end(), [](const OptionModel& model) {
    return !model.positional.empty() && wants_file(model);
  });
}

// --- bash ---

// "a b c)" branches: what may follow an option that takes a value.
std::string bash_values(const CommandModel& program) {
  std::string out;
  for (const OptionModel& model : program.options) {
    const auto names = dashed(model);
    if (model.value.empty() || names.empty()) continue;
    out += "    " + join(names, "|") + ") ";
    if (!model.choices.empty()) {
      out +=
          "COMPREPLY=($(compgen -W " + shell_quoted(join(model.choices, " ")) + " -- \"$word\"));";
    } else if (wants_file(model)) {
      out += "COMPREPLY=($(compgen -f -- \"$word\"));";
    }
    out += " return ;;\n";
  }
  return out;
}

std::string bash_words(const CommandModel& program) {
  std::vector<std::string> words;
  for (const CommandModel& sub : program.commands) words.push_back(sub.name);
  for (const OptionModel& model : program.options) {
    for (std::string& name : dashed(model)) words.push_back(std::move(name));
  }
  return join(words, " ");
}

std::string bash(const CommandModel& program) {
  const std::string& name = program.name;
  std::string out =
      "# bash completion of " + name + "\n_" + name +
      "() {\n  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" "
      "command='' i\n  COMPREPLY=()\n";
  out += "  for ((i = 1; i < COMP_CWORD; i++)); do\n    case \"$command ${COMP_WORDS[i]}\" in\n";
  std::string branches;
  const auto add_branch = [&](const CommandModel& command, const std::string& path) {
    branches += "    " + shell_quoted(path) + ") COMPREPLY=($(compgen -W " +
                shell_quoted(bash_words(command)) + " -- \"$word\")) ;;\n";
  };
  for (const CommandModel& sub : program.commands) {
    out += "      ' " + sub.name + "') command=" + shell_quoted(sub.name) + " ;;\n";
    add_branch(sub, sub.name);
    for (const CommandModel& inner : sub.commands) {
      const std::string path = sub.name + " " + inner.name;
      out += "      " + shell_quoted(path) + ") command=" + shell_quoted(path) + " ;;\n";
      branches += "    " + shell_quoted(path) + ") COMPREPLY=($(compgen -f -W " +
                  shell_quoted(bash_words(inner)) + " -- \"$word\")) ;;\n";
    }
  }
  out += "    esac\n  done\n  case \"$before\" in\n" + bash_values(program) + "  esac\n";
  out += "  case \"$command\" in\n" + branches + "    *) COMPREPLY=($(compgen " +
         (takes_files(program) ? "-f " : "") + "-W " + shell_quoted(bash_words(program)) +
         " -- \"$word\")) ;;\n  esac\n}\n";
  return out + "complete -F _" + name + " " + name + "\n";
}

// --- zsh ---

// What _arguments takes for one option: '(-b --broker)'{-b,--broker}'[words]:ENDPOINT:(a b)'.
std::string zsh_option(const OptionModel& model) {
  const auto names = dashed(model);
  if (names.empty()) return {};
  std::string description;
  for (const char c : model.description) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') description += '\\';
    description += c;
  }
  std::string tail = "[" + description + "]";
  if (!model.value.empty()) {
    tail += ":" + model.value + ":";
    if (!model.choices.empty()) {
      tail += "(" + join(model.choices, " ") + ")";
    } else if (wants_file(model)) {
      tail += "_files";
    } else {
      tail += " ";
    }
  }
  if (names.size() == 1) return shell_quoted("*" + names[0] + tail);
  return "'*'{" + join(names, ",") + "}" + shell_quoted(tail);
}

std::string zsh(const CommandModel& program) {
  const std::string& name = program.name;
  std::string out =
      "#compdef " + name + "\n_" + name + "() {\n  local -a commands\n  _arguments -s -S \\\n";
  for (const OptionModel& model : program.options) {
    const std::string option = zsh_option(model);
    if (!option.empty()) out += "    " + option + " \\\n";
  }
  if (program.commands.empty()) {
    return out + (takes_files(program) ? "    '*:FILE:_files'" : "    '*: : '") + "\n}\n_" + name +
           " \"$@\"\n";
  }
  out += "    '1: :->command' '*:: :->rest'\n  case $state in\n    command)\n      commands=(";
  for (const CommandModel& sub : program.commands) {
    out += " " + shell_quoted(sub.name + ":" + sub.description);
  }
  out += ")\n      _describe command commands ;;\n    rest)\n      case $words[1] in\n";
  for (const CommandModel& sub : program.commands) {
    out += "        " + sub.name + ") _arguments";
    for (const OptionModel& model : sub.options) out += " " + zsh_option(model);
    std::vector<std::string> inner;
    for (const CommandModel& one : sub.commands) inner.push_back(one.name);
    if (!inner.empty()) out += " '1: :(" + join(inner, " ") + ")' '*:file:_files'";
    out += " ;;\n";
  }
  return out + "      esac ;;\n  esac\n}\n_" + name + " \"$@\"\n";
}

// --- fish ---

std::string fish_option(const std::string& start, const OptionModel& model) {
  if (model.short_names.empty() && model.long_names.empty()) return {};
  std::string out = start;
  for (const std::string& name : model.short_names) out += " -s " + name;
  for (const std::string& name : model.long_names) out += " -l " + name;
  if (!model.value.empty()) out += wants_file(model) ? " -r -F" : " -x";
  if (!model.choices.empty()) out += " -a " + shell_quoted(join(model.choices, " "));
  return out + " -d " + shell_quoted(model.description) + "\n";
}

std::string fish(const CommandModel& program) {
  const std::string start = "complete -c " + program.name;
  std::string out =
      "# fish completion of " + program.name + "\n" + (takes_files(program) ? "" : start + " -f\n");
  for (const OptionModel& model : program.options) out += fish_option(start, model);
  for (const CommandModel& sub : program.commands) {
    const std::string inside =
        start + " -n " + shell_quoted("__fish_seen_subcommand_from " + sub.name);
    out += start + " -n __fish_use_subcommand -a " + shell_quoted(sub.name) + " -d " +
           shell_quoted(sub.description) + "\n";
    for (const OptionModel& model : sub.options) out += fish_option(inside, model);
    for (const CommandModel& inner : sub.commands) {
      out += inside + " -F -a " + shell_quoted(inner.name) + " -d " +
             shell_quoted(inner.description) + "\n";
    }
  }
  return out;
}

}  // namespace

std::string completion(const CommandModel& program, std::string_view shell) {
  if (shell == "zsh") return zsh(program);
  if (shell == "fish") return fish(program);
  return bash(program);
}

}  // namespace btb::command_line
