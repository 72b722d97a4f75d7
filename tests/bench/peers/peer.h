// Peer: a broker's protocol, as much of it as the load needs to publish to one topic and to count
// what arrives.
//
// Counting is the same loop for all peers (tests/bench/inlet.h), so that the load costs every
// broker the same: in one run all messages have one payload size, so a delivery is known by its
// first 8 bytes and has a fixed length. Whatever does not begin like that is handed to other().
// Owned by the load; one thread. Whatever a broker says that was not expected fails the program.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "sdk/base/bytes.h"
#include "tests/bench/conversation.h"

namespace btb::bench {

inline constexpr std::string_view topic = "bench";

// How a delivered message lies in the stream.
struct Shape {
  uint64_t head = 0;  // its first 8 bytes, where `head_mask` has bits
  uint64_t head_mask = ~uint64_t{0};
  size_t bytes = 0;       // to the next one
  size_t payload_at = 0;  // the payload begins with 8 bytes of ours: when it should have been sent
};

// What else came, for the loop to act on.
struct Aside {
  size_t consumed = 0;  // 0: not complete yet
  ByteVector answer;    // to be sent back
  uint64_t missed = 0;  // messages the broker says it has left out
};

class Peer {
 public:
  virtual ~Peer() = default;

  // Shakes hands and subscribes to `topic`: returns when everything published from now on arrives.
  virtual void subscribe(Conversation& with) = 0;
  // Shakes hands and gets ready to publish to `topic`.
  virtual void prepare_to_publish(Conversation& with) = 0;

  [[nodiscard]] virtual Shape delivery() const = 0;
  // Looks at the front of a subscriber's stream, which does not begin with a whole head of a
  // delivery.
  virtual Aside other(Bytes front) = 0;

  // One message as a publisher sends it, always of the same size; and where its payload begins in
  // that.
  [[nodiscard]] virtual ByteVector publication(Bytes payload) const = 0;
  [[nodiscard]] virtual size_t publication_payload_at() const = 0;
  // Numbers publications that lie one behind the other in `batch`: `first` is the publisher's
  // count, from 1.
  virtual void number(MutableBytes /*batch*/, uint64_t /*first*/) {}

  // What either side of an idle connection has to send every 20 s; empty for none.
  [[nodiscard]] virtual ByteVector keep_alive() const { return {}; }
};

// floor, redis, nats, mosquitto, btbroker; fails for another name. All messages have
// `payload_bytes`, at least 16.
std::unique_ptr<Peer> make_peer(std::string_view name, size_t payload_bytes);

std::unique_ptr<Peer> make_floor(size_t payload_bytes);
std::unique_ptr<Peer> make_redis(size_t payload_bytes);
std::unique_ptr<Peer> make_nats(size_t payload_bytes);
std::unique_ptr<Peer> make_mqtt(size_t payload_bytes);
std::unique_ptr<Peer> make_btb(size_t payload_bytes);

// The shape of a delivery that is `before` the payload, the payload, and `after` it.
Shape shape_of(std::string_view before, size_t payload_bytes, std::string_view after);
// The same three as bytes.
ByteVector join(std::string_view before, Bytes payload, std::string_view after);

}  // namespace btb::bench
