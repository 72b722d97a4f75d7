// Endpoints: where the broker listens: those that are open, and those that wait for something
// outside (a Bluetooth adapter, an address of the network, a folder) and are tried again.
//
// A unix socket whose file was removed is made again. Resource; [loop] thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/app/config.h"
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
  // A thread looks the name of a host up, for the system's resolver may take long. The thread holds
  // it, too: nobody waits for it at the end.
  struct NameAsked {
    std::optional<Addresses> addresses;  // of the loop thread once `done` is set
    std::atomic<bool> done = false;
  };
  struct Waiting {
    ListenerConfig config;
    std::string why;
    uint64_t retry_ms = 0;                       // when it is tried again
    std::shared_ptr<NameAsked> name_asked = {};  // while its name is looked up
  };
  // Of a configuration that may still be refused.
  struct Fresh {
    std::vector<Open> open;
    std::vector<Waiting> waiting;
  };

  class Events {
   public:
    virtual void connected(const ListenerConfig& config, UniqueFd fd) = 0;
    // `event` is a word of the log. `good`: for the better.
    virtual void endpoint_event(bool good, std::string_view event, const std::string& endpoint,
                                const std::string& text) = 0;

   protected:
    ~Events() = default;
  };

  // As Listener::open; tests have others.
  using Opener = std::function<Result<std::unique_ptr<Listener>>(
      Loop&, const Endpoint&, const ListenOptions&, Listener::Accepted)>;
  // As btb::look_up; called on a thread of its own.
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

  // Opens those that can be; what may still come waits. An error if one of them can never be opened
  // as it is, or if none is open and something else than Bluetooth is missing. May block for the
  // look-up of a host's name; nothing else here does.
  Result<void> start(const std::vector<ListenerConfig>& all);
  // For a reload: opens what is neither open nor waiting yet. What is wrong goes to `faults`. A
  // host's name that has to be looked up waits.
  Fresh prepare(const std::vector<ListenerConfig>& added, std::vector<std::string>& faults);
  // Takes over what was prepared and the rules of `all`; what is not in `all` is closed.
  void take(Fresh fresh, const std::vector<ListenerConfig>& all);
  // Once a second: tries what waits, and looks whether sockets can still be found. Whether
  // something was opened or closed.
  bool tick();
  void close_all();

  [[nodiscard]] const std::vector<Open>& open() const { return open_; }
  [[nodiscard]] const std::vector<Waiting>& waiting() const { return waiting_; }
  // Connections that could not be taken for want of descriptors, since the start.
  [[nodiscard]] uint64_t out_of_descriptors() const;

 private:
  Result<Open> try_open(const ListenerConfig& config, std::vector<std::string> addresses = {});
  // Nothing while the name of its host is looked up.
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
