// Reading a configuration from a text, for the tests of configurations.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/config/compare_config.h"
#include "broker/config/config.h"
#include "broker/config/print_config.h"
#include "broker/config/read_config.h"

namespace btb::test {

struct ReadConfig {
  std::unique_ptr<Config> config;
  std::vector<ConfigFault> faults;
};

inline ReadConfig read_text(const std::string& text,
                            std::map<std::string, std::string> environment = {}) {
  ConfigSurroundings surroundings;
  surroundings.file = "test.yaml";
  surroundings.directory = "/etc/btbroker";
  surroundings.plugin_path = {BTB_FIXTURES};
  surroundings.host_name = "here";
  surroundings.environment = [environment](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
  ReadConfig read;
  read.config = read_config_text(text, std::move(surroundings), read.faults);
  CHECK((read.config == nullptr) == !read.faults.empty());
  return read;
}

// The text must be without faults.
inline std::unique_ptr<Config> good(const std::string& text,
                                    std::map<std::string, std::string> environment = {}) {
  ReadConfig read = read_text(text, std::move(environment));
  for (const ConfigFault& fault : read.faults) FAIL(to_string(fault));
  return std::move(read.config);
}

}  // namespace btb::test
