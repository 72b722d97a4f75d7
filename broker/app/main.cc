// btbroker: reads its arguments and the configuration, and runs the application.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "broker/app/application.h"

namespace {

constexpr int exit_usage = 2;

// Each session is a descriptor: take as many as the system gives without asking an administrator.
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

std::unique_ptr<btb::Config> read(const std::string& file) {
  std::vector<btb::ConfigFault> faults;
  std::unique_ptr<btb::Config> config = btb::read_config(file, program_directory(), faults);
  for (const btb::ConfigFault& fault : faults)
    std::cerr << btb::printable(btb::to_string(fault)) << '\n';
  if (config == nullptr) {
    std::cerr << "btbroker: " << file << " has " << faults.size()
              << (faults.size() == 1 ? " fault" : " faults") << '\n';
  }
  return config;
}

int run(const std::string& file) {
  std::unique_ptr<btb::Config> config = read(file);
  if (config == nullptr) return exit_usage;
  btb::Result<void> started;
  {
    btb::Application application(std::move(config), program_directory());
    started = application.start();
    if (started) application.run();
  }  // here its log is written out: what is said now comes behind it
  if (started) return EXIT_SUCCESS;
  std::cerr << "btbroker: " + btb::printable(started.error().text) + "\n";
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "btbroker brings data from files, databases and feeds to the clients nearby.\n"
      "It runs until it gets SIGINT or SIGTERM; SIGHUP reads the configuration again.",
      "btbroker");
  app.set_version_flag("--version", "btbroker " BTB_VERSION);
  std::string file;
  bool check = false;
  app.add_option("config", file,
                 "The configuration (YAML). See configs/minimal.yaml and configs/broker.yaml")
      ->envname("BTBROKER_CONFIG")
      ->required();
  app.add_flag("--check", check,
               "Only read the configuration, options of plugins included, and say what is wrong");
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError&) {
    std::cerr << "btbroker: which configuration? btbroker FILE.yaml (--help says more)\n";
    return exit_usage;
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? EXIT_SUCCESS : exit_usage;
  }
  if (check) {
    if (read(file) == nullptr) return exit_usage;
    std::cout << file << ": no faults\n";
    return EXIT_SUCCESS;
  }
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  return run(file);
}
