// Output: collects bytes for a file descriptor, usually standard output, and writes them with few
// system calls when flush() is called. It is not an error if the reader goes away: it is the end.
// Resource; one thread.
#pragma once

#include <string>

namespace btb::cli {

class Output {
 public:
  // `fd` is borrowed.
  explicit Output(int fd) : fd_(fd) {}

  // To be appended to; flush() empties it.
  std::string& buffer() { return buffer_; }
  // Writes the whole buffer and empties it. Blocks while the reader is slow. False if the reader
  // has gone away or writing failed.
  bool flush();
  // Flushes if more than `bytes` are in the buffer.
  bool flush_above(size_t bytes) { return buffer_.size() <= bytes || flush(); }

  [[nodiscard]] bool closed() const { return closed_; }
  // errno if writing failed. 0 if it did not, or if the reader has gone away.
  [[nodiscard]] int fault() const { return fault_; }

 private:
  int fd_;
  std::string buffer_;
  bool closed_ = false;
  int fault_ = 0;
};

}  // namespace btb::cli
