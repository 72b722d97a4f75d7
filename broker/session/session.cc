// Session, first part: reading, writing, the end. The answers to requests are in
// session_requests.cc.
#include "broker/session/session.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace btb {

namespace {

constexpr uint64_t goodbye_timeout_ms = 2'000;
constexpr uint64_t tick_ms = 1'000;  // a ping is sent one tick before it would be late

// Work of any request: reading and answering it.
constexpr uint64_t request_work_min = 10;

// Requests whose work is charged. All other frames are handled even if the share is used up.
bool is_work(wire::Kind kind) {
  return kind == wire::Kind::subscribe || kind == wire::Kind::unsubscribe ||
         kind == wire::Kind::open || kind == wire::Kind::command;
}

}  // namespace

Session::Session(SessionContext& context, uint64_t id, std::unique_ptr<Stream> stream,
                 SessionTraits traits, AccountPtr account)
    : context_(context),
      id_(id),
      traits_(std::move(traits)),
      link_(context.loop, std::move(stream), *this),
      account_(std::move(account)),
      publications_(context.refusals, context.unfinished, account_, outbox_, *this),
      connected_ms_(context.clock.mono_ms()),
      heard_ms_(connected_ms_),
      wrote_ms_(connected_ms_) {
  follows_for = account_;
  allow_publishing(traits_.client_publish);
}

Session::~Session() {
  publications_.close(context_.router);
  context_.router.remove(*this);
}

// --- reading ---

void Session::on_readable() {
  if (postponed_) return;  // a broken connection calls this, too; it can wait
  ByteVector& buffer = context_.read_buffer;
  const size_t kept = in_.size();
  std::copy(in_.begin(), in_.end(), buffer.begin());
  const IoResult result = link_.read(MutableBytes(buffer).subspan(kept));
  switch (result.status) {
    case IoResult::Status::would_block:
      return;
    case IoResult::Status::closed:
      if (state_ == State::closing) {
        end({reason_, {}, {}});
      } else {
        end({wire::Reason::peer_closed, SessionEnd::By::connection, "closed without a goodbye"});
      }
      return;
    case IoResult::Status::failed:
      end({wire::Reason::peer_failed, SessionEnd::By::connection, std::strerror(result.error)});
      return;
    case IoResult::Status::ok:
      break;
  }
  counters_.received_bytes += result.bytes;
  if (state_ == State::closing || state_ == State::ended)
    return;  // what the client sends after a goodbye is ignored
  context_.read_clock();
  heard_ms_ = context_.now_ms;
  take_frames(Bytes(buffer).first(kept + result.bytes));
}

// Handles every whole frame, and keeps the beginning of the next one. Stops before a request if the
// share of work in this turn is used up.
void Session::take_frames(Bytes buffer) {
  size_t at = 0;
  const uint64_t share_until = context_.share_until();
  bool share_used = has_errand() && !go_on_with_errand(share_until);
  while ((state_ == State::hello_expected || state_ == State::open) && !share_used) {
    const wire::NextFrame next = wire::next_frame(buffer.subspan(at));
    if (next.status == wire::NextFrame::Status::fault) {
      close(next.fault.reason, next.fault.text);
      return;
    }
    if (next.status == wire::NextFrame::Status::incomplete) break;
    if (is_work(next.frame.kind)) {
      share_used = context_.router.work() >= share_until;
      if (share_used) break;
      context_.router.charge(request_work_min);
    }
    handle(next.frame);
    at += next.consumed;
    share_used = has_errand() && !go_on_with_errand(share_until);
  }
  if (state_ != State::hello_expected && state_ != State::open) return;
  if (at == buffer.size()) {
    ByteVector().swap(in_);
  } else {
    in_.assign(buffer.begin() + static_cast<ptrdiff_t>(at), buffer.end());
  }
  if (share_used) postpone();
}

void Session::postpone() {
  postponed_ = true;
  link_.want_readable(false);
  held_up_ = !gone_.empty() && outbox_.size() > limits::told_gone_bytes_max;
  if (!held_up_) context_.events.postponed(*this);
}

void Session::go_on() {
  if (!postponed_) return;  // it was closed meanwhile
  postponed_ = false;
  heard_ms_ = context_.now_ms;  // it was not silent: the broker did not read
  const ByteVector kept = std::exchange(in_, {});
  take_frames(kept);
  if (!postponed_ && state_ == State::open) link_.want_readable(true);
}

template <class Native>
void Session::decode_for(const wire::FrameView& frame, void (Session::*handler)(Native&)) {
  const bool is_answered = frame.kind != wire::Kind::pong && frame.kind != wire::Kind::goodbye;
  if (is_answered && outbox_.size() > limits::session_control_bytes_max) {
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
    return context_.events.wants_more(*this);
  }
  switch (frame.kind) {
    case wire::Kind::data:
      ++counters_.received_messages;
      publications_.take(frame, context_.router, context_.now_us, context_.limits.message_bytes,
                         context_.now_ms);
      if (publications_.acks_due() || !outbox_.empty()) wake();
      if (outbox_.size() > limits::session_control_bytes_max) {
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
  context_.router.wake(*this);
}

void Session::on_writable() {
  blocked = false;
  link_.want_writable(false);
  if (held_up_) heard_ms_ = context_.clock.mono_ms();  // it reads, so it is there
  context_.router.wake(*this);
}

size_t Session::flush() {
  switch (state_) {
    case State::hello_expected:
    case State::open: {
      const size_t cost = flush_topics();
      if (held_up_ && outbox_.size() <= limits::told_gone_bytes_max) {
        held_up_ = false;
        context_.events.postponed(*this);
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

size_t Session::flush_topics() {
  if (publications_.acks_due()) publications_.append_acks();
  const FlushResult result =
      context_.flush.run({*this, outbox_, link_, waits_, context_.limits.flush_budget_bytes});
  switch (result.status) {
    case FlushResult::Status::overflow:
      close(wire::Reason::overflow, "fell further behind than the topic keeps");
      return 0;
    case FlushResult::Status::broken:
      end({wire::Reason::peer_failed, SessionEnd::By::connection, std::strerror(result.error)});
      return 0;
    case FlushResult::Status::written:
      break;
  }
  counters_.sent_bytes += result.bytes;
  counters_.missed_messages += result.missed;
  if (result.bytes != 0) wrote_ms_ = context_.now_ms;
  if (result.carried) carried_ms_ = context_.now_ms;
  behind_ = has_due();
  if (result.full) {
    blocked = true;
    link_.want_writable(true);
  } else if (behind_ && result.bytes != 0) {
    context_.events.behind(*this);
  }
  return result.cost;
}

// Writes the rest of the outbox of a closing session.
void Session::write_rest() {
  if (!outbox_.empty()) {
    const Bytes unsent = outbox_.unsent();
    const iovec range{const_cast<std::byte*>(unsent.data()), unsent.size()};
    const IoResult result = link_.write({&range, 1});
    if (result.status == IoResult::Status::ok) {
      outbox_.sent(result.bytes);
      counters_.sent_bytes += result.bytes;
    } else if (result.status != IoResult::Status::would_block) {
      return end({reason_, {}, {}});
    }
  }
  if (outbox_.empty()) {
    // Not closed yet: closing a socket with unread bytes would drop the goodbye. The client closes
    // first.
    link_.shutdown();
    return;
  }
  blocked = true;
  link_.want_writable(true);
}

// --- the end ---

std::string_view name_of(SessionEnd::By by) {
  switch (by) {
    case SessionEnd::By::broker:
      return "broker";
    case SessionEnd::By::client:
      return "client";
    case SessionEnd::By::connection:
      return "connection";
  }
  return "unknown";
}

void Session::leave() {
  errand_ = {};
  gone_ = {};
  held_up_ = false;
  publications_.close(context_.router);
  context_.events.leaving(*this);
}

bool Session::leave_on(uint64_t work_until) {
  return context_.router.remove(*this, work_until);
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
  outbox_.add(goodbye);
  state_ = State::closing;
  reason_ = goodbye.reason;
  closing_ms_ = context_.clock.mono_ms();
  leave();
  ByteVector().swap(in_);
  postponed_ = false;
  link_.want_readable(true);
  context_.events.ended(*this, {goodbye.reason, SessionEnd::By::broker, goodbye.text});
  context_.router.wake(*this);
}

void Session::cut_off() {
  flush();
  end({reason_, {}, {}});
}

void Session::end(const SessionEnd& how) {
  if (state_ == State::ended) return;
  const State before = state_;
  state_ = State::ended;
  postponed_ = false;
  leave();
  link_.want_readable(false);
  link_.want_writable(false);
  if (before != State::closing) context_.events.ended(*this, how);
}

void Session::tick(uint64_t now_ms) {
  switch (state_) {
    case State::hello_expected:
      if (now_ms - connected_ms_ >= context_.limits.handshake_timeout_ms) {
        close(wire::Reason::hello_timeout, "connected and said nothing that is a hello");
      }
      return;
    case State::open:
      if (postponed_ && !held_up_) heard_ms_ = now_ms;  // not silent: the broker does not read
      if (now_ms - heard_ms_ >= keep_alive_ms_ + keep_alive_ms_ / 2) {
        close(wire::Reason::keep_alive_timeout, "silent for longer than agreed");
      } else if (now_ms - wrote_ms_ + tick_ms > keep_alive_ms_ && outbox_.empty() && !blocked) {
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
  uint64_t bytes = outbox_.size();
  for (const auto& follower : followers())
    bytes += follower->topic->log.bytes_behind(follower->cursor);
  return bytes;
}

}  // namespace btb
