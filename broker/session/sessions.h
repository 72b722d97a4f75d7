// Sessions: all clients of the broker: takes in connections, flushes once a turn, watches the
// clock, remembers why each session ended. Owns the buffers that all of them share, so that an idle
// session costs little. Resource; [loop] thread.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "broker/session/away.h"
#include "broker/session/flush.h"
#include "broker/session/session.h"

namespace btb {

struct SessionLimits {
  uint32_t sessions = limits::sessions_max;
  uint32_t sessions_per_peer = limits::sessions_per_peer_max;
  uint32_t sessions_per_device = limits::sessions_per_device_max;
  // Numbers of descriptors from here on are not for clients. The system gives the lowest that is
  // free, so a connection that gets one of them came when all below were in use, by whomever.
  int descriptors = std::numeric_limits<int>::max();
  uint32_t handshakes = limits::handshakes_max;
  uint32_t subscriptions_per_session = limits::subscriptions_per_session_max;
  uint32_t message_bytes = limits::message_bytes_max;
  uint32_t handshake_timeout_ms = limits::handshake_timeout_ms;
  uint32_t keep_alive_ms = limits::keep_alive_ms;
  uint32_t flush_budget_bytes = limits::flush_budget_bytes;
  uint32_t let_go_after_ms = limits::let_go_after_ms;
  // Topics, rows and filters looked at in one turn: for the requests of one session, and for those
  // of all together. What is more waits for the next turn.
  uint32_t request_work = limits::request_work_per_turn;
  uint32_t turn_work = limits::turn_work;
  // For all sessions that are behind together, in one turn.
  uint32_t catch_up_budget_bytes = limits::catch_up_budget_bytes;
};

// The answer to a command. `body` is JSON.
struct CommandResult {
  wire::Reason reason = wire::Reason::none;
  std::string text;
  std::string body;
};

// Which limit left no place for a session; all of them end with `full`.
enum class NoPlace : uint8_t {
  sessions,
  handshakes,
  peer,
  device,
  descriptors,
  adapter,
  reserved,  // it was let in for commands only
};
// As the limit is called in the configuration.
std::string_view name_of(NoPlace why);

// Why a session is over.
struct SessionEnd {
  enum class By : uint8_t {
    broker,      // it said goodbye with this reason
    client,      // the client did: reason and text are its own words
    connection,  // nobody said goodbye
  };
  wire::Reason reason = wire::Reason::none;
  By by = By::broker;
  std::string_view text;  // borrowed
};
std::string_view name_of(SessionEnd::By by);

// What the application does for the sessions.
class SessionsOwner {
 public:
  virtual CommandResult command(const std::string& verb,
                                const std::vector<std::string>& arguments) = 0;
  // Before a session is welcomed: whether it has a place. If not, it was turned away.
  virtual bool has_place(const Session&) { return true; }
  virtual void session_opened(const Session& session) = 0;
  virtual void session_ended(const Session& session, const SessionEnd& end) = 0;

 protected:
  ~SessionsOwner() = default;
};

class Sessions {
 public:
  // All of these outlive the Sessions.
  Sessions(Loop& loop, Router& router, const Clock& clock, SessionsOwner& owner,
           std::string broker_name);
  ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  SessionLimits limits;
  uint16_t site = 0;  // as it is announced over the air; see bluez::site_of

  // A new connection. If there is no place, the oldest that has not said hello, of the peer with
  // the most of those, ends with `full`; the newcomer itself if all others have said hello, or if
  // its own peer has too many sessions. An operator is let in all the same, for commands only.
  void adopt(UniqueFd fd, SessionTraits traits);
  // A new connection for which there is no place: it ends with `full`, these words and the
  // endpoints where there is one.
  void turn_away(UniqueFd fd, SessionTraits traits, std::string_view text,
                 std::vector<std::string> elsewhere);
  // The same for one that is here already.
  void turn_away(uint64_t id, std::string_view text, std::vector<std::string> elsewhere);
  // Asks the one at this adapter that has been idle longest, if that is let_go_after_ms, to let go
  // of its place until there is something new for it. Whether there was one.
  bool free_place(std::string_view adapter);
  // An adapter with seven BR/EDR links refuses an eighth device before anybody here hears of it. So
  // when it has so many, the device whose sessions have all been idle longest, and for far longer
  // than let_go_after, lets go of its place before somebody asks for it. If it is back before
  // anybody took the place, all are left in peace for a while, twice as long each time.
  void keep_place_open(std::string_view adapter, size_t links);
  // How many could be asked so.
  [[nodiscard]] size_t idle_on(std::string_view adapter) const;
  // Announced over the air; another one whenever there is something new for those that let go.
  [[nodiscard]] uint8_t announced_epoch() const { return announced_epoch_; }
  // Writes for everyone who has something to read, and frees what ended. True if somebody has more
  // to write and could.
  bool flush();
  // Once a second or so.
  void tick();

  // Ends one session; false if there is none of this number.
  bool kick(uint64_t id, std::string_view text);
  // Ends all that came in at this listener.
  void close_listener(const std::string& listener);
  // A reload changed whether clients of this listener may publish.
  void allow_publishing(const std::string& listener, bool allowed);
  void close_all(wire::Reason reason, std::string_view text, uint32_t retry_after_ms);

  [[nodiscard]] size_t count() const { return all_.size(); }
  [[nodiscard]] uint64_t accepted() const { return accepted_; }
  // Those that came in at this Bluetooth adapter and are not closing.
  [[nodiscard]] size_t count_on(std::string_view adapter) const;
  // Whether one is here that a device has at this adapter and that is not closing, both by address.
  [[nodiscard]] bool has(std::string_view adapter, std::string_view device) const;
  void for_each(const std::function<void(const Session&)>& visit) const;
  [[nodiscard]] Unfinished& unfinished() { return unfinished_; }
  // How many ended for each reason that the broker has seen itself; a client that said goodbye
  // counts as `normal`, whatever it named.
  [[nodiscard]] const std::map<wire::Reason, uint64_t>& ends() const { return ends_; }
  // How many clients said goodbye with each reason.
  [[nodiscard]] const std::map<wire::Reason, uint64_t>& goodbyes() const { return goodbyes_; }
  // How many sessions there was no place for, by the limit.
  [[nodiscard]] const std::map<NoPlace, uint64_t>& turned_away() const { return turned_away_; }
  // How many requests and messages of clients were refused for each reason.
  [[nodiscard]] const Refusals& refusals() const { return refusals_; }

 private:
  friend class Session;
  friend class Flush;

  AccountPtr account_of(const std::string& origin);
  Session& add(UniqueFd fd, SessionTraits traits);
  void ended(Session& session, const SessionEnd& end);
  // For how long it has been idle, if it is at this adapter and has been for long enough; else 0.
  [[nodiscard]] uint64_t can_wait_ms(const Session& session, std::string_view adapter) const;
  void ask_to_let_go(Session& session, std::string_view text);
  [[nodiscard]] std::optional<NoPlace> lacks_place(const Session& newcomer, int fd) const;
  Session& most_silent(Session& newcomer);
  void reserve_place(Session& session);
  void refuse_reserved(Session& session);
  void shed(Session& session, NoPlace why, std::string_view text,
            std::vector<std::string> elsewhere = {});
  // Up to which of the router's work() a session may go on now.
  [[nodiscard]] uint64_t share_until() const {
    return std::min(router_.work() + limits.request_work, turn_until_);
  }
  // It has more to read than it was sent: it is served behind the others, in its turn.
  void catch_up(Session& session);
  void flush_behind();
  void go_on_postponed();
  void let_leave();

  Loop& loop_;
  Router& router_;
  const Clock& clock_;
  SessionsOwner& owner_;
  std::string broker_name_;
  uint64_t next_id_ = 1;
  uint64_t accepted_ = 0;
  uint32_t open_ = 0;                        // those that are not closing
  std::map<uint64_t, Session*> handshakes_;  // by id: those that have not said hello, oldest first
  uint64_t now_ms_ =
      0;  // the time, as of the last event: precise enough for all that is done with it
  int64_t now_us_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<Session>> all_;
  // By id, each served in its turn and, if it is not done then, put to the end again.
  std::deque<uint64_t> leaving_;      // that ended, and still follow topics
  std::deque<uint64_t> postponed_;    // whose requests wait
  std::deque<uint64_t> catching_up_;  // that have much to read
  uint64_t turn_until_ = UINT64_MAX;  // of the router's work(): where the share of all is used up
  std::unordered_map<std::string, uint32_t> origins_;  // how many of each are not closing
  std::vector<Session*> reserved_;                     // in places for operators, oldest first
  std::map<NoPlace, uint64_t> turned_away_;
  std::map<wire::Reason, uint64_t> ends_, goodbyes_;
  Refusals refusals_;
  Unfinished unfinished_;
  std::map<std::string, std::weak_ptr<Account>>
      accounts_;                   // by origin; those that nobody holds, too
  size_t accounts_swept_at_ = 64;  // so many of them
  Away away_;
  // By adapter: the last one that was asked to keep a place open.
  struct AskedAhead {
    std::string device;
    uint64_t at_ms = 0;
    uint32_t in_vain = 0;  // times without a break, this one included once it is settled
    bool settled = false;
  };
  std::map<std::string, AskedAhead> asked_ahead_;
  uint8_t announced_epoch_;
  std::vector<Subscriber*> flushing_;
  ByteVector read_buffer_;
  Flush flush_;
};

}  // namespace btb
