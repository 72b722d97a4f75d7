#include "sdk/client/client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "sdk/transport/socket.h"

namespace btb::client {

using wire::Reason;

namespace {

// Several of the largest frames; at 128 bytes a message, two thousand of them for one system call.
constexpr size_t buffer_bytes = 256U << 10;
static_assert(buffer_bytes >= 2 * Conversation::frame_bytes_max);

ConversationOptions for_client(ConversationOptions options) {
  options.tells_end = false;
  return options;
}

uint64_t seed_from(const Clock& clock, const void* object) {
  return static_cast<uint64_t>(clock.now_us()) * 0x9E3779B97F4A7C15U ^
         reinterpret_cast<uintptr_t>(object);
}

// Whether a broker may give another answer the next time.
bool is_passing(Reason reason) {
  switch (reason) {
    case Reason::none:
    case Reason::shutting_down:
    case Reason::full:
    case Reason::hello_timeout:
    case Reason::keep_alive_timeout:
    case Reason::overflow:
    case Reason::control_overflow:
    case Reason::peer_closed:
    case Reason::peer_failed:
    case Reason::listener_removed:
      return true;
    case Reason::normal:
    case Reason::kicked:
    case Reason::hello_expected:
    case Reason::version_unsupported:
    case Reason::frame_malformed:
    case Reason::frame_too_large:
    case Reason::frame_unverifiable:
    case Reason::frame_unexpected:
    case Reason::not_allowed:
    case Reason::name_invalid:
    case Reason::too_many_subscriptions:
    case Reason::too_many_topics:
    case Reason::topic_unknown:
    case Reason::topic_full:
    case Reason::message_too_large:
    case Reason::key_too_large:
    case Reason::delete_unsupported:
    case Reason::id_in_use:
    case Reason::id_unknown:
    case Reason::command_unknown:
    case Reason::command_failed:
    case Reason::part_out_of_order:
    case Reason::reserved_name:
    case Reason::retention:
    case Reason::epoch_changed:
    case Reason::deletions_forgotten:
      return false;
  }
  return false;  // a reason newer than this client
}

}  // namespace

Client::Client(ClientOptions options, Handler& handler, const Clock& clock)
    : options_(std::move(options)),
      handler_(handler),
      clock_(clock),
      conversation_(for_client(options_.conversation), handler),
      backoff_(options_.backoff, seed_from(clock, this)),
      buffer_(buffer_bytes / sizeof(uint64_t)) {}

Client::~Client() = default;

// --- connecting ---

void Client::start() {
  if (state_ != State::idle) return;
  addresses_left_ = 0;
  deadline_ms_ = clock_.mono_ms() + options_.connect_timeout_ms;
  connect();
}

void Client::connect() {
  state_ = State::connecting;
  transport_up_ = false;
  buffered_ = 0;
  stalled_ = false;
  auto fd = begin_connect(options_.endpoint, attempt_, options_.adapter);
  if (!fd) return connect_failed(fd.error());
  fd_ = std::move(*fd);
}

// Tries the other addresses of the host at once, then leaves it to the backoff.
void Client::connect_failed(const Error& error) {
  fd_.reset();
  if (addresses_left_ == 0) {
    addresses_left_ = address_count(options_.endpoint);
  }
  ++attempt_;
  if (--addresses_left_ != 0) return connect();
  lost(Reason::peer_failed, error.text);
}

void Client::transport_connected() {
  const auto result = finish_connect(fd_.get());
  if (!result) {
    return connect_failed(
        {result.error().code, to_string(options_.endpoint) + ": " + result.error().text});
  }
  transport_up_ = true;
  message_bytes_max_ = message_bytes_max(fd_.get());
  conversation_.begin(clock_.mono_ms());
  write_some();
}

// --- the turn ---

bool Client::wants_read() const {
  if (!fd_.valid() || !transport_up_) return false;
  return state_ == State::closing || !conversation_.reading_paused();
}

bool Client::wants_write() const {
  if (!fd_.valid()) return false;
  return !transport_up_ || !conversation_.output().empty();
}

int Client::timeout_ms() const {
  if (state_ == State::idle || state_ == State::stopped) return -1;
  if (stalled_ && !conversation_.reading_paused()) return 0;
  uint64_t next = std::numeric_limits<uint64_t>::max();
  if (state_ != State::open) next = deadline_ms_;
  if (const auto tick = conversation_.next_tick_ms()) next = std::min(next, *tick);
  if (next == std::numeric_limits<uint64_t>::max()) return -1;
  const uint64_t now = clock_.mono_ms();
  return next <= now ? 0 : static_cast<int>(std::min<uint64_t>(next - now, 1U << 30));
}

bool Client::run_once(int timeout_ms) {
  if (state_ == State::stopped) return false;
  const int own = this->timeout_ms();
  const int wait = own < 0 ? timeout_ms : timeout_ms < 0 ? own : std::min(own, timeout_ms);
  pollfd entry{fd_.get(), 0, 0};
  if (wants_read()) entry.events |= POLLIN;
  if (wants_write()) entry.events |= POLLOUT;
  const int count = ::poll(&entry, 1, wait);
  const bool readable = count > 0 && (entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
  const bool writable = count > 0 && (entry.revents & (POLLOUT | POLLHUP | POLLERR)) != 0;
  ready(readable, writable);
  return state_ != State::stopped;
}

void Client::ready(bool readable, bool writable) {
  if (writable && fd_.valid() && !transport_up_) transport_connected();
  if (stalled_ && transport_up_ && fd_.valid()) take_buffered();
  if (readable && fd_.valid() && transport_up_) {
    if (state_ == State::closing) {
      drain();
    } else if (!conversation_.reading_paused()) {
      read_some();
    }
  }
  check_time();
  if (fd_.valid() && transport_up_) write_some();
}

void Client::check_time() {
  const uint64_t now = clock_.mono_ms();
  if (state_ == State::open) {
    conversation_.tick(now);
    if (conversation_.state() == Conversation::State::ended) conversation_ended();
  } else if (state_ == State::waiting && now >= deadline_ms_) {
    deadline_ms_ = now + options_.connect_timeout_ms;
    connect();
  } else if (state_ == State::connecting && now >= deadline_ms_) {
    lost(Reason::peer_failed, to_string(options_.endpoint) + ": no answer within " +
                                  std::to_string(options_.connect_timeout_ms) + " ms" +
                                  (transport_up_ ? "; is it a btbroker?" : ""));
  } else if (state_ == State::closing && now >= deadline_ms_) {
    stop();
  }
}

// --- bytes ---

void Client::read_some() {
  auto* at = reinterpret_cast<std::byte*>(buffer_.data());
  const ssize_t count = receive(fd_.get(), at + buffered_, buffer_bytes - buffered_);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) return lost(Reason::peer_failed, std::strerror(errno));
  if (count == 0) return lost(Reason::peer_closed, "the broker closed without a goodbye");
  buffered_ += static_cast<size_t>(count);
  take_buffered();
}

void Client::take_buffered() {
  auto* at = reinterpret_cast<std::byte*>(buffer_.data());
  const bool was_greeting = conversation_.state() == Conversation::State::greeting;
  const size_t taken = conversation_.receive({at, buffered_}, clock_.mono_ms());
  buffered_ -= taken;
  if (buffered_ != 0 && taken != 0) std::memmove(at, at + taken, buffered_);
  stalled_ = conversation_.reading_paused();
  if (was_greeting && conversation_.state() == Conversation::State::open &&
      state_ == State::connecting) {
    state_ = State::open;
    addresses_left_ = 0;
    backoff_.connected(clock_.mono_ms());
  }
  if (conversation_.state() == Conversation::State::ended && state_ != State::closing) {
    conversation_ended();
  }
}

// What still comes after our goodbye is of no interest, but reading it keeps TCP from resetting the
// connection and with it what the broker has not read yet.
void Client::drain() {
  const ssize_t count = ::recv(fd_.get(), buffer_.data(), buffer_bytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) stop();
}

ssize_t Client::send_some(Bytes output) const {
  const size_t most = message_bytes_max_ == 0 ? output.size() : message_bytes_max_;
  return ::send(fd_.get(), output.data(), std::min(output.size(), most), MSG_NOSIGNAL);
}

void Client::write_some() {
  while (!conversation_.output().empty()) {
    const Bytes output = conversation_.output();
    const ssize_t count = send_some(output);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count < 0) {
      // A broker that refuses closes at once: its goodbye may still lie in the receive buffer.
      if (state_ == State::closing) return stop();
      return errno == EPIPE || errno == ECONNRESET
                 ? read_some()
                 : lost(Reason::peer_failed, std::strerror(errno));
    }
    conversation_.sent(static_cast<size_t>(count), clock_.mono_ms());
  }
  if (state_ == State::closing) (void)::shutdown(fd_.get(), SHUT_WR);
}

// --- ends ---

void Client::lost(Reason reason, std::string text) {
  const auto before = conversation_.state();
  if (before == Conversation::State::greeting || before == Conversation::State::open) {
    conversation_.end(reason, std::move(text));
    ending_ = conversation_.ending();
  } else if (before == Conversation::State::idle) {
    ending_ = {};
    ending_.reason = reason;
    ending_.text = std::move(text);
  }
  if (state_ == State::closing || !may_retry()) return stop();
  fd_.reset();
  state_ = State::waiting;
  const uint32_t wait = backoff_.next_ms(clock_.mono_ms(), ending_.retry_after_ms);
  deadline_ms_ = clock_.mono_ms() + wait;
  handler_.on_disconnected(ending_, wait);
}

// The conversation came to an end by itself: a goodbye was heard, or ours, with the reason, lies in
// the output.
void Client::conversation_ended() {
  ending_ = conversation_.ending();
  const Bytes output = conversation_.output();
  if (!output.empty()) (void)send_some(output);
  conversation_.end(ending_.reason, {});
  if (!may_retry()) return stop();
  fd_.reset();
  state_ = State::waiting;
  const uint32_t wait = backoff_.next_ms(clock_.mono_ms(), ending_.retry_after_ms);
  deadline_ms_ = clock_.mono_ms() + wait;
  handler_.on_disconnected(ending_, wait);
}

bool Client::may_retry() const {
  const bool ever = conversation_.counters().sessions != 0;
  return (ever ? options_.reconnect : options_.retry_first) && is_passing(ending_.reason);
}

void Client::close() {
  if (state_ == State::stopped || state_ == State::closing) return;
  const bool connected = transport_up_ && fd_.valid();
  conversation_.close(Reason::normal, {});
  if (ending_.reason == Reason::none || connected) ending_ = conversation_.ending();
  if (!connected) return stop();
  state_ = State::closing;
  deadline_ms_ = clock_.mono_ms() + options_.goodbye_timeout_ms;
}

void Client::stop() {
  if (state_ == State::stopped) return;
  state_ = State::stopped;
  fd_.reset();
  transport_up_ = false;
  stalled_ = false;
  conversation_.end(Reason::normal, {});
  handler_.on_disconnected(ending_, -1);
}

}  // namespace btb::client
