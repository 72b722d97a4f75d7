#include "broker/session/session.h"

#include <algorithm>
#include <cstring>

#include "broker/session/sessions.h"
#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

constexpr uint16_t protocol = 1;
constexpr size_t goodbye_text_bytes_max = 256;
constexpr uint64_t goodbye_timeout_ms = 2'000;
constexpr uint64_t tick_ms = 1'000;  // what has to be said within a time is said a tick before
constexpr size_t sent_kept_bytes_max = 64U << 10;
constexpr size_t kept_out_bytes = 1024;  // a sent buffer larger than this is given back
constexpr uint32_t keep_alive_ms_min = 1'000;

std::string clipped_utf8(const std::string& text, size_t bytes_max) {
  std::string out = text.substr(0, bytes_max);
  while (!out.empty() && !wire::is_utf8(out)) out.pop_back();
  return out;
}

}  // namespace

Session::Session(Sessions& sessions, uint64_t id, UniqueFd fd, SessionTraits traits)
    : sessions_(sessions),
      id_(id),
      traits_(std::move(traits)),
      link_(sessions.loop_, std::move(fd), *this),
      connected_ms_(sessions.clock_.mono_ms()),
      heard_ms_(connected_ms_),
      wrote_ms_(connected_ms_) {}

Session::~Session() {
  leave();
}

// --- reading ---

void Session::on_readable() {
  ByteVector& buffer = sessions_.read_buffer_;
  const size_t kept = in_.size();
  std::copy(in_.begin(), in_.end(), buffer.begin());
  const LinkResult result = link_.read(MutableBytes(buffer).subspan(kept));
  switch (result.status) {
    case LinkResult::Status::would_block:
      return;
    case LinkResult::Status::closed:
      if (state_ == State::closing) {
        end(reason_, "");
      } else {
        end(wire::Reason::peer_closed, "closed without a goodbye");
      }
      return;
    case LinkResult::Status::failed:
      end(wire::Reason::peer_failed, std::strerror(result.error));
      return;
    case LinkResult::Status::ok:
      break;
  }
  counters_.received_bytes += result.bytes;
  if (state_ == State::closing || state_ == State::ended)
    return;  // what comes after a goodbye is nothing
  sessions_.now_ms_ = sessions_.clock_.mono_ms();
  sessions_.now_us_ = sessions_.clock_.now_us();
  heard_ms_ = sessions_.now_ms_;
  take_frames(MutableBytes(buffer).first(kept + result.bytes));
}

// Handles every whole frame and keeps the beginning of the next.
void Session::take_frames(MutableBytes buffer) {
  size_t at = 0;
  while (state_ == State::hello_expected || state_ == State::open) {
    const wire::NextFrame next = wire::next_frame(buffer.subspan(at));
    if (next.status == wire::NextFrame::Status::fault) {
      close(next.fault.reason, next.fault.text);
      return;
    }
    if (next.status == wire::NextFrame::Status::incomplete) break;
    handle(next.frame);
    at += next.consumed;
  }
  if (state_ != State::hello_expected && state_ != State::open) return;
  if (at == buffer.size()) {
    ByteVector().swap(in_);
  } else {
    in_.assign(buffer.begin() + static_cast<ptrdiff_t>(at), buffer.end());
  }
}

template <class Native>
void Session::decode_for(const wire::FrameView& frame, void (Session::*handler)(Native&)) {
  if (unsent() > limits::session_control_bytes_max) {
    close(wire::Reason::control_overflow, "requests without reading the answers");
    return;
  }
  const std::unique_ptr<Native> message = wire::decode<Native>(frame);
  if (message == nullptr) {
    close(wire::Reason::frame_unverifiable, std::string("a broken table in a frame of kind ") +
                                                std::string(wire::name_of(frame.kind)));
    return;
  }
  (this->*handler)(*message);
}

void Session::handle(const wire::FrameView& frame) {
  if (state_ == State::open) {
    handle_open(frame);
  } else if (frame.kind == wire::Kind::hello) {
    decode_for(frame, &Session::on_hello);
  } else {
    close(wire::Reason::hello_expected,
          std::string("the first frame is of kind ") + std::string(wire::name_of(frame.kind)));
  }
}

void Session::handle_open(const wire::FrameView& frame) {
  switch (frame.kind) {
    case wire::Kind::data:
      ++counters_.received_messages;
      publications_.take(frame, sessions_.router_, sessions_.now_us_,
                         sessions_.limits.message_bytes, out_);
      sessions_.router_.wake(*this);
      if (unsent() > limits::session_control_bytes_max) {
        close(wire::Reason::control_overflow, "publishes without reading the answers");
      }
      return;
    case wire::Kind::subscribe:
      return decode_for(frame, &Session::on_subscribe);
    case wire::Kind::unsubscribe:
      return decode_for(frame, &Session::on_unsubscribe);
    case wire::Kind::open:
      return decode_for(frame, &Session::on_open);
    case wire::Kind::command:
      return decode_for(frame, &Session::on_command);
    case wire::Kind::ping:
      return decode_for(frame, &Session::on_ping);
    case wire::Kind::goodbye:
      return decode_for(frame, &Session::on_goodbye);
    case wire::Kind::pong:
      return;  // having been heard is all it is for
    case wire::Kind::none:
    case wire::Kind::hello:
    case wire::Kind::welcome:
    case wire::Kind::subscribed:
    case wire::Kind::unsubscribed:
    case wire::Kind::topic:
    case wire::Kind::snapshot_begin:
    case wire::Kind::snapshot_end:
    case wire::Kind::position:
    case wire::Kind::gap:
    case wire::Kind::must_refetch:
    case wire::Kind::opened:
    case wire::Kind::ack:
    case wire::Kind::reject:
    case wire::Kind::reply:
      break;
  }
  close(wire::Reason::frame_unexpected, std::string("a client does not send ") +
                                            std::string(wire::name_of(frame.kind)) +
                                            (frame.kind == wire::Kind::hello ? " twice" : ""));
}

void Session::on_hello(fb::HelloT& hello) {
  if (hello.protocol_min > protocol || hello.protocol_max < protocol) {
    close(wire::Reason::version_unsupported,
          "this broker speaks protocol " + std::to_string(protocol) + ", the client " +
              std::to_string(hello.protocol_min) + " to " + std::to_string(hello.protocol_max));
    return;
  }
  name_ = clipped_utf8(hello.name, limits::client_name_bytes_max);
  agent_ = clipped_utf8(hello.agent, limits::client_name_bytes_max);
  keep_alive_ms_ = sessions_.limits.keep_alive_ms;
  if (hello.keep_alive_ms != 0) {
    keep_alive_ms_ = std::clamp(hello.keep_alive_ms, keep_alive_ms_min, keep_alive_ms_);
  }
  handshake_done();
  state_ = State::open;

  fb::WelcomeT welcome;
  welcome.protocol = protocol;
  welcome.broker_name = sessions_.broker_name_;
  welcome.agent = "btbroker/" BTB_VERSION;
  welcome.session = id_;
  welcome.epoch = sessions_.router_.epoch();
  welcome.time_us = sessions_.now_us_;
  welcome.keep_alive_ms = keep_alive_ms_;
  welcome.message_bytes_max = sessions_.limits.message_bytes;
  welcome.part_bytes_max = limits::part_bytes_max;
  welcome.control_bytes_max = limits::control_frame_bytes_max;
  welcome.subscriptions_max = sessions_.limits.subscriptions_per_session;
  welcome.admin = traits_.admin;
  send(welcome);
  sessions_.owner_.session_opened(*this);
}

wire::Reason Session::subscribe_fault(const fb::SubscribeT& subscribe, const char*& text) const {
  text = wire::topic_filter_fault(subscribe.filter);
  if (text != nullptr) return wire::Reason::name_invalid;
  text = "";
  const auto same_id = [&](const Subscription* at) { return at->id == subscribe.id; };
  if (subscribe.id == 0 || std::any_of(subscriptions().begin(), subscriptions().end(), same_id)) {
    return wire::Reason::id_in_use;
  }
  if (subscriptions().size() >= sessions_.limits.subscriptions_per_session) {
    return wire::Reason::too_many_subscriptions;
  }
  return wire::Reason::none;
}

void Session::on_subscribe(fb::SubscribeT& subscribe) {
  if (pending_subscribe_ != nullptr && pending_subscribe_->id == subscribe.id) {
    // More positions than there are topics mean nothing here: the surplus is not kept.
    auto& positions = pending_subscribe_->positions;
    if (positions.size() <= sessions_.router_.topic_count()) {
      positions.insert(positions.end(), subscribe.positions.begin(), subscribe.positions.end());
    }
    pending_subscribe_->more = subscribe.more;
  } else {
    pending_subscribe_ = std::make_unique<fb::SubscribeT>(std::move(subscribe));
  }
  if (pending_subscribe_->more) return;
  const std::unique_ptr<fb::SubscribeT> whole = std::move(pending_subscribe_);

  fb::SubscribedT answer;
  answer.id = whole->id;
  const char* text = "";
  answer.reason = subscribe_fault(*whole, text);
  answer.text = text;
  if (answer.reason == wire::Reason::none) {
    SubscribeRequest request;
    request.id = whole->id;
    request.filter = whole->filter;
    request.from = whole->from;
    request.value = whole->value;
    request.no_snapshot = whole->no_snapshot;
    request.epoch = whole->epoch;
    request.positions = whole->positions;
    answer.topics = sessions_.router_.subscribe(*this, request);
  }
  send(answer);
}

void Session::on_unsubscribe(fb::UnsubscribeT& unsubscribe) {
  fb::UnsubscribedT answer;
  answer.id = unsubscribe.id;
  if (!sessions_.router_.unsubscribe(*this, unsubscribe.id))
    answer.reason = wire::Reason::id_unknown;
  send(answer);
}

wire::Reason Session::open_fault(const std::string& name, const char*& text) const {
  text = wire::topic_name_fault(name);
  if (text != nullptr) return wire::Reason::name_invalid;
  text = "";
  if (wire::is_reserved(name)) return wire::Reason::reserved_name;
  if (!traits_.client_publish) {
    text = "clients of this listener do not publish";
    return wire::Reason::not_allowed;
  }
  if (!sessions_.router_.options_of(name)->client_publish) {
    text = "clients do not publish to this topic";
    return wire::Reason::not_allowed;
  }
  return wire::Reason::none;
}

void Session::on_open(fb::OpenT& open) {
  fb::OpenedT answer;
  answer.id = open.id;
  const char* text = "";
  answer.reason = open_fault(open.name, text);
  answer.text = text;
  if (answer.reason != wire::Reason::none) return send(answer);

  // Asked before the topic is made, so that one session cannot fill the broker with topics.
  const Topic* known = sessions_.router_.find(open.name);
  const bool opened = known != nullptr && publications_.has(*known);
  const bool full = !opened && publications_.size() >= sessions_.limits.subscriptions_per_session;
  Topic* topic = full ? nullptr : sessions_.router_.find_or_make(open.name);
  answer.ack = open.ack == wire::AckLevel::none ? open.ack : wire::AckLevel::memory;
  if (topic == nullptr) {
    answer.reason = wire::Reason::too_many_topics;
    answer.text = full ? "this session publishes to as many topics as it may"
                       : "the broker has as many topics as it may";
  } else {
    answer.number = topic->number;
    answer.kind = topic->options->kind;
    publications_.open(*topic, answer.ack);
  }
  send(answer);
}

void Session::on_command(fb::CommandT& command) {
  fb::ReplyT reply;
  reply.id = command.id;
  if (!traits_.admin) {
    reply.reason = wire::Reason::not_allowed;
    reply.text = "commands are taken from the broker's user and root, over its unix socket";
    return send(reply);
  }
  CommandResult result = sessions_.owner_.command(command.verb, command.arguments);
  if (state_ != State::open) return;  // it ended this very session
  reply.reason = result.reason;
  reply.text = std::move(result.text);
  // A body larger than a frame goes out in several replies, cut between characters.
  constexpr size_t chunk = limits::control_frame_bytes_max / 2;
  std::string_view rest = result.body;
  do {
    reply.body = clipped_utf8(std::string(rest.substr(0, chunk)), chunk);
    rest.remove_prefix(reply.body.empty() ? rest.size() : reply.body.size());
    reply.more = !rest.empty();
    send(reply);
    reply.text.clear();
  } while (!rest.empty());
}

void Session::on_ping(fb::PingT& ping) {
  fb::PongT pong;
  pong.token = ping.token;
  send(pong);
}

void Session::on_goodbye(fb::GoodbyeT& goodbye) {
  const bool known = *fb::EnumNameReason(goodbye.reason) != '\0';  // else counted as any other
  end(known ? goodbye.reason : wire::Reason::normal,
      clipped_utf8(goodbye.text, goodbye_text_bytes_max));
}

// --- writing ---

template <class Native>
void Session::send(const Native& message) {
  wire::append_control(out_, message);
  sessions_.router_.wake(*this);
}

void Session::on_writable() {
  blocked = false;
  link_.want_writable(false);
  sessions_.router_.wake(*this);
}

void Session::flush() {
  switch (state_) {
    case State::hello_expected:
    case State::open:
      sessions_.flush_.run(*this);
      return;
    case State::closing:
      write_rest();
      return;
    case State::ended:
      return;
  }
}

void Session::drop_sent() {
  if (unsent() != 0) {
    // A client that reads slowly and asks on: what it has read must not stay.
    if (out_sent_ < sent_kept_bytes_max) return;
    out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(out_sent_));
    out_sent_ = 0;
    return;
  }
  out_sent_ = 0;
  if (out_.capacity() > kept_out_bytes) {
    ByteVector().swap(out_);
  } else {
    out_.clear();
  }
}

// What a closing session still has to say. What its client still sends is read and forgotten.
void Session::write_rest() {
  if (unsent() != 0) {
    const iovec range{out_.data() + out_sent_, unsent()};
    const LinkResult result = link_.write({&range, 1});
    if (result.status == LinkResult::Status::ok) {
      out_sent_ += result.bytes;
      counters_.sent_bytes += result.bytes;
    } else if (result.status != LinkResult::Status::would_block) {
      return end(reason_, "");
    }
  }
  if (unsent() == 0) {
    // Closed now, a socket with bytes unread would take the goodbye back. The client closes first.
    link_.shutdown();
    return;
  }
  blocked = true;
  link_.want_writable(true);
}

// --- the end ---

void Session::handshake_done() {
  --sessions_.handshakes_;
}

void Session::leave() {
  publications_.close(sessions_.router_);
  sessions_.router_.remove(*this);
}

void Session::close(wire::Reason reason, std::string_view text, uint32_t retry_after_ms) {
  if (state_ == State::closing || state_ == State::ended) return;
  if (state_ == State::hello_expected) handshake_done();
  fb::GoodbyeT goodbye;
  goodbye.reason = reason;
  goodbye.text = text;
  goodbye.retry_after_ms = retry_after_ms;
  wire::append_control(out_, goodbye);
  state_ = State::closing;
  reason_ = reason;
  closing_ms_ = sessions_.clock_.mono_ms();
  leave();
  ByteVector().swap(in_);
  sessions_.ended(*this, reason, text);
  sessions_.router_.wake(*this);
}

void Session::end(wire::Reason reason, std::string_view text) {
  if (state_ == State::ended) return;
  const State before = state_;
  if (before == State::hello_expected) handshake_done();
  state_ = State::ended;
  leave();
  link_.want_readable(false);
  link_.want_writable(false);
  if (before != State::closing) sessions_.ended(*this, reason, text);
  sessions_.to_destroy_.push_back(id_);
}

void Session::tick(uint64_t now_ms) {
  switch (state_) {
    case State::hello_expected:
      if (now_ms - connected_ms_ >= sessions_.limits.handshake_timeout_ms) {
        close(wire::Reason::hello_timeout, "connected and said nothing that is a hello");
      }
      return;
    case State::open:
      if (now_ms - heard_ms_ >= keep_alive_ms_ + keep_alive_ms_ / 2) {
        close(wire::Reason::keep_alive_timeout, "silent for longer than agreed");
      } else if (now_ms - wrote_ms_ + tick_ms > keep_alive_ms_ && unsent() == 0 && !blocked) {
        send(fb::PingT());
      }
      return;
    case State::closing:
      if (now_ms - closing_ms_ >= goodbye_timeout_ms) end(reason_, "");
      return;
    case State::ended:
      return;
  }
}

uint64_t Session::behind_bytes() const {
  uint64_t bytes = unsent();
  for (const Follower* follower : followers())
    bytes += follower->topic->log.bytes_behind(follower->cursor);
  return bytes;
}

}  // namespace btb
