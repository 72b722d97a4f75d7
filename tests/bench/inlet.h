// Inlet: the subscribers of the load. Counts the messages each of them got, by the same loop for
// every peer, and in a latency run notes how late each message was. Resource (the sockets); one
// thread.
#pragma once

#include <cstdint>
#include <vector>

#include "sdk/base/unique_fd.h"
#include "tests/bench/conversation.h"
#include "tests/bench/histogram.h"
#include "tests/bench/peers/peer.h"

namespace btb::bench {

class Inlet {
 public:
  explicit Inlet(Peer& peer) : peer_(peer), shape_(peer.delivery()) {}

  // Takes over a connection that has subscribed. The index is the number of those before it.
  void add(Conversation conversation);
  [[nodiscard]] size_t size() const { return received_.size(); }
  [[nodiscard]] int fd(size_t index) const { return subscribers_[index].fd.get(); }

  // Reads once what is there for one subscriber. `latency`, if any, gets the age of every message
  // that came.
  void read(size_t index, Histogram* latency);

  // Messages that the slowest of the subscribers from `first` on has got, those it was told it will
  // not get included.
  [[nodiscard]] uint64_t least(size_t first) const;
  [[nodiscard]] uint64_t received(size_t index) const { return received_[index]; }
  [[nodiscard]] uint64_t deliveries() const { return deliveries_; }
  [[nodiscard]] uint64_t missed() const { return missed_; }

  // Sends the peer's keep-alive on every connection but those before `first`.
  void keep_alive(size_t first);

 private:
  struct Subscriber {
    UniqueFd fd;
    ByteVector carry;  // the front of a frame whose rest has not come
  };

  size_t take(size_t index, Bytes bytes, Histogram* latency);
  void act(size_t index, const Aside& aside);

  Peer& peer_;
  const Shape shape_;
  std::vector<Subscriber> subscribers_;
  std::vector<uint64_t> received_;  // apart, so that the slowest is found quickly
  uint64_t deliveries_ = 0;
  uint64_t missed_ = 0;
  ByteVector buffer_ = ByteVector(512U << 10);
};

}  // namespace btb::bench
