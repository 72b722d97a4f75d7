// Program: paths and names, the help (Help), texts of exit_code.h, then the class: its options, the
// broker to connect to, and printing.
#include "sdk/cli/program.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "sdk/cli/config_file.h"
#include "sdk/cli/output.h"
#include "sdk/cli/printable.h"
#include "sdk/cli/time_text.h"
#include "sdk/client/last_broker.h"
#include "sdk/client/local_brokers.h"
#include "sdk/command_line/self_description.h"
#include "sdk/command_line/unknown_word.h"

namespace btb::cli {

using wire::Reason;

namespace {

std::string config_path() {
  const char* named = std::getenv("BTB_CONFIG");
  if (named != nullptr && *named != '\0') return named;
  const char* base = std::getenv("XDG_CONFIG_HOME");
  if (base != nullptr && *base != '\0') return std::string(base) + "/btbroker/client.yaml";
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.config/btbroker/client.yaml";
}

std::string environment_name(std::string flag) {
  for (char& c : flag)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return "BTB_" + flag;
}

// The help of CLI11 without the environment variables, whose names follow from the options, and
// with choices as people write them.
class Help final : public CLI::Formatter {
 public:
  Help() { column_width(column); }
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return {};
    const std::string type = option->get_type_name();
    std::string out = " " + type.substr(0, type.find(':'));
    if (option->get_expected_max() > 1) out += "...";
    return out;
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    std::string out = option->get_description();
    const std::string type = option->get_type_name();
    const size_t choices = type.find('{');
    if (choices != std::string::npos) {
      out += ": ";
      for (const char c : type.substr(choices + 1, type.find('}') - choices - 1)) {
        out += c == ',' ? std::string(", ") : std::string(1, c);
      }
    }
    if (!option->get_default_str().empty() && option->get_configurable() &&
        option->get_lnames()[0] != "config") {
      out += " [" + option->get_default_str() + "]";
    }
    return out;
  }

 private:
  static constexpr size_t column = 30;
};

command_line::Page page_of(const Words& words) {
  command_line::Page page{words.name, words.summary,  words.description, {},
                          {},         words.examples, words.see_also};
  page.exit_codes = {
      {"0", "All went well; also when the reader of the output went away."},
      {"1", "An error, said on standard error."},
      {"2", "The command line, a variable or the configuration file is wrong."},
      {"3", "The time was over before enough messages had come, or before all was confirmed."},
      {"4", "No broker was found, or none answered."},
      {"5", "The broker refused: the session, the subscription, the message or the command."},
      {"130", "Interrupted (143: terminated)."}};
  page.files = {
      {"$XDG_CONFIG_HOME/btbroker/client.yaml",
       "Options where neither command line nor environment say anything, for all programs or under "
       "the name of one: btsub: {format: json}. Without the variable it is below ~/.config."},
      {"$XDG_RUNTIME_DIR/btbroker/*.sock, /run/btbroker/*.sock",
       "Where a broker is looked for if none was named; the first that answers is taken."}};
  return page;
}

void print_line(std::string_view name, std::string_view text) {
  std::string line(name);
  line += ": ";
  append_printable(line, text);
  line += '\n';
  (void)std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

Exit exit_of(const client::Ending& ending) {
  if (ending.reason == Reason::full)
    return Exit::refused;  // also if the adapter is full, not the broker
  if (ending.by_broker) {
    return ending.reason == Reason::normal || ending.reason == Reason::shutting_down
               ? Exit::error
               : Exit::refused;
  }
  return ending.greeted ? Exit::error : Exit::unreachable;
}

std::string reason_text(Reason reason, std::string_view text) {
  std::string out(wire::name_of(reason));
  if (!text.empty()) out += " (" + std::string(text) + ")";
  return out;
}

std::string ending_text(const client::Ending& ending, bool last) {
  const bool words = !ending.by_broker && !ending.text.empty();
  const std::string why = words ? ending.text : reason_text(ending.reason, ending.text);
  if (last && ending.by_broker) {
    return (ending.greeted ? "the broker ended the session: " : "the broker refused: ") + why;
  }
  if (last && ending.greeted) return why;
  return (ending.greeted ? "connection lost: " : "cannot connect: ") + why;
}

Program::Program(Words words)
    : words_(std::move(words)), app_(std::make_unique<CLI::App>(words_.summary, words_.name)) {
  (void)::signal(SIGPIPE, SIG_IGN);
  app_->formatter(std::make_shared<Help>());
  app_->set_version_flag("--version", words_.name + " " BTB_VERSION, "Print the version");
  app_->set_help_flag("-h,--help", "Print this help");
}

Program::~Program() = default;

void Program::add_broker_options() {
  app_->add_option(
          "-b,--broker", broker_,
          "Broker: unix:/path, tcp:HOST:PORT, l2cap:ADDR/PSM, le:ADDR/PSM or "
          "rfcomm:ADDR/CHANNEL; else the one found on this machine" +
              std::string(
                  words_.finds_on_air
                      ? " or the one over Bluetooth that worked last, else the nearest there"
                      : ""))
      ->type_name("ENDPOINT");
  app_->add_option("--adapter", adapter_,
                   "Bluetooth adapter to connect through: hci1, or its address")
      ->type_name("ADAPTER");
  app_->add_option("--connect-timeout", connect_timeout_, "How long connecting may take")
      ->type_name("SECONDS")
      ->capture_default_str();
  app_->add_flag("--retry", retry_, "Keep trying if the first connection fails, too");
  app_->add_option("--name", name_, "Name of this client, for the people at the broker")
      ->type_name("NAME");
  app_->add_flag("-v,--verbose", verbose_, "Say more");
  app_->add_flag("-q,--quiet", quiet_, "Say nothing but errors");
}

void Program::finish() {
  const auto give_names = [](CLI::App& app) {
    for (CLI::Option* option : app.get_options()) {
      const auto& names = option->get_lnames();
      if (names.empty() || names[0] == "help" || names[0] == "version") continue;
      option->envname(environment_name(names[0]));
    }
  };
  give_names(*app_);
  for (CLI::App* sub : app_->get_subcommands({})) {
    for (CLI::App* inner : sub->get_subcommands({})) give_names(*inner);
    give_names(*sub);
  }
  const bool named = std::getenv("BTB_CONFIG") != nullptr;
  app_->set_config("--config", config_path(), "File with options", named)->type_name("FILE");
  app_->config_formatter(std::make_shared<ConfigFile>(words_.name, *app_));
  command_line::add_describing_options(*app_);
  footer_ = "\nExamples:\n";
  for (const auto& example : words_.examples) {
    footer_ += "  " + example.what + "\n      " + example.does + "\n";
  }
  footer_ +=
      "\nExit codes: 0 ok, 1 error, 2 usage, 3 too few messages in time, 4 cannot connect,\n"
      "  5 refused by the broker, 130 interrupted.\n"
      "Every option is also a variable (--connect-timeout: BTB_CONNECT_TIMEOUT) and a line in\n"
      "  $XDG_CONFIG_HOME/btbroker/client.yaml (connect-timeout: 3). The manual: " +
      words_.name + " --man | man -l -\n";
  app_->footer(footer_);
}

std::optional<Exit> Program::parse(int argc, const char* const* argv) {
  if (const auto text = command_line::self_description(*app_, page_of(words_), argc, argv)) {
    return print(*text);
  }
  try {
    app_->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::string help = app_->help();
    for (const CLI::App* sub : app_->get_subcommands()) help = sub->help(words_.name);
    return print(help);
  } catch (const CLI::CallForVersion& version) {
    return print(version.what() + std::string("\n"));
  } catch (const CLI::Error& fault) {
    // A required argument may be missing because it was misspelt: then the unknown word is the
    // fault.
    const bool of_words = dynamic_cast<const CLI::ExtrasError*>(&fault) != nullptr ||
                          dynamic_cast<const CLI::RequiredError*>(&fault) != nullptr;
    const std::string unknown =
        of_words ? command_line::unknown_word(*app_, words_.surplus_hint) : "";
    return usage(unknown.empty() ? fault.what() : unknown);
  }
  return std::nullopt;
}

bool Program::is_named() const {
  const auto named = client::named_broker();
  return !broker_.empty() || !named || named->has_value();
}

Result<std::vector<client::Way>> Program::ways() const {
  if (!broker_.empty()) {
    const auto endpoint = parse_endpoint(broker_);
    if (endpoint) return std::vector<client::Way>{{*endpoint, adapter_}};
    return endpoint.error();
  }
  if (is_named() || !words_.finds_on_air) {
    const auto found = client::find_broker(client::local_broker_directories());
    if (found) return std::vector<client::Way>{{*found, adapter_}};
    if (found.error().code != Errc::not_found) return found.error();
    return Error{Errc::not_found, found.error().text + "; name one with -b ENDPOINT"};
  }
  std::vector<client::Way> ways;
  const auto last = client::read_last_broker(client::last_broker_file());
  if (last)
    ways.push_back({last->endpoint, adapter_, true});  // another broker may answer there now
  std::string reasons;
  for (const Endpoint& local : client::local_brokers(client::local_broker_directories(), reasons)) {
    ways.push_back({local, {}});
  }
  return ways;
}

Result<client::ClientOptions> Program::client_options() const {
  const auto timeout = parse_wait_ms(connect_timeout_);
  if (!timeout) return Error{Errc::invalid, "--connect-timeout: " + timeout.error().text};
  if (!adapter_.empty() && (adapter_ == "*" || !is_adapter(adapter_))) {
    return Error{Errc::invalid, "--adapter: " + adapter_ + " is neither like hci0 nor an address"};
  }
  auto found = ways();
  if (!found) return found.error();
  client::ClientOptions options;
  options.ways = std::move(*found);
  options.connect_timeout_ms = std::max<uint32_t>(1, *timeout);
  options.retry_first = retry_ || (words_.finds_on_air && !is_named());
  options.conversation.name = name_.empty() ? words_.name : name_;
  options.conversation.agent = words_.name + "/" BTB_VERSION;
  options.conversation.can_let_go = words_.finds_on_air;
  return options;
}

client::RoamingOptions Program::roaming_options() const {
  client::RoamingOptions options;
  options.searches = !is_named();
  options.gives_up = !retry_;
  options.adapter = adapter_;
  options.memory = client::last_broker_file();
  return options;
}

void Program::no_broker(const Error& fault) const {
  const auto local = client::find_broker(client::local_broker_directories());
  error((local ? "no broker found" : local.error().text) + "; " + fault.text +
        "; name one with -b ENDPOINT, or see whether `btctl doctor` finds something wrong");
}

Exit Program::written(Output& output, Exit exit) const {
  output.flush();
  if (output.fault() == 0) return exit;
  error(std::string("standard output: ") + std::strerror(output.fault()));
  return exit == Exit::ok ? Exit::error : exit;
}

Exit Program::print(std::string_view text) const {
  Output output(STDOUT_FILENO);
  output.buffer() = text;
  return written(output, Exit::ok);
}

void Program::error(std::string_view text) const {
  print_line(words_.name, text);
}

void Program::note(std::string_view text) const {
  if (!quiet_) print_line(words_.name, text);
}

void Program::detail(std::string_view text) const {
  if (verbose_ && !quiet_) print_line(words_.name, text);
}

Exit Program::usage(std::string_view text) const {
  error(text);
  (void)std::fprintf(stderr, "See \"%s --help\".\n", words_.name.c_str());
  return Exit::usage;
}

}  // namespace btb::cli
