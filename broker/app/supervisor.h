// Supervisor: tells systemd the condition of the broker: started, alive, stopping. If the broker
// was not started by systemd (no $NOTIFY_SOCKET, no $WATCHDOG_USEC), it does nothing. Resource;
// [loop] thread.
#pragma once

#include <string>

#include "broker/loop/loop.h"

namespace btb {

class Supervisor {
 public:
  explicit Supervisor(Loop& loop);

  // The broker has started. `status` is a line for people (systemctl status). From now on a timer
  // of the loop tells systemd that the broker is alive, three times in each period of the watchdog.
  void ready(const std::string& status);
  void stopping();

 private:
  Timer watchdog_;
};

}  // namespace btb
