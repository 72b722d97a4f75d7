// Enrolment: the agent that lets devices pair while an operator wants it, and at no other time (see
// also Presence::allow_pairing). Links do not need it; what an operator wants with paired devices
// is for the layers above.
//
// Only devices that pair without a code are taken ("just works"); codes are refused, because nobody
// looks at this machine. Resource; one thread, in which the Bus is processed. Borrows the Bus and
// the events.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sdk/bluez/bus.h"

struct sd_bus_slot;

namespace btb::bluez {

class Enrolment {
 public:
  // `good`: for the better. As Presence::Events::presence_event.
  using Tell = std::function<void(bool good, const std::string& what, const std::string& text)>;

  Enrolment(Bus& bus, Tell tell);
  // Closes it. No signal may come from the bus after it.
  ~Enrolment();
  Enrolment(const Enrolment&) = delete;
  Enrolment& operator=(const Enrolment&) = delete;

  // What becomes of it is told.
  void open();
  void close();
  // bluetoothd was started anew, and knows nothing of the agent.
  void register_again();
  [[nodiscard]] bool is_open() const { return agent_ != nullptr; }

 private:
  void device_changed(const std::string& path, struct sd_bus_message* properties);

  Bus& bus_;
  Tell tell_;
  sd_bus_slot* agent_ = nullptr;
};

}  // namespace btb::bluez
