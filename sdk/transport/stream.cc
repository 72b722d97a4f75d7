#include "sdk/transport/stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace btb {

namespace {

constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
constexpr size_t packet_ranges_max = 64;

IoResult failure(int error) {
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR) {
    return {IoResult::Status::would_block, 0, 0};
  }
  if (error == ECONNRESET || error == EPIPE) return {IoResult::Status::closed, 0, error};
  return {IoResult::Status::failed, 0, error};
}

IoResult result_of(ssize_t bytes) {
  if (bytes < 0) return failure(errno);
  return {IoResult::Status::ok, static_cast<size_t>(bytes), 0};
}

class SocketStream final : public Stream {
 public:
  explicit SocketStream(UniqueFd fd)
      : fd_(std::move(fd)), packet_bytes_max_(message_bytes_max(fd_.get())) {}

  IoResult read(MutableBytes buffer) override {
    const ssize_t bytes = receive(fd_.get(), buffer.data(), buffer.size());
    if (bytes == 0) return {IoResult::Status::closed, 0, 0};
    return result_of(bytes);
  }

  IoResult write(std::span<const iovec> ranges) override {
    if (packet_bytes_max_ != 0) return write_packet(ranges);
    // Most writes are one range of a log, and send costs less than sendmsg.
    if (ranges.size() == 1) {
      return result_of(::send(fd_.get(), ranges[0].iov_base, ranges[0].iov_len, flags));
    }
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(ranges.data());
    message.msg_iovlen = ranges.size();
    return result_of(::sendmsg(fd_.get(), &message, flags));
  }

  void shutdown() override { (void)::shutdown(fd_.get(), SHUT_WR); }
  [[nodiscard]] int fd() const override { return fd_.get(); }
  [[nodiscard]] uint32_t packet_bytes_max() const override { return packet_bytes_max_; }
  [[nodiscard]] StreamFacts facts() const override {
    const int fd = fd_.get();
    return {describe_peer(fd), origin_of(fd), local_adapter(fd), peer_user(fd)};
  }

 private:
  // One packet, as full as it can be. The next one is chosen when the kernel has room again, so
  // that an alert waits for no more than this.
  IoResult write_packet(std::span<const iovec> ranges) {
    std::array<iovec, packet_ranges_max> parts;
    size_t count = 0, bytes = 0;
    for (const iovec& from : ranges) {
      if (count == parts.size() || bytes == packet_bytes_max_) break;
      parts[count] = {from.iov_base, std::min<size_t>(from.iov_len, packet_bytes_max_ - bytes)};
      bytes += parts[count++].iov_len;
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    return result_of(::sendmsg(fd_.get(), &message, flags));
  }

  UniqueFd fd_;
  const uint32_t packet_bytes_max_;
};

}  // namespace

std::unique_ptr<Stream> socket_stream(UniqueFd fd) {
  return std::make_unique<SocketStream>(std::move(fd));
}

}  // namespace btb
