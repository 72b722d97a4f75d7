// The manual page, in the macros of man(7), from the texts of a program and the model of its
// options.
#include <cctype>

#include "sdk/command_line/model.h"

namespace btb::command_line {

namespace {

// Escapes text for roff: hyphens stay hyphens, and no line begins a request.
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

// A heading and its entries; nothing if there are none. `font`: B or I.
void append_entries(std::string& out, std::string_view heading, char font,
                    const std::vector<Page::Entry>& entries) {
  if (entries.empty()) return;
  out += ".SH " + std::string(heading) + "\n";
  for (const Page::Entry& entry : entries) {
    out += std::string(".TP\n\\f") + font + roff(entry.what) + "\\fR\n" + roff(entry.does) + "\n";
  }
}

void append_variables(std::string& out, const CommandModel& program) {
  std::string variables;
  for (const OptionModel& model : program.options) {
    if (model.variable.empty() || (model.positional.empty() && model.long_names.empty())) continue;
    const std::string stands_for =
        model.positional.empty() ? "--" + model.long_names[0] : model.positional;
    variables += ".TP\n\\fB" + model.variable + "\\fR\n" + roff(stands_for) + "\n";
  }
  if (variables.empty()) return;
  out += ".SH ENVIRONMENT\nA variable counts where the command line says nothing:\n" + variables;
}

}  // namespace

std::string man_page(const CommandModel& program, const Page& page) {
  std::string out = ".TH " + upper(page.name) +
                    " 1 \"\" \"btbroker " BTB_VERSION "\" \"btbroker\"\n.SH NAME\n" + page.name +
                    " \\- " + roff(page.summary) + "\n.SH SYNOPSIS\n.B " + page.name +
                    "\n[\\fIOPTIONS\\fR]";
  if (!program.commands.empty()) out += " \\fICOMMAND\\fR";
  for (const OptionModel& model : program.options) {
    if (!model.positional.empty()) out += " \\fI" + roff(model.positional) + "\\fR";
  }
  out += "\n.SH DESCRIPTION\n";
  for (const char c : roff(page.description)) {
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
  append_entries(out, "EXIT STATUS", 'B', page.exit_codes);
  append_variables(out, program);
  append_entries(out, "FILES", 'I', page.files);
  append_entries(out, "EXAMPLES", 'B', page.examples);
  out += ".SH SEE ALSO\n";
  for (size_t i = 0; i < page.see_also.size(); ++i) {
    out += (i == 0 ? "\\fB" : ", \\fB") + page.see_also[i] + "\\fR(1)";
  }
  return out + "\n";
}

}  // namespace btb::command_line
