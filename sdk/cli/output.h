// Output: bytes on their way to a file descriptor that is not ours, usually standard output.
// Collects, and writes with as few system calls as possible when told. A reader that went away is
// not an error but the end. Resource; one thread.
#pragma once

#include <string>

namespace btb::cli {

class Output {
 public:
  // `fd` is borrowed.
  explicit Output(int fd) : fd_(fd) {}

  // To be appended to; flush() empties it.
  std::string& buffer() { return buffer_; }
  // Writes all of it, waiting for a slow reader. False if there is no reader any more or writing
  // failed.
  bool flush();
  // As flush, once more than `bytes` are waiting.
  bool flush_above(size_t bytes) { return buffer_.size() <= bytes || flush(); }

  [[nodiscard]] bool closed() const { return closed_; }
  // Writing failed for another reason than a reader that went away: errno then; otherwise 0.
  [[nodiscard]] int fault() const { return fault_; }

 private:
  int fd_;
  std::string buffer_;
  bool closed_ = false;
  int fault_ = 0;
};

}  // namespace btb::cli
