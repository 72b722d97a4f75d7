// ConfigFile: reads client.yaml for CLI11. It knows the small part of YAML that such a file needs.
// Errors name the line. An example:
//
//   # for all programs
//   broker: unix:/run/btbroker/main.sock
//   btsub:                     # for btsub only
//     format: json
//     exclude: ["$SYS/#", 'test/#']
//     topic:
//       - ward/#
//   btpub: {ack: none}
//
// Scalars are plain or quoted. Lists and comments are as above. There are no anchors, tags,
// multi-line scalars or tabs. Keys are the long options of the command line. A key at the top that
// only another program has is skipped, and so is all below another program's name. An unknown key
// is an error. Resource; the main thread. Borrows the app.
#pragma once

#include <CLI/CLI.hpp>
#include <istream>
#include <string>
#include <vector>

namespace btb::cli {

class ConfigFile final : public CLI::Config {
 public:
  ConfigFile(std::string program, const CLI::App& app) : program_(std::move(program)), app_(app) {}

  std::string to_config(const CLI::App*, bool, bool, std::string) const override { return {}; }
  // Throws CLI::Error, which begins with the file's path and the line: caught in Program::parse.
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

 private:
  [[nodiscard]] std::string path() const;

  std::string program_;
  const CLI::App& app_;
};

}  // namespace btb::cli
