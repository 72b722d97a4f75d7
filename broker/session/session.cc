#include "broker/session/session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "broker/session/sessions.h"

namespace btb {

namespace {

constexpr uint64_t goodbye_timeout_ms = 2'000;
constexpr uint64_t tick_ms = 1'000;  // what has to be said within a time is said a tick before
constexpr size_t sent_kept_bytes_max = 64U << 10;
constexpr size_t kept_out_bytes = 1024;  // a sent buffer larger than this is given back

// Of a request, whatever it asks for: reading it and answering.
constexpr uint64_t request_work_min = 10;

// Requests whose work is charged; all else goes on when a turn's share is used up.
bool is_work(wire::Kind kind) {
  return kind == wire::Kind::subscribe || kind == wire::Kind::unsubscribe ||
         kind == wire::Kind::open || kind == wire::Kind::command;
}

}  // namespace

Session::Session(Sessions& sessions, uint64_t id, UniqueFd fd, SessionTraits traits)
    : sessions_(sessions),
      id_(id),
      traits_(std::move(traits)),
      link_(sessions.loop_, std::move(fd), *this),
      account_(sessions.account_of(traits_.origin)),
      publications_(sessions.refusals_, sessions.unfinished_, account_, out_, *this),
      connected_ms_(sessions.clock_.mono_ms()),
      heard_ms_(connected_ms_),
      wrote_ms_(connected_ms_) {
  follows_for = account_;
  allow_publishing(traits_.client_publish);
}

Session::~Session() {
  publications_.close(sessions_.router_);
  sessions_.router_.remove(*this);
}

// --- reading ---

void Session::on_readable() {
  if (postponed_) return;  // told all the same when the connection is broken; that can wait, too
  ByteVector& buffer = sessions_.read_buffer_;
  const size_t kept = in_.size();
  std::copy(in_.begin(), in_.end(), buffer.begin());
  const LinkResult result = link_.read(MutableBytes(buffer).subspan(kept));
  switch (result.status) {
    case LinkResult::Status::would_block:
      return;
    case LinkResult::Status::closed:
      if (state_ == State::closing) {
        end({reason_, {}, {}});
      } else {
        end({wire::Reason::peer_closed, SessionEnd::By::connection, "closed without a goodbye"});
      }
      return;
    case LinkResult::Status::failed:
      end({wire::Reason::peer_failed, SessionEnd::By::connection, std::strerror(result.error)});
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
  take_frames(Bytes(buffer).first(kept + result.bytes));
}

// Handles every whole frame and keeps the beginning of the next. Stops before a request for which
// there is no share of this turn left.
void Session::take_frames(Bytes buffer) {
  size_t at = 0;
  const uint64_t share_until = sessions_.share_until();
  bool tired = has_errand() && !go_on_with_errand(share_until);
  while ((state_ == State::hello_expected || state_ == State::open) && !tired) {
    const wire::NextFrame next = wire::next_frame(buffer.subspan(at));
    if (next.status == wire::NextFrame::Status::fault) {
      close(next.fault.reason, next.fault.text);
      return;
    }
    if (next.status == wire::NextFrame::Status::incomplete) break;
    if (is_work(next.frame.kind)) {
      tired = sessions_.router_.work() >= share_until;
      if (tired) break;
      sessions_.router_.charge(request_work_min);
    }
    handle(next.frame);
    at += next.consumed;
    tired = has_errand() && !go_on_with_errand(share_until);
  }
  if (state_ != State::hello_expected && state_ != State::open) return;
  if (at == buffer.size()) {
    ByteVector().swap(in_);
  } else {
    in_.assign(buffer.begin() + static_cast<ptrdiff_t>(at), buffer.end());
  }
  if (tired) postpone();
}

void Session::postpone() {
  postponed_ = true;
  link_.want_readable(false);
  held_up_ = !gone_.empty() && unsent() > limits::told_gone_bytes_max;
  if (!held_up_) sessions_.postponed_.push_back(id_);
}

void Session::go_on() {
  if (!postponed_) return;  // it came to its end meanwhile
  postponed_ = false;
  heard_ms_ = sessions_.now_ms_;  // it was not silent, it was not listened to
  const ByteVector kept = std::exchange(in_, {});
  take_frames(kept);
  if (!postponed_ && state_ == State::open) link_.want_readable(true);
}

template <class Native>
void Session::decode_for(const wire::FrameView& frame, void (Session::*handler)(Native&)) {
  const bool is_answered = frame.kind != wire::Kind::pong && frame.kind != wire::Kind::goodbye;
  if (is_answered && unsent() > limits::session_control_bytes_max) {
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
  } else if (frame.kind == wire::Kind::goodbye) {
    decode_for(frame, &Session::on_goodbye);
  } else {
    close(wire::Reason::hello_expected,
          std::string("the first frame is of kind ") + std::string(wire::name_of(frame.kind)));
  }
}

void Session::handle_open(const wire::FrameView& frame) {
  if (reserved_ && (frame.kind == wire::Kind::subscribe || frame.kind == wire::Kind::open)) {
    return sessions_.refuse_reserved(*this);
  }
  switch (frame.kind) {
    case wire::Kind::data:
      ++counters_.received_messages;
      publications_.take(frame, sessions_.router_, sessions_.now_us_,
                         sessions_.limits.message_bytes, sessions_.now_ms_);
      if (publications_.acks_due() || unsent() != 0) wake();
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
      return decode_for(frame, &Session::on_pong);
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

// --- writing ---

void Session::wake() {
  sessions_.router_.wake(*this);
}

void Session::on_writable() {
  blocked = false;
  link_.want_writable(false);
  if (held_up_) heard_ms_ = sessions_.clock_.mono_ms();  // it reads, so it is there
  sessions_.router_.wake(*this);
}

size_t Session::flush() {
  switch (state_) {
    case State::hello_expected:
    case State::open: {
      const size_t cost = sessions_.flush_.run(*this);
      if (held_up_ && unsent() <= limits::told_gone_bytes_max) {
        held_up_ = false;
        sessions_.postponed_.push_back(id_);
      }
      return cost;
    }
    case State::closing:
      write_rest();
      return 0;
    case State::ended:
      return 0;
  }
  return 0;
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
      return end({reason_, {}, {}});
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
  sessions_.handshakes_.erase(id_);
}

void Session::leave() {
  errand_ = {};
  gone_ = {};
  held_up_ = false;
  publications_.close(sessions_.router_);
  sessions_.leaving_.push_back(id_);
}

bool Session::leave_on(uint64_t work_until) {
  return sessions_.router_.remove(*this, work_until);
}

void Session::close(wire::Reason reason, std::string_view text, uint32_t retry_after_ms) {
  fb::GoodbyeT goodbye;
  goodbye.reason = reason;
  goodbye.text = text;
  goodbye.retry_after_ms = retry_after_ms;
  close(goodbye);
}

void Session::close(const fb::GoodbyeT& goodbye) {
  if (state_ == State::closing || state_ == State::ended) return;
  if (state_ == State::hello_expected) handshake_done();
  wire::append_control(out_, goodbye);
  state_ = State::closing;
  reason_ = goodbye.reason;
  closing_ms_ = sessions_.clock_.mono_ms();
  leave();
  ByteVector().swap(in_);
  postponed_ = false;
  link_.want_readable(true);
  sessions_.ended(*this, {goodbye.reason, SessionEnd::By::broker, goodbye.text});
  sessions_.router_.wake(*this);
}

void Session::cut_off() {
  flush();
  end({reason_, {}, {}});
}

void Session::end(const SessionEnd& how) {
  if (state_ == State::ended) return;
  const State before = state_;
  if (before == State::hello_expected) handshake_done();
  state_ = State::ended;
  postponed_ = false;
  leave();
  link_.want_readable(false);
  link_.want_writable(false);
  if (before != State::closing) sessions_.ended(*this, how);
}

void Session::tick(uint64_t now_ms) {
  switch (state_) {
    case State::hello_expected:
      if (now_ms - connected_ms_ >= sessions_.limits.handshake_timeout_ms) {
        close(wire::Reason::hello_timeout, "connected and said nothing that is a hello");
      }
      return;
    case State::open:
      if (postponed_ && !held_up_) heard_ms_ = now_ms;  // not silent: not listened to
      if (now_ms - heard_ms_ >= keep_alive_ms_ + keep_alive_ms_ / 2) {
        close(wire::Reason::keep_alive_timeout, "silent for longer than agreed");
      } else if (now_ms - wrote_ms_ + tick_ms > keep_alive_ms_ && unsent() == 0 && !blocked) {
        send(fb::PingT());
      }
      return;
    case State::closing:
      if (now_ms - closing_ms_ >= goodbye_timeout_ms) end({reason_, {}, {}});
      return;
    case State::ended:
      return;
  }
}

uint64_t Session::idle_ms(uint64_t now_ms) const {
  const bool can = state_ == State::open && can_let_go_ && publications_.size() == 0 && !blocked &&
                   !has_due() && behind_bytes() == 0;
  return can ? now_ms - std::max(carried_ms_, connected_ms_) : 0;
}

uint64_t Session::behind_bytes() const {
  uint64_t bytes = unsent();
  for (const Follower* follower : followers())
    bytes += follower->topic->log.bytes_behind(follower->cursor);
  return bytes;
}

}  // namespace btb
