// Link: one connected socket, non-blocking. Reads into a buffer that is given, writes ranges that
// are given, and tells its owner when either can go on. Knows nothing of frames. Resource, owned by
// its session; [loop] thread.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <span>
#include <string>

#include "broker/loop/loop.h"
#include "sdk/base/bytes.h"
#include "sdk/base/unique_fd.h"

namespace btb {

// What a read or write came to. `bytes` counts only with `ok`.
struct LinkResult {
  enum class Status : uint8_t { ok, would_block, closed, failed } status = Status::ok;
  size_t bytes = 0;
  int error = 0;  // errno, with `failed`
};

class Link {
 public:
  // `events` are told from the next turn on: readable at once, writable when asked for.
  Link(Loop& loop, UniqueFd fd, Poll::Events& events);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Reads once, as much as there is and fits. Where the socket carries messages, there is room for
  // the largest: the rest would be lost.
  LinkResult read(MutableBytes buffer);
  // Writes once; fewer bytes than given mean that the socket takes no more now.
  LinkResult write(std::span<const iovec> ranges);

  void want_readable(bool wanted);
  void want_writable(bool wanted);
  // Says that nothing more will be written; what was written is still delivered.
  void shutdown();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Of one write; 0: any number.
  [[nodiscard]] uint32_t message_bytes_max() const { return message_bytes_max_; }

 private:
  LinkResult write_message(std::span<const iovec> ranges);

  UniqueFd fd_;                       // closed after poll_ has let go of it
  const uint32_t message_bytes_max_;  // of one write; 0: any number
  Poll poll_;
  bool readable_ = true;
  bool writable_ = false;
};

}  // namespace btb
