// btbroker, the program. Parts: reading the configuration, --check, running; the command line and
// the manual page; main.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "broker/app/application.h"
#include "broker/app/log_text.h"
#include "broker/config/print_config.h"
#include "broker/config/read_config.h"
#include "sdk/base/standard_streams.h"
#include "sdk/command_line/self_description.h"
#include "sdk/command_line/unknown_word.h"

namespace {

constexpr int exit_usage = 2;

// Each session needs a descriptor. So this raises the limit as far as the system allows it.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

std::string program_directory() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "." : program.parent_path().string();
}

std::unique_ptr<btb::Config> read(const std::string& file, bool examine = false) {
  std::vector<btb::ConfigFault> faults;
  std::unique_ptr<btb::Config> config =
      btb::read_config(file, program_directory(), faults, nullptr, examine);
  for (const btb::ConfigFault& fault : faults)
    std::cerr << btb::printable(btb::to_string(fault)) << '\n';
  if (config == nullptr) {
    std::cerr << "btbroker: " << file << " has " << faults.size()
              << (faults.size() == 1 ? " fault" : " faults") << '\n';
  }
  return config;
}

// `status`, or a failure if what was printed could not be written.
int printed(int status) {
  if (std::cout.flush()) return status;
  std::cerr << std::string("btbroker: standard output: ") + std::strerror(errno) + "\n";
  return EXIT_FAILURE;
}

// Faults and warnings go to standard error, the result to standard output.
int check_config(const std::string& file) {
  const std::unique_ptr<btb::Config> config = read(file, true);
  if (config == nullptr) return exit_usage;
  for (btb::ConfigFault warning : config->warnings) {
    warning.text.insert(0, "warning: ");
    std::cerr << btb::printable(btb::to_string(warning)) << '\n';
  }
  const size_t count = config->warnings.size();
  std::cout << file << ": no faults";
  if (count != 0) std::cout << ", " << count << (count == 1 ? " warning" : " warnings");
  std::cout << '\n';
  return printed(EXIT_SUCCESS);
}

int run(const std::string& file) {
  std::unique_ptr<btb::Config> config = read(file);
  if (config == nullptr) return exit_usage;
  btb::Result<void> started;
  {
    btb::Application application(std::move(config), program_directory());
    started = application.start();
    if (started) application.run();
  }  // the destructor writes the rest of the journal, so the next line comes after it
  if (started) return EXIT_SUCCESS;
  std::cerr << "btbroker: " + btb::printable(started.error().text) + "\n";
  return EXIT_FAILURE;
}

struct Written {
  std::string file;
  bool check = false;
};

void add_options(CLI::App& app, Written& to) {
  app.set_help_flag("-h,--help", "Print this help");
  app.set_version_flag("--version", "btbroker " BTB_VERSION, "Print the version");
  app.add_option("FILE", to.file, "The configuration (YAML)")
      ->type_name("FILE")
      ->option_text("(or $BTBROKER_CONFIG)")
      ->envname("BTBROKER_CONFIG")
      ->required();
  app.add_flag("--check", to.check,
               "Only read the configuration, options of plugins included, and say what is wrong");
  btb::command_line::add_describing_options(app);
}

btb::command_line::Page manual_page(const CLI::App& app) {
  btb::command_line::Page page;
  page.name = app.get_name();
  page.summary = "Bring data from files, databases and feeds to the clients nearby";
  page.description =
      "btbroker reads data through its sources, keeps it as topics, and sends it to whoever "
      "subscribes: the state as it is, then every change. It runs until it gets SIGINT or SIGTERM; "
      "SIGHUP, or btctl reload, reads the configuration again and takes it over whole, or nothing "
      "of it if it has a fault.\n\n"
      "The configuration is one YAML file: where to listen, what to read, how topics are kept. "
      "broker.yaml explains every option, minimal.yaml is the least that works. Plugins are looked "
      "for where broker.plugin_path says, else beside the program, in ../lib/btbroker/plugins.";
  page.exit_codes = {
      {"0", "It was told to end; or, with --check, the configuration has no fault."},
      {"1", "It cannot run; the reason is said on standard error."},
      {"2", "The command line or the configuration is wrong: each fault with its line."}};
  page.files = {
      {"/etc/btbroker/broker.yaml", "The configuration of the service that is installed."},
      {"/usr/share/doc/btbroker/broker.yaml, minimal.yaml", "Every option; the least that works."},
      {"/run/btbroker/main.sock", "Where the service listens for clients of this machine."}};
  page.examples = {
      {"btbroker --check ward.yaml", "Lists every mistake with its line and what was expected"},
      {"btbroker ward.yaml", "Runs; Ctrl-C ends it"},
      {"systemctl reload btbroker", "Takes over a changed configuration of the service"}};
  page.see_also = {"btsub", "btpub", "btctl"};
  return page;
}

// Says in our words what is missing on the command line, or what is too much.
std::string fault_of(const CLI::App& app, const CLI::ParseError& error) {
  const std::string unknown =
      btb::command_line::unknown_word(app, "btbroker takes one configuration");
  if (!unknown.empty()) return unknown;
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    return "which configuration? btbroker FILE.yaml";
  }
  return error.what();
}

}  // namespace

int main(int argc, char** argv) {
  btb::take_standard_streams();
  CLI::App app(
      "btbroker brings data from files, databases and feeds to the clients nearby.\n"
      "It runs until it gets SIGINT or SIGTERM; SIGHUP reads the configuration again.",
      "btbroker");
  app.footer("The manual: btbroker --man | man -l -");
  Written written;
  add_options(app, written);
  if (const auto text = btb::command_line::self_description(app, manual_page(app), argc, argv)) {
    std::cout << *text;
    return printed(EXIT_SUCCESS);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& asked) {
    return printed(app.exit(asked));
  } catch (const CLI::ParseError& error) {
    std::cerr << "btbroker: " + btb::printable(fault_of(app, error)) + " (--help says more)\n";
    return exit_usage;
  }
  if (written.check) return check_config(written.file);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  return run(written.file);
}
