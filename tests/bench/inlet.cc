#include "tests/bench/inlet.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "tests/bench/figures.h"
#include "tests/bench/options.h"

namespace btb::bench {
namespace {

constexpr size_t read_bytes = 256U << 10;

template <class Value>
Value load(const std::byte* at) {
  Value value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void send_now(int fd, Bytes bytes) {
  if (bytes.empty()) return;
  const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(bytes.size())) fail("a subscriber's few bytes do not go out");
}

}  // namespace

void Inlet::add(Conversation conversation) {
  Subscriber subscriber;
  const Bytes early = conversation.heard();
  subscriber.carry.assign(early.begin(), early.end());
  subscriber.fd = conversation.release();
  subscribers_.push_back(std::move(subscriber));
  received_.push_back(0);
}

void Inlet::read(size_t index, Histogram* latency) {
  Subscriber& from = subscribers_[index];
  const size_t kept = from.carry.size();
  if (kept + read_bytes > buffer_.size()) fail("a frame without an end");
  if (kept > 0) std::memcpy(buffer_.data(), from.carry.data(), kept);
  const ssize_t got = ::recv(from.fd.get(), buffer_.data() + kept, read_bytes, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) fail("the broker closed subscriber " + std::to_string(index));
  const Bytes bytes(buffer_.data(), kept + static_cast<size_t>(got));
  const Bytes rest = bytes.subspan(take(index, bytes, latency));
  from.carry.assign(rest.begin(), rest.end());
}

size_t Inlet::take(size_t index, Bytes bytes, Histogram* latency) {
  const int64_t now = latency != nullptr ? now_ns() : 0;
  const std::byte* at = bytes.data();
  const std::byte* const end = at + bytes.size();
  uint64_t count = 0;
  while (at < end) {
    const auto left = static_cast<size_t>(end - at);
    if (left >= 8 && (load<uint64_t>(at) & shape_.head_mask) == shape_.head) {
      if (left < shape_.bytes) break;
      if (latency != nullptr) latency->record(now - load<int64_t>(at + shape_.payload_at));
      at += shape_.bytes;
      ++count;
      continue;
    }
    const Aside aside = peer_.other({at, left});
    if (aside.consumed == 0) break;
    at += aside.consumed;
    act(index, aside);
  }
  received_[index] += count;
  deliveries_ += count;
  return static_cast<size_t>(at - bytes.data());
}

void Inlet::act(size_t index, const Aside& aside) {
  received_[index] += aside.missed;
  missed_ += aside.missed;
  send_now(fd(index), aside.answer);
}

uint64_t Inlet::least(size_t first) const {
  uint64_t least = UINT64_MAX;
  for (size_t i = first; i < received_.size(); ++i) least = std::min(least, received_[i]);
  return least;
}

void Inlet::keep_alive(size_t first) {
  const ByteVector bytes = peer_.keep_alive();
  for (size_t i = first; i < subscribers_.size(); ++i) send_now(fd(i), bytes);
}

}  // namespace btb::bench
