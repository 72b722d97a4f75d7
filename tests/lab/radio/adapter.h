// Adapter: one controller and its cable to the kernel: an open /dev/vhci, which makes it hciN here.
// Pulling the plug closes it; plugging it in again brings the same controller, with its address,
// as a new device. Resource; one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sdk/base/unique_fd.h"
#include "tests/lab/radio/capture.h"
#include "tests/lab/radio/controller.h"

namespace btb::lab {

class Adapter final : private HostPort {
 public:
  // `capture_path` may be empty: nothing is recorded.
  Adapter(Air& air, Address address, std::string capture_path);

  Result<void> plug_in();
  void unplug();

  // The descriptor to poll for reading; -1 while it is unplugged.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Takes the packets the kernel has for it.
  void read();

  [[nodiscard]] const Address& address() const { return address_; }
  // The N of its hciN; -1 while it is unplugged.
  [[nodiscard]] int index() const { return index_; }
  // Null while it is unplugged.
  [[nodiscard]] Controller* controller() { return controller_.get(); }

 private:
  void to_host(hci::Type type, Bytes packet) override;
  void record(hci::Type type, Bytes packet, bool to_host);

  Air& air_;
  const Address address_;
  const std::string capture_path_;
  std::optional<Capture> capture_;
  UniqueFd fd_;
  int index_ = -1;
  std::unique_ptr<Controller> controller_;
};

}  // namespace btb::lab
