// LineWriter: writes lines to a descriptor that may be stuck (a stopped terminal, a pipe nobody
// reads), so that whoever hands them in never waits.
//
// A thread of its own writes. Making the descriptor non-blocking would do without one, but
// O_NONBLOCK belongs to the open file, not to the descriptor: standard error is shared with the
// shell and with all that was started beside us, and their output would fail with EAGAIN. An
// asynchronous logger of spdlog waits for its thread when it is destroyed, for ever if that one is
// stuck, and tells neither when nor where lines are missing.
//
// What waits is bounded. The lines that come while there is no room are lost and counted, and once
// there is room again their number is written in their place. Of a process that aborts, the lines
// that wait are lost, too: the thread is at most a moment behind unless it is stuck. Resource.
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
  size_t waiting_bytes_max = 1U << 20;  // and one line; as much again is in the thread's hands
  uint32_t close_wait_ms = 500;         // how long the destructor waits for the last lines
};

class LineWriter {
 public:
  // The line that says that `count` are missing; with its newline. Called on the writer's thread,
  // which may outlive the LineWriter: it owns what it uses.
  using LostLine = std::function<std::string(uint64_t count)>;

  // `fd` is duplicated. If that cannot be, all lines are lost.
  LineWriter(int fd, LostLine lost_line, const LineWriterLimits& limits = {});
  // Waits until all is written, at most close_wait_ms; a thread that is stuck is left alone, and
  // ends with the process or after its last write.
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // `line` ends with its only newline. Never waits for the descriptor. [any]
  void write(std::string_view line);
  // Lines that were not written, and will not be. [any]
  [[nodiscard]] uint64_t lost() const;

 private:
  struct Shared;
  static void run(Shared& shared);

  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace btb
