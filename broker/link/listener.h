// Listener: one endpoint that is listened on; hands each new connection to its owner. Resource;
// [loop] thread.
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

namespace btb {

class Listener final : private Poll::Events {
 public:
  // Called for each connection. May not destroy the listener.
  using Accepted = std::function<void(UniqueFd fd)>;

  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Endpoint& endpoint,
                                                const ListenOptions& options, Accepted accepted);
  // Removes the file of its unix socket, unless another one has taken its place.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // With the port the system chose, if it was left to it.
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  // False once the file of its unix socket is gone or another one's: whoever looks for it there
  // does not reach it any more.
  [[nodiscard]] bool can_be_found() const { return !file_ || socket_file(endpoint_) == file_; }
  // Connections that could not be taken for want of descriptors; it tries again a moment later.
  [[nodiscard]] uint64_t out_of_descriptors() const { return out_of_descriptors_; }

 private:
  Listener(Loop& loop, UniqueFd fd, Endpoint endpoint, Accepted accepted);
  void on_readable() override;
  void on_writable() override {}

  UniqueFd fd_;
  Endpoint endpoint_;
  std::optional<SocketFile> file_;  // of a unix socket, as it was made
  Accepted accepted_;
  Poll poll_;
  Timer retry_;
  uint64_t out_of_descriptors_ = 0;
};

}  // namespace btb
