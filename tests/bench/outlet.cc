#include "tests/bench/outlet.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tests/bench/options.h"

namespace btb::bench {

Outlet::Outlet(Peer& peer, Conversation conversation, size_t payload_bytes, size_t window)
    : peer_(peer), fd_(conversation.release()), payload_at_(peer.publication_payload_at()) {
  const ByteVector payload(payload_bytes, std::byte{'x'});
  message_ = peer.publication(payload);
  for (size_t i = 0; i < window; ++i) append(batch_, message_);
}

void Outlet::send_batch(size_t count) {
  if (!idle()) fail("a batch on top of another");
  const MutableBytes bytes = MutableBytes(batch_).first(count * message_.size());
  peer_.number(bytes, published_ + 1);
  published_ += count;
  waiting_ = bytes;
  flush();
}

void Outlet::send_one(int64_t intended_ns) {
  ByteVector rest(waiting_.begin(), waiting_.end());
  peer_.number(message_, ++published_);
  std::memcpy(message_.data() + payload_at_, &intended_ns, sizeof intended_ns);
  append(rest, message_);
  queue_ = std::move(rest);
  waiting_ = queue_;
  flush();
}

void Outlet::turn() {
  forget_answers();
  flush();
}

void Outlet::flush() {
  while (!waiting_.empty()) {
    const ssize_t sent = ::send(fd_.get(), waiting_.data(), waiting_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent <= 0) fail("the broker closed the publisher");
    waiting_ = waiting_.subspan(static_cast<size_t>(sent));
  }
}

void Outlet::forget_answers() {
  std::byte ignored[16384];
  ssize_t got = 0;
  do {
    got = ::recv(fd_.get(), ignored, sizeof ignored, 0);
  } while (got == sizeof ignored);
  if (got == 0) fail("the broker closed the publisher");
}

void Outlet::keep_alive() {
  const ByteVector bytes = peer_.keep_alive();
  if (bytes.empty() || !idle()) return;
  queue_ = bytes;
  waiting_ = queue_;
  flush();
}

}  // namespace btb::bench
