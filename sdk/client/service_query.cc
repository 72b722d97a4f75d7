#include "sdk/client/service_query.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "sdk/transport/socket.h"

namespace btb::client {

namespace {

constexpr uint64_t time_ms = 8'000;  // paging takes up to five seconds

}  // namespace

Result<std::unique_ptr<ServiceQuery>> ServiceQuery::begin(const std::string& address,
                                                          const std::string& adapter,
                                                          const Clock& clock) {
  Endpoint endpoint{Endpoint::Scheme::l2cap, address, bluez::sdp_psm};
  auto fd = begin_connect(endpoint, 0, adapter);
  if (!fd) return fd.error();
  return std::unique_ptr<ServiceQuery>(
      new ServiceQuery(std::move(*fd), std::move(endpoint), clock));
}

ServiceQuery::ServiceQuery(UniqueFd fd, Endpoint endpoint, const Clock& clock)
    : fd_(std::move(fd)),
      endpoint_(std::move(endpoint)),
      clock_(clock),
      until_ms_(clock.mono_ms() + time_ms) {}

short ServiceQuery::events() const {
  return connected_ ? POLLIN : POLLOUT;
}

int ServiceQuery::timeout_ms() const {
  const uint64_t now = clock_.mono_ms();
  return now >= until_ms_ ? 0 : static_cast<int>(until_ms_ - now);
}

bool ServiceQuery::turn() {
  pollfd entry{fd_.get(), events(), 0};
  if (::poll(&entry, 1, 0) <= 0) return clock_.mono_ms() < until_ms_;
  if (connected_) return take_answer();
  connected_ = true;
  return finish_connect(fd_.get(), endpoint_).ok() && ask({});
}

bool ServiceQuery::ask(Bytes continuation) {
  const ByteVector question = bluez::service_question(++transaction_, continuation);
  return ::send(fd_.get(), question.data(), question.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(question.size());
}

bool ServiceQuery::take_answer() {
  std::array<std::byte, 4096> buffer;
  const ssize_t count = receive(fd_.get(), buffer.data(), buffer.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (count <= 0) return false;
  const auto answer =
      bluez::read_service_answer(Bytes(buffer).first(static_cast<size_t>(count)), transaction_);
  if (!answer || answer_.size() + answer->piece.size() > bluez::service_records_bytes_max) {
    ++left_out_;
    return false;
  }
  append(answer_, answer->piece);
  if (!answer->continuation.empty()) return !answer->piece.empty() && ask(answer->continuation);
  records_ = bluez::read_service_records(answer_, left_out_);
  return false;
}

}  // namespace btb::client
