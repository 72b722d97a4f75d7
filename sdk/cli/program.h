// Program: the common part of btsub, btpub and btctl: their command line and other sources of
// options, their help and manual page, and the lines they print on standard error.
//
// Options come from the command line, then from environment variables (BTB_ and the option's name),
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

// The text of the help and the manual page, apart from the options.
struct Words {
  std::string name;         // "btsub"
  std::string summary;      // one line
  std::string description;  // paragraphs, an empty line between them
  std::vector<command_line::Page::Entry> examples;
  std::vector<std::string> see_also;  // the other programs
  std::string surplus_hint = {};      // told if there is a word too many
  bool finds_on_air = false;          // it looks for a broker over Bluetooth if none is named
};

class Output;

// A process has only one. It ignores SIGPIPE, so that write(2) reports when the reader of the
// output has gone away.
class Program {
 public:
  explicit Program(Words words);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  CLI::App& app() { return *app_; }

  // Adds -b, --adapter, --connect-timeout, --retry, --name, -v and -q.
  void add_broker_options();
  // To be called once all options are added. Gives each an environment variable, and adds --config,
  // --completion and --man.
  void finish();
  // Reads all options. Returns the exit code if there is nothing more to do: the help was printed,
  // or the command line is wrong and that was said.
  std::optional<Exit> parse(int argc, const char* const* argv);

  // How to connect: to the broker of -b, otherwise of $BTB_BROKER, otherwise to the one that
  // client::find_broker finds. If no broker is named and `finds_on_air` is set, the ways lead to
  // the broker that worked last and to those on this machine; there may be none. client::Roaming
  // then finds others. Errors: `invalid` (an option is wrong), `not_found` and others (no broker).
  [[nodiscard]] Result<client::ClientOptions> client_options() const;
  [[nodiscard]] client::RoamingOptions roaming_options() const;
  // Whether -b or $BTB_BROKER names a broker. Also true if $BTB_BROKER is not an endpoint.
  [[nodiscard]] bool is_named() const;
  // Prints the error after Roaming gave up: why no broker was found, and what can be done.
  void no_broker(const Error& fault) const;
  [[nodiscard]] bool verbose() const { return verbose_; }
  [[nodiscard]] bool quiet() const { return quiet_; }
  [[nodiscard]] const std::string& adapter() const { return adapter_; }

  // Flushes `output`. Returns `exit`. If writing failed, it prints that, and returns Exit::error
  // instead of Exit::ok. It is no error if the reader has gone away.
  Exit written(Output& output, Exit exit) const;
  // Prints to standard output. Returns Exit::ok, or Exit::error if writing failed.
  [[nodiscard]] Exit print(std::string_view text) const;

  // Each prints one line on standard error, made printable, after the program's name. Notes are not
  // printed with -q. Details are printed only with -v.
  void error(std::string_view text) const;
  void note(std::string_view text) const;
  void detail(std::string_view text) const;
  // Prints the error and a hint to --help. Returns Exit::usage.
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
