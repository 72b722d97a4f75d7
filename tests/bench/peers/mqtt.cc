// mosquitto: MQTT 3.1.1, QoS 0, clean sessions, keep-alive off.
#include <string>

#include "tests/bench/options.h"
#include "tests/bench/peers/peer.h"

namespace btb::bench {
namespace {

std::string u16(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string text_field(std::string_view text) {
  return u16(text.size()) + std::string(text);
}

// A packet's first byte and the size of the rest, in 7-bit groups.
std::string fixed_header(uint8_t first, size_t rest_bytes) {
  std::string header(1, static_cast<char>(first));
  do {
    const size_t group = rest_bytes & 0x7f;
    rest_bytes >>= 7;
    header += static_cast<char>(rest_bytes > 0 ? group | 0x80 : group);
  } while (rest_bytes > 0);
  return header;
}

class MqttPeer final : public Peer {
 public:
  explicit MqttPeer(size_t payload_bytes)
      : payload_bytes_(payload_bytes),
        publish_(fixed_header(0x30, 2 + topic.size() + payload_bytes) + text_field(topic)) {}

  void subscribe(Conversation& with) override {
    greet(with);
    const std::string body = u16(1) + text_field(topic) + std::string(1, '\0');
    with.say(fixed_header(0x82, body.size()) + body);
    with.expect(std::string("\x90\x03\x00\x01\x00", 5));
  }
  void prepare_to_publish(Conversation& with) override { greet(with); }

  [[nodiscard]] Shape delivery() const override { return shape_of(publish_, payload_bytes_, ""); }
  Aside other(Bytes front) override {
    if (front.size() >= 8) fail("mosquitto: the stream is out of step");
    return {};
  }
  [[nodiscard]] ByteVector publication(Bytes payload) const override {
    return join(publish_, payload, "");
  }
  [[nodiscard]] size_t publication_payload_at() const override { return publish_.size(); }

 private:
  void greet(Conversation& with) {
    const std::string name = "load-" + std::to_string(++clients_);
    const std::string body =
        text_field("MQTT") + std::string("\x04\x02\x00\x00", 4) + text_field(name);
    with.say(fixed_header(0x10, body.size()) + body);
    with.expect(std::string("\x20\x02\x00\x00", 4));
  }

  size_t payload_bytes_;
  std::string publish_;
  unsigned clients_ = 0;
};

}  // namespace

std::unique_ptr<Peer> make_mqtt(size_t payload_bytes) {
  return std::make_unique<MqttPeer>(payload_bytes);
}

}  // namespace btb::bench
