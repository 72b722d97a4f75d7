// nats-server: its text protocol, verbose off, so that PUB has no answer.
#include <string>

#include "tests/bench/options.h"
#include "tests/bench/peers/peer.h"

namespace btb::bench {
namespace {

class NatsPeer final : public Peer {
 public:
  explicit NatsPeer(size_t payload_bytes)
      : payload_bytes_(payload_bytes),
        delivered_("MSG " + std::string(topic) + " 1 " + std::to_string(payload_bytes) + "\r\n"),
        published_("PUB " + std::string(topic) + " " + std::to_string(payload_bytes) + "\r\n") {}

  void subscribe(Conversation& with) override {
    greet(with, "SUB " + std::string(topic) + " 1\r\n");
  }
  void prepare_to_publish(Conversation& with) override { greet(with, ""); }

  [[nodiscard]] Shape delivery() const override {
    return shape_of(delivered_, payload_bytes_, "\r\n");
  }

  Aside other(Bytes front) override {
    const std::string_view text = as_text(front);
    const size_t end = text.find("\r\n");
    Aside aside;
    if (end == std::string_view::npos) {
      if (text.size() > 4096) fail("nats: the stream is out of step");
      return aside;
    }
    const std::string_view line = text.substr(0, end);
    if (line == "PING") {
      const Bytes pong = as_bytes("PONG\r\n");
      aside.answer.assign(pong.begin(), pong.end());
    } else if (line != "PONG" && line != "+OK" && !line.starts_with("INFO ")) {
      fail("nats: unexpected: " + std::string(line));
    }
    aside.consumed = end + 2;
    return aside;
  }

  [[nodiscard]] ByteVector publication(Bytes payload) const override {
    return join(published_, payload, "\r\n");
  }
  [[nodiscard]] size_t publication_payload_at() const override { return published_.size(); }

 private:
  // The answer to PING says that everything before it was done.
  static void greet(Conversation& with, const std::string& then) {
    if (const std::string info = with.line(); !info.starts_with("INFO ")) fail("nats: " + info);
    with.say("CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"load\"}\r\n" + then +
             "PING\r\n");
    with.expect("PONG\r\n");
  }

  size_t payload_bytes_;
  std::string delivered_;
  std::string published_;
};

}  // namespace

std::unique_ptr<Peer> make_nats(size_t payload_bytes) {
  return std::make_unique<NatsPeer>(payload_bytes);
}

}  // namespace btb::bench
