// SessionLog: writes to the journal when clients come and go. Everybody who can connect causes
// lines here. So repeated lines are only counted (see Repeats), and text that a client chose stands
// in fields of its own, where it cannot look like another field. Resource; borrows the journal and
// the clock; [loop] thread.
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
  // Call it once a second. Writes how many lines were held back, for windows of time that are over.
  void tick() { tell(false); }
  // Call it before the broker stops. Does the same for all windows.
  void finish() { tell(true); }
  // The number of lines since the start that were counted and not written.
  [[nodiscard]] uint64_t held() const { return repeats_.held(); }

 private:
  void tell(bool all);

  EventLog& log_;
  const Clock& clock_;
  Repeats repeats_;
};

}  // namespace btb
