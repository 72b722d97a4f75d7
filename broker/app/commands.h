// Commands: carries out the commands that btctl sends to a running broker. It is made for one
// command, calls the parts of the broker that know the answer, and holds no state. Value; [loop]
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/app/bluetooth.h"
#include "broker/app/endpoints.h"
#include "broker/app/sys_topics.h"
#include "broker/config/compare_config.h"
#include "broker/config/config.h"
#include "broker/routing/router.h"
#include "broker/session/sessions.h"
#include "broker/source/sources.h"
#include "sdk/base/clock.h"

namespace btb {

class Commands {
 public:
  // The parts of the broker. They outlive the command, except for `config`: see `reload`.
  struct Broker {
    const Config& config;
    const Clock& clock;
    int64_t started_us = 0;
    Router& router;
    Sessions& sessions;
    Sources& sources;
    const Endpoints& endpoints;
    Bluetooth& bluetooth;
    BrokerCounters counters;
    int descriptors_for_clients = 0;  // 0: all
    // See Application::reload. When it succeeds, `config` is destroyed and must not be used again.
    std::function<std::unique_ptr<ConfigChanges>(std::vector<ConfigFault>& faults)> reload;
  };

  // Borrows `broker`.
  explicit Commands(const Broker& broker) : broker_(broker) {}
  // The body of the result is JSON. A command that fails has a reason and a text, and its body is
  // {} (of `reload`: the faults).
  CommandResult run(const std::string& verb, const std::vector<std::string>& arguments);

 private:
  CommandResult status();
  CommandResult topics(const std::vector<std::string>& arguments);
  CommandResult sessions();
  CommandResult sources();
  CommandResult reload();
  CommandResult set_paused(const std::vector<std::string>& arguments, bool paused);
  CommandResult kick(const std::vector<std::string>& arguments);
  CommandResult enrol(const std::vector<std::string>& arguments);

  const Broker& broker_;
};

}  // namespace btb
