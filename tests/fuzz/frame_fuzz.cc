// Fuzz target: a stream of frames as any peer could send it, read as both sides read it. Whatever
// can be read is written again, and must read the same.
#include "sdk/wire/control.h"

namespace btb::wire {
namespace {

void check_data(const FrameView& frame) {
  const DataHead& head = frame.data();
  BTB_ASSERT(head.topic != 0);
  BTB_ASSERT(frame.key().size() <= limits::key_bytes_max);
  BTB_ASSERT(frame.payload().size() <= limits::part_bytes_max);
  BTB_ASSERT(data_head_bytes + frame.key().size() + frame.payload().size() == frame.bytes.size());
  if (head.part_more() || head.total != head.payload_size()) return;
  ByteVector again;
  append_message(again, head, frame.key(), frame.payload());
  BTB_ASSERT(again.size() == head.stride());
  BTB_ASSERT(equal(Bytes(again).first(head.size), frame.bytes));
}

template <class Native>
void check_control(const FrameView& frame) {
  const auto message = decode<Native>(frame);
  if (message == nullptr) return;
  ByteVector again;
  append_control(again, *message);
  const NextFrame next = next_frame(again);
  if (next.status == NextFrame::Status::fault)
    return;  // shared parts of a table, written out, can be too large
  BTB_ASSERT(next.status == NextFrame::Status::frame && next.consumed == again.size());
  const auto reread = decode<Native>(next.frame);
  BTB_ASSERT(reread != nullptr);
  ByteVector third;
  append_control(third, *reread);
  BTB_ASSERT(third == again);
}

void check(const FrameView& frame) {
  (void)name_of(frame.kind);
  switch (frame.kind) {
    case Kind::none:
      BTB_ASSERT(false);
      break;
    case Kind::data:
      return check_data(frame);
    case Kind::hello:
      return check_control<fb::HelloT>(frame);
    case Kind::welcome:
      return check_control<fb::WelcomeT>(frame);
    case Kind::goodbye:
      return check_control<fb::GoodbyeT>(frame);
    case Kind::ping:
      return check_control<fb::PingT>(frame);
    case Kind::pong:
      return check_control<fb::PongT>(frame);
    case Kind::subscribe:
      return check_control<fb::SubscribeT>(frame);
    case Kind::subscribed:
      return check_control<fb::SubscribedT>(frame);
    case Kind::unsubscribe:
      return check_control<fb::UnsubscribeT>(frame);
    case Kind::unsubscribed:
      return check_control<fb::UnsubscribedT>(frame);
    case Kind::topic:
      return check_control<fb::TopicT>(frame);
    case Kind::snapshot_begin:
      return check_control<fb::SnapshotBeginT>(frame);
    case Kind::snapshot_end:
      return check_control<fb::SnapshotEndT>(frame);
    case Kind::position:
      return check_control<fb::PositionT>(frame);
    case Kind::gap:
      return check_control<fb::GapT>(frame);
    case Kind::must_refetch:
      return check_control<fb::MustRefetchT>(frame);
    case Kind::open:
      return check_control<fb::OpenT>(frame);
    case Kind::opened:
      return check_control<fb::OpenedT>(frame);
    case Kind::ack:
      return check_control<fb::AckT>(frame);
    case Kind::reject:
      return check_control<fb::RejectT>(frame);
    case Kind::command:
      return check_control<fb::CommandT>(frame);
    case Kind::reply:
      return check_control<fb::ReplyT>(frame);
  }
}

}  // namespace
}  // namespace btb::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btb;
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  const ByteVector stream(begin, begin + size);  // aligned, and no larger than its bytes
  for (Bytes rest = stream;;) {
    const wire::NextFrame next = wire::next_frame(rest);
    if (next.status != wire::NextFrame::Status::frame) break;
    BTB_ASSERT(next.consumed <= rest.size() && next.consumed >= next.frame.bytes.size());
    wire::check(next.frame);
    rest = rest.subspan(next.consumed);
  }
  return 0;
}
