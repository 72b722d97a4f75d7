#include "tests/bench/peers/peer.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/bench/options.h"

namespace btb::bench {

std::unique_ptr<Peer> make_peer(std::string_view name, size_t payload_bytes) {
  if (payload_bytes < 16) fail("payloads have at least 16 bytes");
  if (name == "floor") return make_floor(payload_bytes);
  if (name == "redis") return make_redis(payload_bytes);
  if (name == "nats") return make_nats(payload_bytes);
  if (name == "mosquitto") return make_mqtt(payload_bytes);
  if (name == "btbroker") return make_btb(payload_bytes);
  fail("unknown peer: " + std::string(name));
}

Shape shape_of(std::string_view before, size_t payload_bytes, std::string_view after) {
  Shape shape;
  const size_t known = std::min(before.size(), sizeof shape.head);
  std::memcpy(&shape.head, before.data(), known);
  if (known < sizeof shape.head) shape.head_mask = (uint64_t{1} << (8 * known)) - 1;
  shape.bytes = before.size() + payload_bytes + after.size();
  shape.payload_at = before.size();
  return shape;
}

ByteVector join(std::string_view before, Bytes payload, std::string_view after) {
  ByteVector out;
  append(out, as_bytes(before));
  append(out, payload);
  append(out, as_bytes(after));
  return out;
}

}  // namespace btb::bench
