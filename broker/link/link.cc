#include "broker/link/link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace btb {

namespace {

LinkResult failure(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) {
    return {LinkResult::Status::would_block, 0, 0};
  }
  if (error == ECONNRESET || error == EPIPE) return {LinkResult::Status::closed, 0, error};
  return {LinkResult::Status::failed, 0, error};
}

}  // namespace

Link::Link(Loop& loop, UniqueFd fd, Poll::Events& events)
    : fd_(std::move(fd)), poll_(loop, fd_.get(), events) {
  poll_.want(readable_, writable_);
}

LinkResult Link::read(MutableBytes buffer) {
  const ssize_t bytes = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (bytes < 0) return failure(errno);
  if (bytes == 0) return {LinkResult::Status::closed, 0, 0};
  return {LinkResult::Status::ok, static_cast<size_t>(bytes), 0};
}

LinkResult Link::write(std::span<const iovec> ranges) {
  constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(ranges.data());
  message.msg_iovlen = ranges.size();
  // Most writes are one run of the log, and send costs the kernel less.
  const ssize_t bytes = ranges.size() == 1
                            ? ::send(fd_.get(), ranges[0].iov_base, ranges[0].iov_len, flags)
                            : ::sendmsg(fd_.get(), &message, flags);
  if (bytes < 0) return failure(errno);
  return {LinkResult::Status::ok, static_cast<size_t>(bytes), 0};
}

void Link::want_readable(bool wanted) {
  readable_ = wanted;
  poll_.want(readable_, writable_);
}

void Link::want_writable(bool wanted) {
  writable_ = wanted;
  poll_.want(readable_, writable_);
}

void Link::shutdown() {
  ::shutdown(fd_.get(), SHUT_WR);
}

}  // namespace btb
