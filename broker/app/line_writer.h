// LineWriter: writes lines to a descriptor that may be stuck (a stopped terminal, a pipe that
// nobody reads). The caller never waits.
//
// A thread of its own writes. A non-blocking descriptor would need no thread. But O_NONBLOCK
// belongs to the open file, not to the descriptor. Standard error is shared with the shell and with
// the other programs started from it, and their output would fail with EAGAIN. The asynchronous
// logger of spdlog does not help: its destructor waits for its thread, for ever if the thread is
// stuck, and it does not say when or where lines are missing.
//
// The memory for waiting lines is bounded. Lines that come while it is full are lost and counted. A
// line with their number is written later, where they are missing. If the process aborts, the
// waiting lines are lost, too. These are few: the thread is only a moment behind, unless it is
// stuck. Resource.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace btb {

struct LineWriterLimits {
  // The last line that is taken may exceed it. The thread may hold as many bytes once more.
  size_t waiting_bytes_max = 1U << 20;
  uint32_t close_wait_ms = 500;  // the destructor waits so long for the last lines
};

class LineWriter {
 public:
  // Makes the line that says that `count` lines are missing, with its newline. It is called on the
  // writer's thread, which may outlive the LineWriter. So it must own everything it uses.
  using LostLine = std::function<std::string(uint64_t count)>;

  // `fd` is duplicated. If this fails, all lines are lost and counted.
  LineWriter(int fd, LostLine lost_line, const LineWriterLimits& limits = {});
  // Waits until all lines are written, at most close_wait_ms. A stuck thread is left alone. It ends
  // after its last write, or with the process.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // `line` ends with a newline and has no other one. It is copied. Never waits for the descriptor.
  // [any]
  void write(std::string_view line);
  // The number of lines that were lost. [any]
  [[nodiscard]] uint64_t lost() const;

 private:
  struct Shared;
  static void run(Shared& shared);

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace btb
