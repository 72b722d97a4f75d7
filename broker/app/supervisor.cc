#include "broker/app/supervisor.h"

#include <systemd/sd-daemon.h>

#include <algorithm>

namespace btb {

Supervisor::Supervisor(Loop& loop) : watchdog_(loop, [] { (void)sd_notify(0, "WATCHDOG=1"); }) {}

void Supervisor::ready(const std::string& status) {
  (void)sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
  uint64_t limit_us = 0;
  if (sd_watchdog_enabled(0, &limit_us) <= 0) return;
  const uint64_t every_ms = std::max<uint64_t>(1, limit_us / 3'000);  // a third of the limit
  watchdog_.start(every_ms, every_ms);
}

void Supervisor::stopping() {
  (void)sd_notify(0, "STOPPING=1");
}

}  // namespace btb
