// Conversation: one connection of the load while it shakes hands: says something, waits for the
// answer. Afterwards its socket goes into the loop that measures. Resource; one thread.
#pragma once

#include <string>

#include "sdk/base/bytes.h"
#include "sdk/base/unique_fd.h"

namespace btb::bench {

class Conversation {
 public:
  // Connects; whatever goes wrong here or below fails the program (tests/bench/options.h).
  explicit Conversation(const std::string& endpoint);

  // Sends all of it, waiting as long as it takes (up to 10 s of no progress).
  void say(Bytes bytes);
  void say(std::string_view text) { say(as_bytes(text)); }

  // Waits for more bytes; fails after 10 s without any, and when the other side closes.
  void listen();
  // What came and was not consumed; begins at a multiple of 8 if all that was consumed was a
  // multiple of 8.
  [[nodiscard]] Bytes heard() const { return Bytes(heard_).subspan(consumed_); }
  void consume(size_t bytes);
  // Waits until the next bytes are there, and takes them; fails if others come.
  void expect(std::string_view text);
  // Waits for a line that ends with "\r\n" and takes it.
  std::string line();

  [[nodiscard]] int fd() const { return fd_.get(); }
  // The socket, and behind heard() whatever came early: the conversation is over.
  UniqueFd release() { return std::move(fd_); }

 private:
  UniqueFd fd_;
  ByteVector heard_;
  size_t consumed_ = 0;
};

}  // namespace btb::bench
