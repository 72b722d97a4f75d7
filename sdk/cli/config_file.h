// ConfigFile: client.yaml for CLI11. The small part of YAML that such a file needs, with errors
// that name the line:
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
// Scalars plain or quoted, lists as above, comments. No anchors, tags, multi-line scalars or tabs.
// Nothing is a flag of this program that its command line does not have; keys at the top that only
// another program has, and what stands under another program's name, are left alone.
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
