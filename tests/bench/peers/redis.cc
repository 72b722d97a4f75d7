// redis: SUBSCRIBE and PUBLISH in RESP 2, pipelined. The replies to PUBLISH are read and thrown
// away by the loop.
#include <string>

#include "tests/bench/options.h"
#include "tests/bench/peers/peer.h"

namespace btb::bench {
namespace {

std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

class RedisPeer final : public Peer {
 public:
  explicit RedisPeer(size_t payload_bytes)
      : payload_bytes_(payload_bytes),
        delivered_("*3\r\n" + bulk("message") + bulk(topic) + length()),
        published_("*3\r\n" + bulk("PUBLISH") + bulk(topic) + length()) {}

  void subscribe(Conversation& with) override {
    with.say("*2\r\n" + bulk("SUBSCRIBE") + bulk(topic));
    with.expect("*3\r\n" + bulk("subscribe") + bulk(topic) + ":1\r\n");
  }
  void prepare_to_publish(Conversation& with) override {
    with.say("*1\r\n" + bulk("PING"));
    with.expect("+PONG\r\n");
  }
  [[nodiscard]] Shape delivery() const override {
    return shape_of(delivered_, payload_bytes_, "\r\n");
  }
  Aside other(Bytes front) override {
    if (front.size() >= 8) fail("redis: unexpected: " + std::string(as_text(front.first(8))));
    return {};
  }
  [[nodiscard]] ByteVector publication(Bytes payload) const override {
    return join(published_, payload, "\r\n");
  }
  [[nodiscard]] size_t publication_payload_at() const override { return published_.size(); }

 private:
  [[nodiscard]] std::string length() const { return "$" + std::to_string(payload_bytes_) + "\r\n"; }

  size_t payload_bytes_;
  std::string delivered_;
  std::string published_;
};

}  // namespace

std::unique_ptr<Peer> make_redis(size_t payload_bytes) {
  return std::make_unique<RedisPeer>(payload_bytes);
}

}  // namespace btb::bench
