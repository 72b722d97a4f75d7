// Sessions: all clients of the broker. It takes in connections, flushes once a turn, watches the
// clock, and counts the reasons why sessions ended. Admission decides which connection gets a
// place. Sessions owns the buffers that all sessions share, so an idle session costs little.
// Resource; [loop] thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/admission/admission.h"
#include "broker/session/flush.h"
#include "broker/session/session.h"

namespace btb {

// What the application does for the sessions. References are valid during the call.
class SessionsOwner {
 public:
  // Carries out a command of an operator. It may close any session.
  virtual CommandResult command(const std::string& verb,
                                const std::vector<std::string>& arguments) = 0;
  virtual void session_opened(const Session& session) = 0;
  virtual void session_ended(const Session& session, const SessionEnd& end) = 0;

 protected:
  ~SessionsOwner() = default;
};

class Sessions final : private SessionEvents, private Guests {
 public:
  // All of these outlive the Sessions.
  Sessions(Loop& loop, Router& router, const Clock& clock, SessionsOwner& owner,
           std::string broker_name);
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  SessionLimits limits;
  uint16_t site = 0;  // as it is announced over the air; see bluez::site_of

  // Takes in a new connection. If Admission finds no place for it, its session is closed again.
  void adopt(std::unique_ptr<Stream> stream, SessionTraits traits);
  [[nodiscard]] Admission& admission() { return admission_; }
  [[nodiscard]] const Admission& admission() const { return admission_; }
  // The work of one turn: writes for every session that has something due, handles postponed
  // requests, and destroys sessions that ended. True if there is more to do at once. Call it before
  // each sleep.
  bool flush();
  // Checks timeouts. Call it about once a second.
  void tick();

  // Closes one session; false if there is none with this id.
  bool kick(uint64_t id, std::string_view text);
  // Closes all sessions that came in at this listener.
  void close_listener(const std::string& listener);
  // After a reload: whether clients of this listener may publish.
  void allow_publishing(const std::string& listener, bool allowed);
  void close_all(wire::Reason reason, std::string_view text, uint32_t retry_after_ms);

  // Sessions that exist, those that are closing or ended included.
  [[nodiscard]] size_t count() const { return all_.size(); }
  // Connections that were ever taken in.
  [[nodiscard]] uint64_t accepted() const { return accepted_; }
  // Visits the sessions in the order they came in. `visit` must not adopt a connection or flush.
  void for_each(const std::function<void(const Session&)>& visit) const;
  [[nodiscard]] Unfinished& unfinished() { return unfinished_; }
  // How many sessions ended, by the reason that the broker saw. A session whose client said goodbye
  // counts as `normal`, with any reason.
  [[nodiscard]] const std::map<wire::Reason, uint64_t>& ends() const { return ends_; }
  // How many clients said goodbye, by the reason that they gave.
  [[nodiscard]] const std::map<wire::Reason, uint64_t>& goodbyes() const { return goodbyes_; }
  // How many requests and messages of clients were refused, by reason.
  [[nodiscard]] const Refusals& refusals() const { return refusals_; }

 private:
  // SessionEvents
  bool said_hello(Session& session) override { return admission_.said_hello(session.id()); }
  void opened(const Session& session) override { owner_.session_opened(session); }
  CommandResult command(const std::string& verb,
                        const std::vector<std::string>& arguments) override {
    return owner_.command(verb, arguments);
  }
  void wants_more(Session& session) override { admission_.wants_more(session.id()); }
  void postponed(const Session& session) override { postponed_.push_back(session.id()); }
  void behind(Session& session) override;
  void leaving(const Session& session) override { leaving_.push_back(session.id()); }
  void ended(Session& session, const SessionEnd& end) override;

  // Guests
  [[nodiscard]] uint64_t idle_ms(uint64_t id) const override;
  [[nodiscard]] const Subscriber& subscriber(uint64_t id) const override { return *all_.at(id); }
  void keep_for_commands(uint64_t id) override { all_.at(id)->reserve(); }
  void refuse(uint64_t id, const Refusal& refusal) override;
  void let_go(uint64_t id, std::string_view text, uint8_t announced_epoch) override;

  AccountPtr account_of(const std::string& origin);
  void flush_behind();
  void go_on_postponed();
  void let_leave();

  Router& router_;
  const Clock& clock_;
  SessionsOwner& owner_;
  std::string broker_name_;
  uint64_t next_id_ = 1;
  uint64_t accepted_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Session>> all_;
  // Ids of sessions that wait to be served, the first of them first. An id may be of a session that
  // does not exist any more.
  std::deque<uint64_t> leaving_;      // sessions that are over, and may still follow topics
  std::deque<uint64_t> postponed_;    // sessions whose requests wait
  std::deque<uint64_t> catching_up_;  // sessions that have more to send than fitted into one flush
  std::map<wire::Reason, uint64_t> ends_, goodbyes_;
  Refusals refusals_;
  Unfinished unfinished_;
  // By origin. Entries of accounts that do not exist any more are removed when the map has
  // `accounts_swept_at_` entries.
  std::map<std::string, std::weak_ptr<Account>> accounts_;
  size_t accounts_swept_at_ = 64;
  std::vector<Subscriber*> flushing_;
  ByteVector read_buffer_;
  Flush flush_;
  SessionContext context_;
  Admission admission_;
};

}  // namespace btb
