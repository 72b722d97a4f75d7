// The state that both threads share; the side of the callers; the writer's thread (`run`).
#include "broker/app/line_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <utility>

#include "sdk/base/unique_fd.h"

namespace btb {

namespace {

// Returns how many of `lines` could not be written. A line that was written in part counts, too.
uint64_t write_lines(int fd, std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = ::write(fd, lines.data(), lines.size());
    if (written >= 0) {
      lines.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {  // somebody else made it non-blocking
      pollfd writable{fd, POLLOUT, 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return static_cast<uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
    }
  }
  return 0;
}

// The loop handles the signals. A closed pipe is seen by EPIPE, so SIGPIPE is not needed.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

// The state that both threads share. It lives as long as the one that ends last.
struct LineWriter::Shared {
  Shared(UniqueFd fd_in, LostLine lost_line_in, const LineWriterLimits& limits_in)
      : fd(std::move(fd_in)), lost_line(std::move(lost_line_in)), limits(limits_in) {}

  const UniqueFd fd;
  const LostLine lost_line;
  const LineWriterLimits limits;

  std::mutex mutex;
  std::condition_variable changed;
  std::string waiting;       // whole lines
  uint64_t lost = 0;         // lines, since the start
  uint64_t lost_unsaid = 0;  // lost lines that no lost_line has counted yet
  bool closing = false;      // the destructor waits
  bool ended = false;        // the thread has written everything
};

LineWriter::LineWriter(int fd, LostLine lost_line, const LineWriterLimits& limits)
    : shared_(std::make_shared<Shared>(UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)),
                                       std::move(lost_line), limits)),
      thread_([shared = shared_] { run(*shared); }) {}

LineWriter::~LineWriter() {
  std::unique_lock lock(shared_->mutex);
  shared_->closing = true;
  shared_->changed.notify_all();
  const auto wait = std::chrono::milliseconds(shared_->limits.close_wait_ms);
  const bool ended = shared_->changed.wait_for(lock, wait, [this] { return shared_->ended; });
  lock.unlock();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void LineWriter::write(std::string_view line) {
  const std::lock_guard lock(shared_->mutex);
  // The length of `line` does not matter. So after a lost line, all lines are lost until the thread
  // takes the waiting ones, and the line about them stands where they are missing.
  if (shared_->waiting.size() >= shared_->limits.waiting_bytes_max) {
    ++shared_->lost;
    ++shared_->lost_unsaid;
    return;
  }
  shared_->waiting += line;
  shared_->changed.notify_all();
}

uint64_t LineWriter::lost() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->lost;
}

void LineWriter::run(Shared& shared) {
  block_signals();
  std::unique_lock lock(shared.mutex);
  for (;;) {
    shared.changed.wait(lock, [&] { return !shared.waiting.empty() || shared.closing; });
    if (shared.waiting.empty()) break;
    const std::string lines = std::exchange(shared.waiting, {});
    uint64_t unsaid = std::exchange(shared.lost_unsaid, 0);

    lock.unlock();
    const uint64_t failed = write_lines(shared.fd.get(), lines);
    if (unsaid != 0 && failed == 0 && write_lines(shared.fd.get(), shared.lost_line(unsaid)) == 0) {
      unsaid = 0;
    }
    lock.lock();

    shared.lost += failed;
    shared.lost_unsaid += failed + unsaid;
  }
  shared.ended = true;
  shared.changed.notify_all();
}

}  // namespace btb
