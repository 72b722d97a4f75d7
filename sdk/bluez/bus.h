// Bus: a connection to the system's D-Bus. It has no loop of its own: the owner polls fd() for
// events(), and calls process() when they come or after timeout_ms(). Nothing here waits for an
// answer.
//
// The messages are those of sd-bus. Only this room includes its headers. Resource; one thread.
// Messages that a callback gets are borrowed until it returns.
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
  // `error` is empty if the call succeeded. Otherwise it is the name and the text of the D-Bus
  // error ("org.bluez.Error.NotPermitted: ..."), and `answer` must not be read: it may be null.
  using Reply = std::function<void(sd_bus_message* answer, const std::string& error)>;
  // Appends the arguments of a call.
  using Build = std::function<void(sd_bus_message* call)>;
  using Heard = std::function<void(sd_bus_message* signal)>;

  // Errors: `unavailable`.
  static Result<std::unique_ptr<Bus>> open_system();
  // For tests: talks to a BlueZ that a test plays at the other end of this socket. Errors: `limit`,
  // `unavailable`.
  static Result<std::unique_ptr<Bus>> over(UniqueFd socket);
  ~Bus();
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  [[nodiscard]] int fd() const;
  [[nodiscard]] short events() const;    // as poll(2) takes them
  [[nodiscard]] int timeout_ms() const;  // -1: no limit
  // Handles all that has come, and calls the callbacks. False once the connection is broken.
  bool process();

  // Calls a method of BlueZ (org.bluez). `then` may be empty. It is called from process() with the
  // answer, or with an error after eight seconds. If the call cannot be sent, `then` is called with
  // an error before this returns. It is not called any more once the Bus is destroyed.
  void call(const std::string& path, const std::string& interface, const std::string& method,
            const Build& build, Reply then);
  void set_property(const std::string& path, const std::string& interface,
                    const std::string& property, bool value, Reply then);
  void set_property(const std::string& path, const std::string& interface,
                    const std::string& property, uint32_t value, Reply then);
  // Calls `heard` from process() for every signal that matches, for as long as the Bus lives. The
  // D-Bus specification describes match rules. A rule that the bus refuses is ignored.
  void listen(const std::string& match, Heard heard);

  // For functions of sd-bus that have no method here. Borrowed.
  [[nodiscard]] sd_bus* raw() { return bus_.get(); }

 private:
  struct Close {
    void operator()(sd_bus* bus) const;
  };
  explicit Bus(sd_bus* bus) : bus_(bus) {}

  std::unique_ptr<sd_bus, Close> bus_;
};

}  // namespace btb::bluez
