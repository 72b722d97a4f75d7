// Enrolment: BlueZ's pairing agent. It lets devices pair while an operator wants that, and at no
// other time (see also Presence::allow_pairing). Links work without pairing.
//
// Only devices that pair without a code are accepted ("just works"). Codes are refused, because
// nobody sits at this machine to read or type one. Resource; one thread, in which the Bus is
// processed. Borrows the Bus.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sdk/bluez/bus.h"

struct sd_bus_slot;

namespace btb::bluez {

class Enrolment {
 public:
  // As Presence::Events::presence_event. `good`: this change is an improvement.
  using Tell = std::function<void(bool good, const std::string& what, const std::string& text)>;

  Enrolment(Bus& bus, Tell tell);
  // Closes it. The Bus must not be processed any more after this: its callbacks point here.
  ~Enrolment();
  Enrolment(const Enrolment&) = delete;
  Enrolment& operator=(const Enrolment&) = delete;

  // Both may be called at any time. `tell` gets the result, and an error of bluetoothd if one comes
  // later.
  void open();
  void close();
  // For a bluetoothd that was started again: it does not know the agent. Does nothing if closed.
  void register_again();
  [[nodiscard]] bool is_open() const { return agent_ != nullptr; }

 private:
  void device_changed(const std::string& path, struct sd_bus_message* properties);

  Bus& bus_;
  Tell tell_;
  sd_bus_slot* agent_ = nullptr;
};

}  // namespace btb::bluez
