// Admission: which connection gets a place, which client waits without a place, and which one is
// told "full". All limits on the number of sessions are applied here.
//
// A place is taken from the moment a connection comes in until its session closes. There are places
// of the broker, of each peer, and, over Bluetooth, of each adapter. A client that has been idle
// for long can let go of its place: the broker ends its session, and calls it back over the air
// when there is news for it. Admission sends nothing itself: it tells `Guests` what to do.
//
// admission.cc decides which newcomer gets a place, adapter_places.cc decides on the places of an
// adapter. Resource, owned by Sessions; [loop] thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/admission/recall.h"
#include "broker/routing/router.h"
#include "sdk/base/clock.h"
#include "sdk/base/limits.h"

namespace btb {

struct AdmissionLimits {
  uint32_t sessions = limits::sessions_max;
  uint32_t sessions_per_peer = limits::sessions_per_peer_max;
  uint32_t sessions_per_device = limits::sessions_per_device_max;
  uint32_t sessions_per_adapter = limits::sessions_per_adapter_max;
  // Descriptors with this number or a higher one are not for clients. The system gives the lowest
  // free number, so a connection with such a number came when all lower ones were in use.
  int descriptors = std::numeric_limits<int>::max();
  uint32_t handshakes = limits::handshakes_max;
  uint32_t let_go_after_ms = limits::let_go_after_ms;
};

// The limit that left no place for a session. For each of them, the session ends with `full`.
enum class NoPlace : uint8_t {
  sessions,
  handshakes,
  peer,
  device,
  descriptors,
  adapter,
  reserved,  // the session has a place for commands, and wanted more
};
// The limit's name in the configuration.
std::string_view name_of(NoPlace why);

// A connection, as the kernel describes it.
struct Guest {
  std::string origin{};   // guests with the same origin share limits: see origin_of; may be empty
  std::string adapter{};  // address of the Bluetooth adapter it came in at; empty: none
  std::string device{};   // address of the Bluetooth device at the other end
  bool classic = false;   // over BR/EDR
  bool is_operator = false;  // root or the broker's own user, on this machine
  int descriptor = 0;
};

// The answer to a client that gets no place.
struct Refusal {
  NoPlace why = NoPlace::sessions;
  std::string text;
  std::vector<std::string> elsewhere{};  // endpoints where there is a place, as btsub -b takes them
};

// The side of Sessions that admission uses. `id` is the one that the guest arrived with.
class Guests {
 public:
  // How long the session has been idle, in ms. 0 if it cannot let go of its place.
  [[nodiscard]] virtual uint64_t idle_ms(uint64_t id) const = 0;
  // The topics and filters of the session. Valid until the session is destroyed.
  [[nodiscard]] virtual const Subscriber& subscriber(uint64_t id) const = 0;
  // From now on the session can send commands and nothing else.
  virtual void keep_for_commands(uint64_t id) = 0;
  // Closes the session with the reason `full`. Calls Admission::left.
  virtual void refuse(uint64_t id, const Refusal& refusal) = 0;
  // Closes the session with the reason `let_go`. Calls Admission::left. The client comes back when
  // the broker announces another epoch than this one.
  virtual void let_go(uint64_t id, std::string_view text, uint8_t announced_epoch) = 0;

 protected:
  ~Guests() = default;
};

// The Bluetooth side of the broker that admission uses.
class Air {
 public:
  struct Adapter {
    std::string address;
    std::vector<std::string> endpoints;  // where the broker listens there, as btsub -b takes them
  };
  // Whether clients that let go are called back at this adapter.
  [[nodiscard]] virtual bool calls_back(const std::string& adapter) const = 0;
  // The adapters that are switched on.
  [[nodiscard]] virtual std::vector<Adapter> adapters() const = 0;

 protected:
  ~Air() = default;
};

class Admission {
 public:
  // All of these must outlive the Admission.
  Admission(Router& router, const Clock& clock, Guests& guests);
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  AdmissionLimits limits;
  const Air* air = nullptr;  // borrowed; null: no Bluetooth, and no client is called back

  // --- called by Sessions ---

  // A connection came in; its client has said nothing yet. If the newcomer's own peer or adapter is
  // full, the newcomer is refused. If another limit is reached, one connection that has not said
  // hello is refused: the oldest one of the peer with the most of them. That may be the newcomer.
  // An operator is not refused when its peer or the broker is full: it gets a place for commands
  // only.
  void arrived(uint64_t id, Guest guest);
  // The client said hello. False if there is no place at its adapter: then it was refused.
  bool said_hello(uint64_t id);
  // The session has a place for commands and wanted more: refuses it.
  void wants_more(uint64_t id);
  // The session closes, or was closed. Nothing happens if it left before.
  void left(uint64_t id);
  // Looks for news for the clients that let go. Call it about once a second.
  void tick();

  // --- places at Bluetooth adapters ---

  // An adapter with seven BR/EDR links refuses an eighth device, and the broker does not hear of
  // it. So when there are that many `links`, the device that has been idle longest lets go of its
  // place before another device needs it. All its sessions must have been idle for far longer than
  // let_go_after_ms. If the same device takes the place again, no device is asked for a while, and
  // each time in a row for twice as long.
  void keep_place_open(const std::string& adapter, size_t links);
  // How many newcomers would get a place at an adapter: the free places, or, if there are none, the
  // places of idle clients.
  [[nodiscard]] size_t places_for_newcomers(const std::string& adapter) const;
  // Whether a device has a session at an adapter, both by address.
  [[nodiscard]] bool has(std::string_view adapter, std::string_view device) const;
  // The epoch to announce over the air. It changes when there is news for clients that let go.
  [[nodiscard]] uint8_t announced_epoch() const { return announced_epoch_; }

  // --- figures ---

  // Sessions that are not closing.
  [[nodiscard]] size_t count() const { return guests_.size(); }
  // How many sessions were refused, by limit.
  [[nodiscard]] const std::map<NoPlace, uint64_t>& turned_away() const { return turned_away_; }

 private:
  struct Entry {
    Guest guest;
    bool silent = true;     // it has not said hello
    bool reserved = false;  // its place is for commands only
  };
  // The device at an adapter that was last made to let go before another one needed its place.
  struct AskedAhead {
    std::string device;
    uint64_t at_ms = 0;
    uint32_t in_vain = 0;  // how many times in a row such a device took its place again
    bool settled = false;  // in_vain counts the last time, too
  };

  // --- newcomers ---
  [[nodiscard]] std::optional<NoPlace> lacks_place(const Guest& newcomer) const;
  [[nodiscard]] uint64_t most_silent(uint64_t newcomer) const;
  void reserve(uint64_t id, Entry& entry);
  // Afterwards `id` is not in guests_ any more.
  void refuse(uint64_t id, const Refusal& refusal);

  // --- places of an adapter ---
  [[nodiscard]] size_t count_on(std::string_view adapter) const;
  [[nodiscard]] size_t free_on(const std::string& adapter) const;
  // How many idle clients at this adapter can be called back.
  [[nodiscard]] size_t idle_on(const std::string& adapter) const;
  // How long the guest has been idle. 0 if it is not at this adapter, or that is not long enough.
  [[nodiscard]] uint64_t can_wait_ms(uint64_t id, const Entry& entry,
                                     std::string_view adapter) const;
  // Makes the client at this adapter let go that has been idle longest. False if no client can.
  bool free_place(const std::string& adapter);
  void let_go(uint64_t id, std::string_view text);
  [[nodiscard]] Refusal adapter_is_full(const std::string& adapter) const;
  [[nodiscard]] std::map<std::string_view, uint64_t> idle_devices(std::string_view adapter) const;

  Router& router_;
  const Clock& clock_;
  Guests& sessions_;
  std::map<uint64_t, Entry> guests_;                   // by id, oldest first
  size_t silent_ = 0;                                  // guests that have not said hello
  std::unordered_map<std::string, uint32_t> origins_;  // guests of each origin
  std::vector<uint64_t> reserved_;                     // guests for commands only, oldest first
  std::map<NoPlace, uint64_t> turned_away_;
  std::map<std::string, AskedAhead> asked_ahead_;  // by adapter
  Recall recall_;
  uint8_t announced_epoch_;
};

}  // namespace btb
