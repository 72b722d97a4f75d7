// btbroker: docs/protocol.md, publishing without acknowledgements.
#include <cstring>
#include <string>

#include "sdk/wire/control.h"
#include "tests/bench/options.h"
#include "tests/bench/peers/btb_talk.h"
#include "tests/bench/peers/peer.h"

namespace btb::bench {
namespace {

class BtbPeer final : public Peer {
 public:
  explicit BtbPeer(size_t payload_bytes) : payload_bytes_(payload_bytes) {
    if (payload_bytes > limits::part_bytes_max)
      fail("btbroker: messages in parts are not counted here");
  }

  void subscribe(Conversation& with) override {
    greet(with);
    fb::SubscribeT wanted;
    wanted.id = 1;
    wanted.filter = topic;
    subscribe_to(with, wanted);
  }

  void prepare_to_publish(Conversation& with) override {
    greet(with);
    number_ = open_topic(with, std::string(topic), wire::AckLevel::none)->number;
  }

  [[nodiscard]] Shape delivery() const override {
    wire::DataHead head;
    head.size = static_cast<uint32_t>(wire::data_head_bytes + payload_bytes_);
    Shape shape;
    std::memcpy(&shape.head, &head, sizeof shape.head);
    shape.bytes = head.stride();
    shape.payload_at = wire::data_head_bytes;
    return shape;
  }

  Aside other(Bytes front) override {
    Aside aside;
    const wire::NextFrame next = wire::next_frame(front);
    if (next.status == wire::NextFrame::Status::fault) fail(next.fault.text);
    if (next.status == wire::NextFrame::Status::incomplete) return aside;
    aside.consumed = next.consumed;
    if (next.frame.kind == wire::Kind::ping) answer_ping(next.frame, aside);
    if (next.frame.kind == wire::Kind::gap) {
      const auto gap = wire::decode<fb::GapT>(next.frame);
      aside.missed = gap->last - gap->first + 1;
    }
    if (next.frame.kind == wire::Kind::data) fail("btbroker: a message of another shape");
    if (next.frame.kind == wire::Kind::reject) fail("btbroker: a message was rejected");
    if (next.frame.kind == wire::Kind::goodbye) {
      const auto goodbye = wire::decode<fb::GoodbyeT>(next.frame);
      fail("btbroker said goodbye: " + std::string(wire::name_of(goodbye->reason)));
    }
    return aside;
  }

  [[nodiscard]] ByteVector publication(Bytes payload) const override {
    wire::DataHead head;
    head.topic = number_;
    ByteVector out;
    wire::append_message(out, head, {}, payload);
    return out;
  }
  [[nodiscard]] size_t publication_payload_at() const override { return wire::data_head_bytes; }

  void number(MutableBytes batch, uint64_t first) override {
    const size_t stride = delivery().bytes;
    for (size_t at = 0; at < batch.size(); at += stride, ++first) {
      std::memcpy(batch.data() + at + offsetof(wire::DataHead, seq), &first, sizeof first);
    }
  }

  [[nodiscard]] ByteVector keep_alive() const override { return control_bytes(fb::PingT{}); }

 private:
  static void answer_ping(const wire::FrameView& frame, Aside& aside) {
    fb::PongT pong;
    pong.token = wire::decode<fb::PingT>(frame)->token;
    aside.answer = control_bytes(pong);
  }

  size_t payload_bytes_;
  uint32_t number_ = 0;
};

}  // namespace

std::unique_ptr<Peer> make_btb(size_t payload_bytes) {
  return std::make_unique<BtbPeer>(payload_bytes);
}

}  // namespace btb::bench
