// WireClient: a client for tests that knows frames and nothing else. It writes down what the broker
// says, one line a message, and what is wrong with the stream. Resource; its socket does not block.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sdk/base/unique_fd.h"
#include "sdk/wire/control.h"

namespace btb::test {

// A whole message, its parts put together.
struct ReceivedMessage {
  uint32_t topic = 0;
  uint64_t seq = 0;
  std::string key, payload;
  bool deletion = false, batch_more = false;
};

class WireClient {
 public:
  explicit WireClient(UniqueFd fd) : fd_(std::move(fd)) {
    ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
  }

  bool reading = true;            // false: pump writes only
  size_t read_bytes_max = 65536;  // in one pump

  // --- saying ---
  template <class Native>
  void send(const Native& message) {
    wire::append_control(out_, message);
  }
  void send_raw(Bytes bytes) { append(out_, bytes); }
  // A whole message or, above part_bytes_max, its parts.
  void publish(uint32_t topic, uint64_t seq, std::string_view key, std::string_view payload,
               uint8_t flags = 0, int64_t time_us = 0) {
    wire::DataHead head;
    head.topic = topic;
    head.seq = seq;
    head.flags = flags;
    head.time_us = time_us;
    wire::append_message(out_, head, as_bytes(key), as_bytes(payload));
  }
  // One data frame as it is given: for parts that come in the wrong order.
  void publish_part(uint32_t topic, uint64_t seq, uint32_t total, size_t payload_size, bool more,
                    std::string_view key = {}) {
    const std::string payload(payload_size, 'p');
    wire::DataHead head = wire::part_head(as_bytes(key), as_bytes(payload), total);
    head.topic = topic;
    head.seq = seq;
    if (more) head.flags = wire::flag::part_more;
    const size_t at = out_.size();
    out_.resize(at + head.stride());
    wire::write_data_frame(out_.data() + at, head, as_bytes(key), as_bytes(payload));
  }
  void hello(uint32_t keep_alive_ms = 0) {
    fb::HelloT message;
    message.name = "test";
    message.keep_alive_ms = keep_alive_ms;
    send(message);
  }
  void subscribe(uint32_t id, std::string_view filter, wire::From from = wire::From::latest,
                 int64_t value = 0) {
    fb::SubscribeT message;
    message.id = id;
    message.filter = filter;
    message.from = from;
    message.value = value;
    send(message);
  }
  void resume(uint32_t id, std::string_view filter, uint64_t epoch, std::vector<fb::Mark> marks) {
    fb::SubscribeT message;
    message.id = id;
    message.filter = filter;
    message.from = wire::From::resume;
    message.epoch = epoch;
    message.positions = std::move(marks);
    send(message);
  }
  void unsubscribe(uint32_t id) {
    fb::UnsubscribeT message;
    message.id = id;
    send(message);
  }
  void open(uint32_t id, std::string_view name, wire::AckLevel ack = wire::AckLevel::none) {
    fb::OpenT message;
    message.id = id;
    message.name = name;
    message.ack = ack;
    send(message);
  }
  void goodbye(wire::Reason reason = wire::Reason::normal) {
    fb::GoodbyeT message;
    message.reason = reason;
    send(message);
  }
  void close() { fd_.reset(); }
  void shut_writing() { ::shutdown(fd_.get(), SHUT_WR); }
  [[nodiscard]] int fd() const { return fd_.get(); }

  // Writes and reads once, as far as the socket allows; true if that was something.
  bool pump() {
    if (!fd_.valid()) return false;
    bool moved = false;
    while (!out_.empty()) {
      const ssize_t bytes =
          ::send(fd_.get(), out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (bytes <= 0) break;
      out_.erase(out_.begin(), out_.begin() + bytes);
      moved = true;
    }
    return (reading && read()) || moved;
  }

  // --- what came ---
  // Everything since the last call.
  std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }
  // Told of each message and of each control frame that concerns a topic, in order.
  std::function<void(const ReceivedMessage&)> on_message;
  std::function<void(const wire::FrameView&)> on_control;
  std::unique_ptr<fb::WelcomeT> welcome;
  std::string hint;  // the text of the last answer to a subscription
  // The broker closed the connection; so did this side then.
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const std::string& fault() const { return fault_; }  // of the stream; empty: none
  [[nodiscard]] uint64_t received_bytes() const { return received_bytes_; }
  // Bytes of a frame that is not complete yet.
  [[nodiscard]] size_t pending_bytes() const { return in_.size(); }

 private:
  bool read() {
    if (ended_) return false;
    ByteVector buffer(read_bytes_max);
    const ssize_t bytes = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (bytes <= 0) {
      ended_ = true;
      lines_.push_back(bytes == 0 ? "end" : "broken");
      fd_.reset();
      return true;
    }
    received_bytes_ += static_cast<uint64_t>(bytes);
    in_.insert(in_.end(), buffer.begin(), buffer.begin() + bytes);
    size_t at = 0;
    while (fault_.empty()) {
      const wire::NextFrame next = wire::next_frame(Bytes(in_).subspan(at));
      if (next.status == wire::NextFrame::Status::incomplete) break;
      if (next.status == wire::NextFrame::Status::fault) {
        fault_ = next.fault.text;
        lines_.push_back("fault " + fault_);
        break;
      }
      take(next.frame);
      at += next.consumed;
    }
    in_.erase(in_.begin(), in_.begin() + static_cast<ptrdiff_t>(at));
    return true;
  }

  void take(const wire::FrameView& frame) {
    if (frame.kind == wire::Kind::data) return take_data(frame);
    if (on_control) on_control(frame);
    lines_.push_back(line_of(frame));
  }

  void take_data(const wire::FrameView& frame) {
    const wire::DataHead& head = frame.data();
    ReceivedMessage& message = partial_[head.topic];
    if (message.seq != head.seq) {
      message = {head.topic, head.seq, std::string(as_text(frame.key())), "", false, false};
    }
    message.payload += as_text(frame.payload());
    if (head.part_more()) {
      lines_.push_back("part " + std::to_string(head.topic) + " " + std::to_string(head.seq));
      return;
    }
    if (message.payload.size() != head.total) fault_ = "a message whose parts are not its whole";
    message.deletion = head.deletion();
    message.batch_more = head.batch_more();
    if (on_message) on_message(message);
    std::string shown = message.payload.size() <= 40
                            ? message.payload
                            : "<" + std::to_string(message.payload.size()) + ">";
    lines_.push_back((message.deletion ? "del " : "put ") + std::to_string(head.topic) + " " +
                     std::to_string(head.seq) + " " + message.key +
                     (message.deletion ? "" : "=" + shown) + (message.batch_more ? " +" : ""));
    partial_.erase(head.topic);
  }

  template <class Native>
  std::unique_ptr<Native> decoded(const wire::FrameView& frame) {
    auto message = wire::decode<Native>(frame);
    if (message == nullptr) {
      fault_ = "a table that cannot be verified";
      message = std::make_unique<Native>();
    }
    return message;
  }

  std::string line_of(const wire::FrameView& frame);
  // The frames that are about one topic.
  std::string topic_line_of(const wire::FrameView& frame);

  static std::string join(std::initializer_list<std::string> words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
  }
  template <class Number>
  static std::string text(Number number) {
    return std::to_string(number);
  }
  static std::string text(wire::Reason reason) { return std::string(wire::name_of(reason)); }

  UniqueFd fd_;
  ByteVector in_, out_;
  std::vector<std::string> lines_;
  std::map<uint32_t, ReceivedMessage> partial_;
  bool ended_ = false;
  std::string fault_;
  uint64_t received_bytes_ = 0;
};

inline std::string WireClient::topic_line_of(const wire::FrameView& frame) {
  const std::string kind(wire::name_of(frame.kind));
  if (frame.kind == wire::Kind::topic) {
    const auto at = decoded<fb::TopicT>(frame);
    return join({kind, text(at->number), at->name, std::string(wire::name_of(at->kind)),
                 text(at->position)});
  }
  if (frame.kind == wire::Kind::snapshot_begin) {
    const auto at = decoded<fb::SnapshotBeginT>(frame);
    return join({kind, text(at->topic), text(at->seq), text(at->count)});
  }
  if (frame.kind == wire::Kind::snapshot_end) {
    const auto at = decoded<fb::SnapshotEndT>(frame);
    return join({kind, text(at->topic), text(at->seq), text(at->count)});
  }
  if (frame.kind == wire::Kind::position) {
    const auto at = decoded<fb::PositionT>(frame);
    return join({kind, text(at->topic), text(at->seq)});
  }
  if (frame.kind == wire::Kind::gap) {
    const auto at = decoded<fb::GapT>(frame);
    return join({kind, text(at->topic), text(at->first), text(at->last), text(at->reason)});
  }
  const auto at = decoded<fb::MustRefetchT>(frame);
  return join({kind, text(at->topic), text(at->reason)});
}

inline std::string WireClient::line_of(const wire::FrameView& frame) {
  const std::string kind(wire::name_of(frame.kind));
  switch (frame.kind) {
    case wire::Kind::welcome:
      welcome = decoded<fb::WelcomeT>(frame);
      return kind;
    case wire::Kind::goodbye: {
      const auto at = decoded<fb::GoodbyeT>(frame);
      std::string line = join({kind, text(at->reason)});
      for (const std::string& endpoint : at->elsewhere) line += " " + endpoint;
      return line;
    }
    case wire::Kind::ping:
      return kind;
    case wire::Kind::pong:
      return join({kind, text(decoded<fb::PongT>(frame)->token)});
    case wire::Kind::subscribed: {
      const auto at = decoded<fb::SubscribedT>(frame);
      hint = at->text;
      return join({kind, text(at->id), text(at->reason), text(at->topics)});
    }
    case wire::Kind::unsubscribed: {
      const auto at = decoded<fb::UnsubscribedT>(frame);
      return join({kind, text(at->id), text(at->reason)});
    }
    case wire::Kind::topic:
    case wire::Kind::snapshot_begin:
    case wire::Kind::snapshot_end:
    case wire::Kind::position:
    case wire::Kind::gap:
    case wire::Kind::must_refetch:
      return topic_line_of(frame);
    case wire::Kind::opened: {
      const auto at = decoded<fb::OpenedT>(frame);
      return join({kind, text(at->id), text(at->reason), text(at->number),
                   text(static_cast<int>(at->ack))});
    }
    case wire::Kind::ack: {
      const auto at = decoded<fb::AckT>(frame);
      return join({kind, text(at->topic), text(at->published), text(at->seq)});
    }
    case wire::Kind::reject: {
      const auto at = decoded<fb::RejectT>(frame);
      return join({kind, text(at->topic), text(at->published), text(at->reason)});
    }
    case wire::Kind::reply: {
      const auto at = decoded<fb::ReplyT>(frame);
      const std::string body = at->body.size() <= 40 ? at->body : "<" + text(at->body.size()) + ">";
      return join({kind, text(at->id), text(at->reason), body + (at->more ? " more" : "")});
    }
    case wire::Kind::none:
    case wire::Kind::data:
    case wire::Kind::hello:
    case wire::Kind::subscribe:
    case wire::Kind::unsubscribe:
    case wire::Kind::open:
    case wire::Kind::command:
      fault_ = "a frame that a broker does not send";
      return kind;
  }
  return kind;
}

}  // namespace btb::test
