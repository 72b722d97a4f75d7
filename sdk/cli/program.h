// Program: what the three clients have in common: their command line, where else flags come from,
// and what they say about themselves.
//
// Flags come from the command line, then from environment variables (BTB_ and the flag's name),
// then from $XDG_CONFIG_HOME/btbroker/client.yaml. Resource; the main thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/base/result.h"
#include "sdk/cli/exit_code.h"
#include "sdk/client/client.h"
#include "sdk/client/roaming.h"
#include "sdk/command_line/model.h"

namespace btb::cli {

// What help and man page say beside the options.
struct Words {
  std::string name;         // "btsub"
  std::string summary;      // one line
  std::string description;  // paragraphs, an empty line between them
  std::vector<command_line::Page::Entry> examples;
  std::vector<std::string> see_also;  // the other programs
  std::string surplus_hint = {};      // what a word too many may have been meant for
  bool finds_on_air = false;          // without a broker's address it looks for one over Bluetooth
};

class Output;

// One in a process: it ignores SIGPIPE, so that a reader of the output that went away is told by
// the write.
class Program {
 public:
  explicit Program(Words words);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  CLI::App& app() { return *app_; }

  // Adds -b, --connect-timeout, --retry, --name, -v and -q.
  void add_broker_options();
  // To be called once all options are there: gives each an environment variable, adds --config,
  // --completion, --man.
  void finish();
  // Reads everything. The exit code if there is nothing more to do: help was printed, or the usage
  // is wrong.
  std::optional<Exit> parse(int argc, const char* const* argv);

  // How to connect: -b, else $BTB_BROKER, else what client::find_broker finds. A program that finds
  // brokers over the air has the one that worked last and those on this machine, or none yet:
  // client::Roaming finds the others.
  [[nodiscard]] Result<client::ClientOptions> client_options() const;
  [[nodiscard]] client::RoamingOptions roaming_options() const;
  // Whether -b or $BTB_BROKER name a broker.
  [[nodiscard]] bool is_named() const;
  // When Roaming gave up: what was looked at, and what can be done.
  void no_broker(const Error& fault) const;
  [[nodiscard]] bool verbose() const { return verbose_; }
  [[nodiscard]] bool quiet() const { return quiet_; }
  [[nodiscard]] const std::string& adapter() const { return adapter_; }

  // Writes what waits in `output`. Returns `exit`, or, if the output could not be written and all
  // else went well, error; that is said. A reader that went away is no error.
  Exit written(Output& output, Exit exit) const;
  // Prints to standard output: ok, or error as above.
  [[nodiscard]] Exit print(std::string_view text) const;

  // A line on standard error, with the program's name before it, made printable. Notes are left out
  // with -q, details without -v.
  void error(std::string_view text) const;
  void note(std::string_view text) const;
  void detail(std::string_view text) const;
  // error() and the hint where to look.
  Exit usage(std::string_view text) const;

 private:
  [[nodiscard]] Result<std::vector<client::Way>> ways() const;

  Words words_;
  std::unique_ptr<CLI::App> app_;
  std::string broker_;
  std::string connect_timeout_ = "5";
  std::string adapter_;
  std::string name_;
  bool retry_ = false;
  bool verbose_ = false;
  bool quiet_ = false;
  std::string footer_;
};

}  // namespace btb::cli
