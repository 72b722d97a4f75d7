// SessionLog: what the log tells of clients that come and go. Whoever can connect can make lines,
// so repeats are counted, and what a client says of itself stands between quotes, in fields that
// are named after it. Resource; borrows the log and the clock; [loop] thread.
#pragma once

#include <string>
#include <string_view>

#include "broker/app/event_log.h"
#include "broker/app/repeats.h"
#include "broker/session/sessions.h"
#include "sdk/base/clock.h"

namespace btb {

class SessionLog {
 public:
  SessionLog(EventLog& log, const Clock& clock) : log_(log), clock_(clock) {}
  SessionLog(const SessionLog&) = delete;
  SessionLog& operator=(const SessionLog&) = delete;

  void opened(const Session& session);
  void ended(const Session& session, const SessionEnd& end);
  // Once a second: tells what was held back.
  void tick() { tell(false); }
  // Before the broker stops.
  void finish() { tell(true); }
  // Lines that were counted and not written, since the start.
  [[nodiscard]] uint64_t held() const { return repeats_.held(); }

 private:
  void tell(bool all);

  EventLog& log_;
  const Clock& clock_;
  Repeats repeats_;
};

}  // namespace btb
