#include "broker/app/session_log.h"

namespace btb {

namespace {

constexpr uint64_t ms_in_s = 1'000;

// Some clients only look whether a broker is there: they connect and close, and never say hello.
// That is no reason for a warning.
EventLog::Level level_of(const Session& session, const SessionEnd& end) {
  const bool expected = end.reason == wire::Reason::normal || end.reason == wire::Reason::let_go;
  const bool only_looked = !session.said_hello() && end.reason == wire::Reason::peer_closed;
  return only_looked || (expected && session.said_hello()) ? EventLog::Level::info
                                                           : EventLog::Level::warning;
}

}  // namespace

void SessionLog::opened(const Session& session) {
  if (!repeats_.admit("session_opened", session.traits().origin, clock_.mono_ms())) return;
  log_.write(EventLog::Level::info, "session_opened", "",
             {{"session", std::to_string(session.id())},
              {"name", session.name()},
              {"agent", session.agent()},
              {"peer", session.traits().peer}});
}

void SessionLog::ended(const Session& session, const SessionEnd& end) {
  const std::string reason(wire::name_of(end.reason));
  const std::string by(name_of(end.by));
  const std::string kind = "session_ended " + reason + " by " + by;
  if (!repeats_.admit(kind, session.traits().origin, clock_.mono_ms())) return;
  const bool said = end.by == SessionEnd::By::client;
  log_.write(level_of(session, end), "session_ended", said ? "" : end.text,
             {{"session", std::to_string(session.id())},
              {"reason", reason},
              {"by", by},
              {"name", session.name()},
              {"peer", session.traits().peer},
              {"said", said ? std::string(end.text) : ""}});
}

void SessionLog::tell(bool all) {
  for (const Repeats::Held& held : repeats_.due(clock_.mono_ms(), all)) {
    const std::string count = std::to_string(held.count);
    log_.write(EventLog::Level::warning, "log_repeated",
               count + " more of these, within " +
                   std::to_string((held.window_ms + ms_in_s - 1) / ms_in_s) + " s, are not shown",
               {{"times", count}, {"of", held.event}, {"origin", held.cause}});
  }
}

}  // namespace btb
