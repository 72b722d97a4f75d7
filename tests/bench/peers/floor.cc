// The floor (tests/bench/floor.cc): messages are a 4-byte length and the payload; the floor itself
// does not look.
#include <cstring>
#include <string>

#include "tests/bench/options.h"
#include "tests/bench/peers/peer.h"

namespace btb::bench {
namespace {

class FloorPeer final : public Peer {
 public:
  explicit FloorPeer(size_t payload_bytes) : payload_bytes_(payload_bytes), prefix_(4, '\0') {
    const auto size = static_cast<uint32_t>(payload_bytes);
    std::memcpy(prefix_.data(), &size, sizeof size);
  }

  void subscribe(Conversation& with) override {
    with.say("S");
    with.expect("S");
  }
  void prepare_to_publish(Conversation& with) override {
    with.say("P");
    with.expect("P");
  }
  [[nodiscard]] Shape delivery() const override { return shape_of(prefix_, payload_bytes_, ""); }
  Aside other(Bytes front) override {
    if (front.size() >= 8) fail("floor: the stream is out of step");
    return {};
  }
  [[nodiscard]] ByteVector publication(Bytes payload) const override {
    return join(prefix_, payload, "");
  }
  [[nodiscard]] size_t publication_payload_at() const override { return prefix_.size(); }

 private:
  size_t payload_bytes_;
  std::string prefix_;
};

}  // namespace

std::unique_ptr<Peer> make_floor(size_t payload_bytes) {
  return std::make_unique<FloorPeer>(payload_bytes);
}

}  // namespace btb::bench
