// The worked examples of docs/protocol.md, made and read with sdk/wire.
//
//   protocol_examples          prints them, one a line: NAME HEX
//   protocol_examples --check  reads such lines, as the page has them, and says of each whether
//   sdk/wire reads from it
//                              what the example means
//
// protocol_page_test.py is between this and the page.
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include "sdk/wire/control.h"

namespace {

using namespace btb;

constexpr int64_t noon_us = 1'795'348'800'000'000;  // 2026-11-22T12:00:00Z
constexpr uint64_t epoch = 0x0006'60D9'8E5F'1A2B;

struct Example {
  ByteVector bytes;
  // Whether these frames mean what the example means.
  std::function<bool(const std::vector<wire::FrameView>&)> is;
};
using Examples = std::map<std::string, Example>;

template <class Native>
void add(Examples& examples, const std::string& name, const Native& message) {
  ByteVector bytes;
  wire::append_control(bytes, message);
  examples[name] = {bytes, [bytes](const std::vector<wire::FrameView>& frames) {
                      if (frames.size() != 1) return false;
                      if (frames[0].kind != wire::ControlOf<Native>::kind) return false;
                      const auto read = wire::decode<Native>(frames[0]);
                      if (!read) return false;
                      ByteVector again;  // what means the same is written the same
                      wire::append_control(again, *read);
                      return again == bytes;
                    }};
}

void add_data(Examples& examples, const std::string& name, const wire::DataHead& head,
              const std::string& key, const std::string& payload) {
  ByteVector bytes;
  wire::append_message(bytes, head, as_bytes(key), as_bytes(payload));
  examples[name] = {bytes, [=](const std::vector<wire::FrameView>& frames) {
                      std::string read_key;
                      std::string read_payload;
                      for (const wire::FrameView& frame : frames) {
                        const bool last = &frame == &frames.back();
                        const wire::DataHead& read = frame.data();
                        if (read.topic != head.topic || read.seq != head.seq ||
                            read.time_us != head.time_us || read.total != payload.size() ||
                            read.part_more() == last || read.batch_more() != head.batch_more() ||
                            read.deletion() != head.deletion() ||
                            read.priority() != head.priority()) {
                          return false;
                        }
                        read_key += as_text(frame.key());
                        read_payload += as_text(frame.payload());
                      }
                      return read_key == key && read_payload == payload;
                    }};
}

void add_session(Examples& examples) {
  fb::HelloT hello;
  hello.name = "bedside";
  hello.agent = "demo/1";
  hello.keep_alive_ms = 30'000;
  hello.battery_percent = 80;
  add(examples, "hello", hello);

  fb::WelcomeT welcome;
  welcome.broker_name = "clinic";
  welcome.agent = "btbroker/0.1.0";
  welcome.session = 7;
  welcome.epoch = epoch;
  welcome.time_us = noon_us;
  welcome.keep_alive_ms = 30'000;
  welcome.message_bytes_max = 16U << 20;
  welcome.part_bytes_max = 4096;
  welcome.control_bytes_max = 65536;
  welcome.subscriptions_max = 1024;
  add(examples, "welcome", welcome);

  fb::GoodbyeT goodbye;
  goodbye.reason = wire::Reason::shutting_down;
  goodbye.text = "the broker stops";
  goodbye.retry_after_ms = 1000;
  add(examples, "goodbye", goodbye);
  fb::PingT ping;
  ping.token = 5;
  add(examples, "ping", ping);
  fb::PongT pong;
  pong.token = 5;
  add(examples, "pong", pong);

  fb::CommandT command;
  command.id = 9;
  command.verb = "pause";
  command.arguments = {"medication"};
  add(examples, "command", command);
  fb::ReplyT reply;
  reply.id = 9;
  reply.reason = wire::Reason::command_failed;
  reply.text = "no source medication";
  reply.body = "{}";
  add(examples, "reply", reply);
}

void add_subscribing(Examples& examples) {
  fb::SubscribeT subscribe;
  subscribe.id = 1;
  subscribe.filter = "ward/+/medication";
  add(examples, "subscribe", subscribe);
  subscribe.filter = "ward/#";
  add(examples, "subscribe_by_hand", subscribe);
  subscribe.from = wire::From::resume;
  subscribe.epoch = epoch;
  subscribe.positions = {fb::Mark(3, 0, 41), fb::Mark(4, 0, 12)};
  add(examples, "subscribe_resume", subscribe);
  fb::SubscribedT subscribed;
  subscribed.id = 1;
  subscribed.topics = 2;
  add(examples, "subscribed", subscribed);
  fb::UnsubscribeT unsubscribe;
  unsubscribe.id = 1;
  add(examples, "unsubscribe", unsubscribe);
  fb::UnsubscribedT unsubscribed;
  unsubscribed.id = 1;
  add(examples, "unsubscribed", unsubscribed);

  fb::TopicT topic;
  topic.number = 3;
  topic.name = "ward/3A/medication";
  topic.kind = wire::TopicKind::state;
  topic.first_seq = 8;
  topic.last_seq = 41;
  topic.position = 7;
  topic.content = "json";
  add(examples, "topic", topic);
  fb::SnapshotBeginT begin;
  begin.topic = 3;
  begin.seq = 41;
  begin.count = 5;
  add(examples, "snapshot_begin", begin);
  fb::SnapshotEndT end;
  end.topic = 3;
  end.seq = 41;
  end.count = 5;
  add(examples, "snapshot_end", end);
  fb::PositionT position;
  position.topic = 3;
  position.seq = 44;
  add(examples, "position", position);
  fb::GapT gap;
  gap.topic = 6;
  gap.first = 120;
  gap.last = 133;
  gap.reason = wire::Reason::overflow;
  add(examples, "gap", gap);
  fb::MustRefetchT refetch;
  refetch.topic = 3;
  refetch.reason = wire::Reason::epoch_changed;
  add(examples, "must_refetch", refetch);
}

void add_publishing(Examples& examples) {
  fb::OpenT open;
  open.id = 2;
  open.name = "ward/3A/notes";
  open.ack = wire::AckLevel::memory;
  add(examples, "open", open);
  fb::OpenedT opened;
  opened.id = 2;
  opened.number = 12;
  opened.kind = wire::TopicKind::state;
  opened.ack = wire::AckLevel::memory;
  add(examples, "opened", opened);
  fb::AckT ack;
  ack.topic = 12;
  ack.published = 3;
  ack.seq = 90;
  ack.level = wire::AckLevel::memory;
  add(examples, "ack", ack);
  fb::RejectT reject;
  reject.topic = 12;
  reject.published = 4;
  reject.reason = wire::Reason::topic_full;
  add(examples, "reject", reject);
}

void add_messages(Examples& examples) {
  wire::DataHead head;
  head.topic = 3;
  head.seq = 41;
  head.time_us = noon_us;
  add_data(examples, "data", head, "bed-1", R"({"dose_mg":40})");
  head.seq = 42;
  head.flags = wire::flag::deletion | wire::flag::batch_more |
               (static_cast<uint8_t>(wire::Priority::alert) << wire::flag::priority_shift);
  add_data(examples, "data_deletion", head, "bed-2", "");
  head.topic = 5;
  head.seq = 7;
  head.flags = 0;
  add_data(examples, "data_parts", head, "scan", std::string(4106, 'A'));
  head.topic = 12;
  head.seq = 3;
  head.time_us = 0;
  add_data(examples, "data_published", head, "bed-1", "call me");
}

Examples all_examples() {
  Examples examples;
  add_session(examples);
  add_subscribing(examples);
  add_publishing(examples);
  add_messages(examples);
  return examples;
}

void print(const Examples& examples) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const auto& [name, example] : examples) {
    std::cout << name << ' ';
    for (const std::byte byte : example.bytes) {
      std::cout << digits[std::to_integer<int>(byte) >> 4]
                << digits[std::to_integer<int>(byte) & 15];
    }
    std::cout << '\n';
  }
}

std::optional<std::vector<wire::FrameView>> frames_in(Bytes bytes) {
  std::vector<wire::FrameView> frames;
  while (!bytes.empty()) {
    const wire::NextFrame next = wire::next_frame(bytes);
    if (next.status != wire::NextFrame::Status::frame) return std::nullopt;
    frames.push_back(next.frame);
    bytes = bytes.subspan(next.consumed);
  }
  return frames;
}

// The number of lines that are not what they should be.
int check(const Examples& examples) {
  int faults = 0;
  size_t seen = 0;
  std::string name;
  std::string hex;
  while (std::cin >> name >> hex) {
    ++seen;
    ByteVector bytes;
    for (size_t i = 0; i + 1 < hex.size(); i += 2) {
      bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    const auto example = examples.find(name);
    const auto frames = frames_in(bytes);
    if (example != examples.end() && frames && example->second.is(*frames)) continue;
    ++faults;
    std::cout << name << ": sdk/wire does not read from the page what the example means\n";
  }
  if (seen != examples.size()) {
    ++faults;
    std::cout << "the page has " << seen << " examples of " << examples.size() << '\n';
  }
  return faults;
}

}  // namespace

int main(int argc, char** argv) {
  const Examples examples = all_examples();
  if (argc > 1 && std::string(argv[1]) == "--check") return check(examples) == 0 ? 0 : 1;
  print(examples);
  return 0;
}
