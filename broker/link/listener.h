// Listener: listens on one endpoint, and hands each new connection to its owner. Resource; [loop]
// thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "broker/loop/loop.h"
#include "sdk/base/result.h"
#include "sdk/base/unique_fd.h"
#include "sdk/transport/endpoint.h"
#include "sdk/transport/socket.h"
#include "sdk/transport/stream.h"

namespace btb {

class Listener final : private Poll::Events {
 public:
  // Called for each new connection. It must not destroy the listener.
  using Accepted = std::function<void(std::unique_ptr<Stream> stream)>;

  // Begins to listen; connections come from the next turn on. Fails if the system does not let it
  // listen there; the error says why. `loop` must outlive the listener.
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Endpoint& endpoint,
                                                const ListenOptions& options, Accepted accepted);
  // Removes the file of its unix socket, unless another one has taken its place.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // The endpoint given to `open`; if its port was left to the system, with the port that was
  // chosen.
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  // False if the file of its unix socket was removed, or now belongs to another socket: then
  // clients cannot reach this listener any more. Always true for other endpoints.
  [[nodiscard]] bool can_be_found() const { return !file_ || socket_file(endpoint_) == file_; }
  // How often a connection could not be accepted because the process had no free descriptor. The
  // listener tries again a moment later.
  [[nodiscard]] uint64_t out_of_descriptors() const { return out_of_descriptors_; }

 private:
  Listener(Loop& loop, UniqueFd fd, Endpoint endpoint, Accepted accepted);
  void on_readable() override;
  void on_writable() override {}

  UniqueFd fd_;
  Endpoint endpoint_;
  std::optional<SocketFile> file_;  // the file of a unix socket, as it was when it was made
  Accepted accepted_;
  Poll poll_;
  Timer retry_;
  uint64_t out_of_descriptors_ = 0;
};

}  // namespace btb
