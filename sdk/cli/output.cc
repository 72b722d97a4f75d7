#include "sdk/cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace btb::cli {

bool Output::flush() {
  size_t written = 0;
  while (!closed_ && written < buffer_.size()) {
    const ssize_t count = ::write(fd_, buffer_.data() + written, buffer_.size() - written);
    if (count >= 0) {
      written += static_cast<size_t>(count);
    } else if (errno == EAGAIN) {  // another program has made the terminal non-blocking
      pollfd entry{fd_, POLLOUT, 0};
      (void)::poll(&entry, 1, -1);
    } else if (errno != EINTR) {
      closed_ = true;
      fault_ = errno == EPIPE ? 0 : errno;
    }
  }
  buffer_.clear();
  return !closed_;
}

}  // namespace btb::cli
