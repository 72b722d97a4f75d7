// The manual page, in the man(7) macros, from the words of a program and the model of its options.
#include <cctype>
#include <iterator>

#include "sdk/cli/describe.h"

namespace btb::cli {

namespace {

// Text that roff takes literally: hyphens stay hyphens, and no line begins a request.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

void append_option(std::string& out, const OptionModel& model) {
  out += ".TP\n";
  std::string names;
  const auto add = [&](const std::string& dashes, const std::string& name) {
    if (!names.empty()) names += ", ";
    names += "\\fB" + roff(dashes + name) + "\\fR";
  };
  if (!model.positional.empty()) names = "\\fI" + roff(model.positional) + "\\fR";
  for (const std::string& name : model.short_names) add("-", name);
  for (const std::string& name : model.long_names) add("--", name);
  out += names;
  if (!model.value.empty() && !(model.short_names.empty() && model.long_names.empty())) {
    out += " \\fI" + roff(model.value) + "\\fR";
  }
  out += "\n" + roff(model.description) + ".";
  if (!model.choices.empty()) {
    out += " One of ";
    for (size_t i = 0; i < model.choices.size(); ++i) {
      out += (i == 0 ? "\\fB" : ", \\fB") + roff(model.choices[i]) + "\\fR";
    }
    out += ".";
  }
  out += "\n";
}

void append_commands(std::string& out, const CommandModel& command, const std::string& before) {
  for (const CommandModel& sub : command.commands) {
    const std::string name = before + sub.name;
    out += ".SS " + roff(name) + "\n" + roff(sub.description) + ".\n";
    for (const OptionModel& model : sub.options) {
      if (model.long_names.empty() || model.long_names[0] != "help") append_option(out, model);
    }
    append_commands(out, sub, name + " ");
  }
}

constexpr std::string_view exit_codes[] = {
    "0",   "All went well; also when the reader of the output went away.",
    "1",   "An error, said on standard error.",
    "2",   "The command line, a variable or the configuration file is wrong.",
    "3",   "The time was over before enough messages had come.",
    "4",   "No broker was found, or none answered.",
    "5",   "The broker refused: the session, the subscription, the message or the command.",
    "130", "Interrupted (143: terminated)."};

}  // namespace

std::string man_page(const CommandModel& program, const Words& words) {
  std::string out = ".TH " + upper(words.name) +
                    " 1 \"\" \"btbroker " BTB_VERSION "\" \"btbroker\"\n.SH NAME\n" + words.name +
                    " \\- " + roff(words.summary) + "\n.SH SYNOPSIS\n.B " + words.name +
                    "\n[\\fIOPTIONS\\fR]";
  if (!program.commands.empty()) out += " \\fICOMMAND\\fR";
  for (const OptionModel& model : program.options) {
    if (!model.positional.empty()) out += " \\fI" + roff(model.positional) + "\\fR";
  }
  out += "\n.SH DESCRIPTION\n";
  for (const char c : roff(words.description)) {
    if (c == '\n' && out.ends_with('\n')) {
      out += ".PP\n";
    } else {
      out += c;
    }
  }
  out += "\n.SH OPTIONS\n";
  for (const OptionModel& model : program.options) append_option(out, model);
  if (!program.commands.empty()) {
    out += ".SH COMMANDS\n";
    append_commands(out, program, "");
  }
  out += ".SH EXIT STATUS\n";
  for (size_t i = 0; i < std::size(exit_codes); i += 2) {
    out += ".TP\n\\fB" + std::string(exit_codes[i]) + "\\fR\n" + roff(exit_codes[i + 1]) + "\n";
  }
  out += ".SH ENVIRONMENT\nA variable counts where the command line says nothing:\n";
  for (const OptionModel& model : program.options) {
    if (model.variable.empty() || model.long_names.empty()) continue;
    out += ".TP\n\\fB" + model.variable + "\\fR\n" + roff("--" + model.long_names[0]) + "\n";
  }
  out +=
      ".SH FILES\n.TP\n\\fI$XDG_CONFIG_HOME/btbroker/client.yaml\\fR (or under \\fI~/.config\\fR)\n"
      "Options where neither command line nor environment say anything, for all programs or under "
      "the name of one: \\fBbtsub: {format: json}\\fR\n"
      ".TP\n\\fI$XDG_RUNTIME_DIR/btbroker/*.sock\\fR, \\fI/run/btbroker/*.sock\\fR\n"
      "Where a broker is looked for if none was named; the first that answers is taken.\n"
      ".SH EXAMPLES\n";
  for (const auto& example : words.examples) {
    out += ".TP\n\\fB" + roff(example.command) + "\\fR\n" + roff(example.does) + "\n";
  }
  out += ".SH SEE ALSO\n";
  for (size_t i = 0; i < words.see_also.size(); ++i) {
    out += (i == 0 ? "\\fB" : ", \\fB") + words.see_also[i] + "\\fR(1)";
  }
  return out + "\n";
}

}  // namespace btb::cli
