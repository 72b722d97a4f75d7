// Completions for bash, zsh and fish, written from the model of the options, so that they always
// match the program. A common part, then one part for each shell.
#include <algorithm>
#include <utility>

#include "sdk/command_line/model.h"

namespace btb::command_line {

namespace {

// The text in single quotes, for a shell.
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

// Whether a positional argument is a file.
bool takes_files(const CommandModel& program) {
  return std::any_of(program.options.begin(), program.options.end(), [](const OptionModel& model) {
    return !model.positional.empty() && wants_file(model);
  });
}

// The argument for `btctl complete` that asks the broker for words for this option; empty if a
// broker knows no words for it.
std::string_view asked_of_broker(const OptionModel& model) {
  if (model.positional.empty()) return {};
  if (model.value == "SOURCE") return "sources";
  if (model.value == "SESSION") return "sessions";
  if (model.value == "FILTER" || model.value == "TOPIC") return "topics";
  return {};
}

std::string_view asked_of_broker(const CommandModel& command) {
  for (const OptionModel& model : command.options) {
    if (!asked_of_broker(model).empty()) return asked_of_broker(model);
  }
  return {};
}

bool asks_at_all(const CommandModel& program) {
  return !asked_of_broker(program).empty() ||
         std::any_of(program.commands.begin(), program.commands.end(), asks_at_all);
}

// --- bash ---

// Branches of a `case`, one for each option with a value: they complete the value.
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

// A shell function that asks a running broker for words and adds them to COMPREPLY. It takes little
// time, and adds nothing if there is no broker. The words are data and never evaluated. The
// endpoint of -b is read from the whole line, because bash cuts words at colons.
std::string bash_asking(const std::string& name) {
  return "_" + name + R"__(_asks() {
  local found broker=()
  [[ $word == -* ]] && return
  [[ $COMP_LINE =~ [[:space:]](-b|--broker)[[:space:]=]+([^[:space:]]+)[[:space:]] ]] &&
    broker=(-b "${BASH_REMATCH[2]}")
  while IFS=$'\t' read -r found _; do
    [[ $found == "$word"* ]] && COMPREPLY+=("$(printf %q "$found")")
  done < <("${COMP_WORDS[0]%)__" +
         name + R"__(}btctl" "${broker[@]}" complete "$1" 2>/dev/null)
}
)__";
}

// "; _btctl_asks sources" if the command takes words of a broker; otherwise empty.
std::string bash_asks(const CommandModel& program, const CommandModel& command) {
  const std::string_view what = asked_of_broker(command);
  return what.empty() ? "" : "; _" + program.name + "_asks " + std::string(what);
}

std::string bash(const CommandModel& program) {
  const std::string& name = program.name;
  std::string out =
      "# bash completion of " + name + "\n" + (asks_at_all(program) ? bash_asking(name) : "") +
      "_" + name +
      "() {\n  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\" "
      "command='' i\n  COMPREPLY=()\n";
  out += "  for ((i = 1; i < COMP_CWORD; i++)); do\n    case \"$command ${COMP_WORDS[i]}\" in\n";
  std::string branches;
  const auto add_branch = [&](const CommandModel& command, const std::string& path) {
    branches += "    " + shell_quoted(path) + ") COMPREPLY=($(compgen -W " +
                shell_quoted(bash_words(command)) + " -- \"$word\"))" +
                bash_asks(program, command) + " ;;\n";
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
         " -- \"$word\"))" + bash_asks(program, program) + " ;;\n  esac\n}\n";
  return out + "complete -F _" + name + " " + name + "\n";
}

// --- zsh ---

// One option in the form of _arguments: '(-b --broker)'{-b,--broker}'[words]:ENDPOINT:(a b)'.
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

// As bash_asking. _arguments calls it with options for compadd before the word. The function of the
// whole line sets `broker` and `self`.
std::string zsh_asking(const std::string& name) {
  return "_" + name + R"__(_asks() {
  local found
  local -a all
  while IFS=$'\t' read -r found _; do
    all+=("$found")
  done < <("${self%)__" +
         name + R"__(}btctl" "${broker[@]}" complete ${@[-1]} 2>/dev/null)
  compadd "${@[1,-2]}" -a all
}
)__";
}

// "'1:source:_btctl_asks sources'" if the command takes words of a broker; otherwise empty.
std::string zsh_asks(const CommandModel& program, const CommandModel& command) {
  const std::string what(asked_of_broker(command));
  if (what.empty()) return {};
  return " " + shell_quoted("1:" + what + ":_" + program.name + "_asks " + what);
}

std::string zsh(const CommandModel& program) {
  const std::string& name = program.name;
  std::string out = "#compdef " + name + "\n" + (asks_at_all(program) ? zsh_asking(name) : "") +
                    "_" + name + R"__(() {
  local -a commands broker
  local self=$words[1] at=${words[(I)(-b|--broker)]}
  (( at > 0 && at < CURRENT )) && broker=(-b "${(Q)words[at+1]}")
  _arguments -s -S \
)__";
  for (const OptionModel& model : program.options) {
    const std::string option = zsh_option(model);
    if (!option.empty()) out += "    " + option + " \\\n";
  }
  if (program.commands.empty()) {
    const std::string asks = zsh_asks(program, program);
    return out + "   " +
           (!asks.empty()          ? asks
            : takes_files(program) ? " '*:FILE:_files'"
                                   : " '*: : '") +
           "\n}\n_" + name + " \"$@\"\n";
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
    out += zsh_asks(program, sub);
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

// As bash_asking.
std::string fish_asking(const std::string& name) {
  return "function __" + name + R"__(_asks
  set -l tokens (commandline -opc)
  set -l broker
  for at in (seq (count $tokens))
    contains -- $tokens[$at] -b --broker; and set broker -b $tokens[(math $at + 1)]
  end
  set -l program (string replace -r ')__" +
         name + R"__($' btctl -- $tokens[1])
  $program $broker complete $argv[1] 2>/dev/null
end
)__";
}

// " -a '(__btctl_asks sources)'" if the command takes words of a broker; otherwise empty.
std::string fish_asks(const CommandModel& program, const CommandModel& command) {
  const std::string what(asked_of_broker(command));
  return what.empty() ? "" : " -a '(__" + program.name + "_asks " + what + ")'";
}

std::string fish(const CommandModel& program) {
  const std::string start = "complete -c " + program.name;
  std::string out = "# fish completion of " + program.name + "\n";
  if (asks_at_all(program)) out += fish_asking(program.name);
  const std::string asks = fish_asks(program, program);
  if (!takes_files(program)) out += start + " -f" + asks + "\n";
  for (const OptionModel& model : program.options) out += fish_option(start, model);
  for (const CommandModel& sub : program.commands) {
    const std::string inside =
        start + " -n " + shell_quoted("__fish_seen_subcommand_from " + sub.name);
    out += start + " -n __fish_use_subcommand -a " + shell_quoted(sub.name) + " -d " +
           shell_quoted(sub.description) + "\n";
    const std::string asked = fish_asks(program, sub);
    if (!asked.empty()) out += inside + asked + "\n";
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
