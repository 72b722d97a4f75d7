// Supervisor: tells systemd how the broker is: started, alive, stopping. Does nothing where nobody
// asks ($NOTIFY_SOCKET, $WATCHDOG_USEC). Resource; [loop] thread.
#pragma once

#include <string>

#include "broker/loop/loop.h"

namespace btb {

class Supervisor {
 public:
  explicit Supervisor(Loop& loop);

  // `status` is a line for people (systemctl status). From now on the loop's being alive is told as
  // often as the watchdog wants.
  void ready(const std::string& status);
  void stopping();

 private:
  Timer watchdog_;
};

}  // namespace btb
