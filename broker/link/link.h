// Link: one stream on the loop. Reads into a buffer of its owner, writes ranges of its owner, and
// tells the owner when it can read or write again. It knows nothing of frames. Resource, owned by
// its session; [loop] thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "broker/loop/loop.h"
#include "sdk/transport/stream.h"

namespace btb {

class Link {
 public:
  // `events` must outlive the link. It is called from the next turn on: on_readable from the start,
  // on_writable only after want_writable(true).
  Link(Loop& loop, std::unique_ptr<Stream> stream, Poll::Events& events);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // These do what Stream says. No call blocks.
  IoResult read(MutableBytes buffer) { return stream_->read(buffer); }
  IoResult write(std::span<const iovec> ranges) { return stream_->write(ranges); }
  void shutdown() { stream_->shutdown(); }
  [[nodiscard]] uint32_t packet_bytes_max() const { return packet_bytes_max_; }

  // Which events `events` gets from now on.
  void want_readable(bool wanted);
  void want_writable(bool wanted);

 private:
  const std::unique_ptr<Stream> stream_;  // closed after poll_ has let go of it
  const uint32_t packet_bytes_max_;
  Poll poll_;
  bool readable_ = true;
  bool writable_ = false;
};

}  // namespace btb
