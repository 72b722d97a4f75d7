// SessionContext: everything that a session needs from the broker, as one struct of references. A
// session knows this and its own client, and no other session. Owned by Sessions, outlives every
// session; [loop] thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/loop/loop.h"
#include "broker/routing/router.h"
#include "broker/session/flush.h"
#include "broker/session/publications.h"
#include "sdk/base/clock.h"

namespace btb {

class Session;

struct SessionLimits {
  uint32_t subscriptions_per_session = limits::subscriptions_per_session_max;
  uint32_t message_bytes = limits::message_bytes_max;
  uint32_t handshake_timeout_ms = limits::handshake_timeout_ms;
  uint32_t keep_alive_ms = limits::keep_alive_ms;
  uint32_t flush_budget_bytes = limits::flush_budget_bytes;
  // How many topics, rows and filters the router may look at in one turn, for the requests of one
  // session and for those of all sessions together. More waits for the next turn.
  uint32_t request_work = limits::request_work_per_turn;
  uint32_t turn_work = limits::turn_work;
  // For all sessions together that are behind, in one turn.
  uint32_t catch_up_budget_bytes = limits::catch_up_budget_bytes;
};

// The answer to a command. `body` is JSON.
struct CommandResult {
  wire::Reason reason = wire::Reason::none;
  std::string text;
  std::string body;
};

// Why a session is over.
struct SessionEnd {
  enum class By : uint8_t {
    broker,      // it said goodbye with this reason
    client,      // the client said goodbye: reason and text are its own words
    connection,  // neither said goodbye: the connection ended
  };
  wire::Reason reason = wire::Reason::none;
  By by = By::broker;
  std::string_view text;  // valid during the call that brings it
};
std::string_view name_of(SessionEnd::By by);

// The calls that a session makes. They come from inside the session's own functions, so none of
// them may destroy it.
class SessionEvents {
 public:
  // The client said hello and is not welcomed yet. False if there is no place for it: then it was
  // closed by this call.
  virtual bool said_hello(Session& session) = 0;
  // The client was welcomed.
  virtual void opened(const Session& session) = 0;
  // The client sent a command. The command may close the session.
  virtual CommandResult command(const std::string& verb,
                                const std::vector<std::string>& arguments) = 0;
  // The session has a place that is kept for commands, and its client asked for something else.
  // Closes it.
  virtual void wants_more(Session& session) = 0;
  // Requests of the session wait: call Session::go_on in a later turn.
  virtual void postponed(const Session& session) = 0;
  // The session has more to send than fitted into one flush: flush it again, after the others.
  virtual void behind(Session& session) = 0;
  // The session is over and may still follow topics: call Session::leave_on until it returns true.
  virtual void leaving(const Session& session) = 0;
  // The session is over. Called once, after `leaving`.
  virtual void ended(Session& session, const SessionEnd& end) = 0;

 protected:
  ~SessionEvents() = default;
};

struct SessionContext {
  Loop& loop;
  Router& router;
  const Clock& clock;
  SessionEvents& events;
  const SessionLimits& limits;
  Flush& flush;
  Refusals& refusals;
  Unfinished& unfinished;
  ByteVector& read_buffer;  // of all sessions, so that an idle session needs no buffer of its own
  const std::string& broker_name;
  const uint16_t& site;  // see Sessions::site

  // The time when read_clock was last called: now_ms is monotonic, now_us counts from 1970 UTC.
  uint64_t now_ms = 0;
  int64_t now_us = 0;
  // The value of Router::work() at which the share of all sessions in this turn is used up.
  uint64_t turn_until = UINT64_MAX;

  void read_clock() {
    now_ms = clock.mono_ms();
    now_us = clock.now_us();
  }
  // The value of Router::work() up to which one session may go on now.
  [[nodiscard]] uint64_t share_until() const {
    return std::min(router.work() + limits.request_work, turn_until);
  }
};

}  // namespace btb
