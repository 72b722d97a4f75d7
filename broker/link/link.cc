#include "broker/link/link.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sdk/transport/socket.h"

namespace btb {

namespace {

constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
constexpr size_t message_ranges_max = 64;

LinkResult failure(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) {
    return {LinkResult::Status::would_block, 0, 0};
  }
  if (error == ECONNRESET || error == EPIPE) return {LinkResult::Status::closed, 0, error};
  return {LinkResult::Status::failed, 0, error};
}

}  // namespace

Link::Link(Loop& loop, UniqueFd fd, Poll::Events& events)
    : fd_(std::move(fd)),
      message_bytes_max_(btb::message_bytes_max(fd_.get())),
      poll_(loop, fd_.get(), events) {
  poll_.want(readable_, writable_);
}

LinkResult Link::read(MutableBytes buffer) {
  const ssize_t bytes = receive(fd_.get(), buffer.data(), buffer.size());
  if (bytes < 0) return failure(errno);
  if (bytes == 0) return {LinkResult::Status::closed, 0, 0};
  return {LinkResult::Status::ok, static_cast<size_t>(bytes), 0};
}

LinkResult Link::write(std::span<const iovec> ranges) {
  if (message_bytes_max_ != 0) return write_message(ranges);
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

// One message, as full as it can be. What comes next is chosen when the kernel has room again, so
// that an alert stands behind no more than this.
LinkResult Link::write_message(std::span<const iovec> ranges) {
  std::array<iovec, message_ranges_max> parts;
  size_t count = 0, bytes = 0;
  for (const iovec& from : ranges) {
    if (count == parts.size() || bytes == message_bytes_max_) break;
    parts[count] = {from.iov_base, std::min<size_t>(from.iov_len, message_bytes_max_ - bytes)};
    bytes += parts[count++].iov_len;
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  const ssize_t sent = ::sendmsg(fd_.get(), &message, flags);
  if (sent < 0) return failure(errno);
  return {LinkResult::Status::ok, static_cast<size_t>(sent), 0};
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
