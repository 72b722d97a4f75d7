// Endpoints: the endpoints that the broker listens on. Some are open. Others wait for something
// outside the broker (a Bluetooth adapter, a network address, a folder), and are tried again every
// few seconds.
//
// If the file of a unix socket was removed, the socket is made again. Resource; [loop] thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/config/config.h"
#include "broker/link/listener.h"
#include "broker/loop/loop.h"
#include "sdk/base/clock.h"
#include "sdk/transport/socket.h"

namespace btb {

class Endpoints {
 public:
  struct Open {
    ListenerConfig config;
    std::unique_ptr<Listener> listener;
  };
  using Addresses = Result<std::vector<std::string>>;
  // A look-up of a host's name. The system's resolver may take long, so a thread of its own does
  // it. The thread shares this object. So the object may be dropped while the thread still runs.
  struct NameAsked {
    std::optional<Addresses> addresses;  // the thread's; once `done` is set, the loop's
    std::atomic<bool> done = false;
  };
  struct Waiting {
    ListenerConfig config;
    std::string why;                             // it could not be opened, for an operator
    uint64_t retry_ms = 0;                       // the time of the next attempt (monotonic clock)
    std::shared_ptr<NameAsked> name_asked = {};  // null: no look-up is running
  };
  // The new endpoints of a configuration that may still be refused. If it is dropped, they are
  // closed again.
  struct Fresh {
    std::vector<Open> open;
    std::vector<Waiting> waiting;
  };

  class Events {
   public:
    virtual void connected(const ListenerConfig& config, std::unique_ptr<Stream> stream) = 0;
    // An event for the journal. `event` is its word, `text` is for people. `good`: this change is
    // an improvement.
    virtual void endpoint_event(bool good, std::string_view event, const std::string& endpoint,
                                const std::string& text) = 0;

   protected:
    ~Events() = default;
  };

  // Listener::open. Tests put others in its place.
  using Opener = std::function<Result<std::unique_ptr<Listener>>(
      Loop&, const Endpoint&, const ListenOptions&, Listener::Accepted)>;
  // btb::look_up. It is called on a thread of its own.
  using LookUp = std::function<Addresses(const Endpoint&)>;

  // All of these outlive the Endpoints.
  Endpoints(Loop& loop, const Clock& clock, Events& events, Opener opener = &Listener::open,
            LookUp look_up = &btb::look_up)
      : loop_(loop),
        clock_(clock),
        events_(events),
        opener_(std::move(opener)),
        look_up_(std::move(look_up)) {}
  Endpoints(const Endpoints&) = delete;
  Endpoints& operator=(const Endpoints&) = delete;

  // Opens the endpoints. One that cannot be opened yet, because something is missing, waits. Fails
  // if an endpoint is in use, forbidden or wrong, or if none could be opened and one of them waits
  // for something other than Bluetooth. May block while it looks up the name of a host; no other
  // function here blocks.
  Result<void> start(const std::vector<ListenerConfig>& all);
  // The first step of a reload: opens the endpoints of `added` that are neither open nor waiting
  // yet. An endpoint that is wrong adds a text to `faults`. One with the name of a host waits until
  // the name was looked up. The open endpoints do not change.
  Fresh prepare(const std::vector<ListenerConfig>& added, std::vector<std::string>& faults);
  // The second step: takes in what `prepare` returned, closes the endpoints that are not in `all`,
  // and gives the others their configuration from `all`.
  void take(Fresh fresh, const std::vector<ListenerConfig>& all);
  // Call it once a second. Tries the endpoints that wait, and makes a unix socket again if its file
  // is gone. True if an endpoint was opened or closed.
  bool tick();
  void close_all();

  [[nodiscard]] const std::vector<Open>& open() const { return open_; }
  [[nodiscard]] const std::vector<Waiting>& waiting() const { return waiting_; }
  // How often, since the start, a connection could not be accepted because the process had no
  // descriptor left.
  [[nodiscard]] uint64_t out_of_descriptors() const;

 private:
  Result<Open> try_open(const ListenerConfig& config, std::vector<std::string> addresses = {});
  // No value while the name of its host is looked up.
  std::optional<Result<Open>> try_again(Waiting& one);
  [[nodiscard]] std::shared_ptr<NameAsked> ask_for_name(const std::string& endpoint) const;
  void add(Open open);
  void wait_for(const ListenerConfig& config, const Error& why);
  void close(const Open& open) { out_of_descriptors_gone_ += open.listener->out_of_descriptors(); }
  bool look_at_files();
  [[nodiscard]] bool is_known(const std::string& endpoint) const;

  Loop& loop_;
  const Clock& clock_;
  Events& events_;
  Opener opener_;
  LookUp look_up_;
  std::vector<Open> open_;
  std::vector<Waiting> waiting_;
  uint64_t out_of_descriptors_gone_ = 0;  // of listeners that are closed
};

}  // namespace btb
