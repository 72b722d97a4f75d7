// Bus: a connection to the system's D-Bus, without a loop of its own: whoever has one polls fd()
// for events() and calls process() then, and after timeout_ms(). Nothing here waits for an answer.
//
// The messages are sd-bus's own; only this room includes its headers. Resource; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "sdk/base/result.h"
#include "sdk/base/unique_fd.h"

struct sd_bus;
struct sd_bus_message;

namespace btb::bluez {

class Bus {
 public:
  // The answer, or the reason why there is none: then `error` holds the bus's words for it, first
  // its name ("org.bluez.Error.NotPermitted: ...").
  using Reply = std::function<void(sd_bus_message* answer, const std::string& error)>;
  // Appends the arguments.
  using Build = std::function<void(sd_bus_message* call)>;
  using Heard = std::function<void(sd_bus_message* signal)>;

  static Result<std::unique_ptr<Bus>> open_system();
  // Whoever has the other end of this socket is BlueZ: for tests.
  static Result<std::unique_ptr<Bus>> over(UniqueFd socket);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  [[nodiscard]] int fd() const;
  [[nodiscard]] short events() const;    // as poll(2) takes them
  [[nodiscard]] int timeout_ms() const;  // -1: no limit
  // False once the connection is broken.
  bool process();

  // Calls a method of BlueZ (org.bluez). `then` may be empty. It is called from process(), unless
  // the Bus is gone before.
  void call(const std::string& path, const std::string& interface, const std::string& method,
            const Build& build, Reply then);
  void set_property(const std::string& path, const std::string& interface,
                    const std::string& property, bool value, Reply then);
  void set_property(const std::string& path, const std::string& interface,
                    const std::string& property, uint32_t value, Reply then);
  // Every signal that matches; see the D-Bus specification for match rules.
  void listen(const std::string& match, Heard heard);

  [[nodiscard]] sd_bus* raw() { return bus_.get(); }

 private:
  struct Close {
    void operator()(sd_bus* bus) const;
  };
  explicit Bus(sd_bus* bus) : bus_(bus) {}

  std::unique_ptr<sd_bus, Close> bus_;
};

}  // namespace btb::bluez
