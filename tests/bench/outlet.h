// Outlet: the publisher of the load. Resource (the socket); one thread.
#pragma once

#include <cstdint>

#include "sdk/base/unique_fd.h"
#include "tests/bench/conversation.h"
#include "tests/bench/peers/peer.h"

namespace btb::bench {

class Outlet {
 public:
  // Takes over a connection that is ready to publish. At most `window` messages are sent in one
  // piece.
  Outlet(Peer& peer, Conversation conversation, size_t payload_bytes, size_t window);

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Messages published, those included that wait for the kernel to take them.
  [[nodiscard]] uint64_t published() const { return published_; }
  // Nothing waits for the kernel.
  [[nodiscard]] bool idle() const { return waiting_.empty(); }

  // Sends `count` messages in one write. REQUIRES: idle(), count <= window.
  void send_batch(size_t count);
  // Sends one message that says it should have gone out at `intended_ns`; behind what waits,
  // however much that is.
  void send_one(int64_t intended_ns);

  // Sends what waits, as far as the kernel takes it; reads and forgets what the broker answered.
  void turn();
  void keep_alive();

 private:
  void flush();
  void forget_answers();

  Peer& peer_;
  UniqueFd fd_;
  size_t payload_at_;
  ByteVector message_;
  ByteVector batch_;  // `window` times the message
  ByteVector queue_;
  Bytes waiting_;  // of batch_ or queue_
  uint64_t published_ = 0;
};

}  // namespace btb::bench
