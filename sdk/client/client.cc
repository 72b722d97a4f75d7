// The parts of Client: connecting, the turn (poll and time), bytes in and out, and the ends of
// sessions and attempts.
#include "sdk/client/client.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "sdk/transport/socket.h"
#include "sdk/transport/stream.h"

namespace btb::client {

using wire::Reason;

namespace {

// Several of the largest frames; at 128 bytes a message, two thousand of them for one system call.
constexpr size_t buffer_bytes = 256U << 10;
static_assert(buffer_bytes >= 2 * Conversation::frame_bytes_max);
// A client that let go of its place connects again after this time at the latest.
constexpr uint32_t let_go_wait_ms = 5 * 60'000;
constexpr size_t ways_max = 32;
// While a Bluetooth link is being ended, it is tried again this often, after this time.
constexpr uint32_t busy_max = 10, busy_wait_ms = 200;

ConversationOptions for_client(ConversationOptions options) {
  options.tells_end = false;
  return options;
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
    case Reason::let_go:
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
    case Reason::memory_full:
    case Reason::retention:
    case Reason::epoch_changed:
    case Reason::deletions_forgotten:
    case Reason::topic_gone:
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
      backoff_(options_.backoff, jitter_seed(clock, this)),
      buffer_(buffer_bytes / sizeof(uint64_t)) {}

Client::~Client() = default;

// --- connecting ---

void Client::start() {
  if (state_ != State::idle) return;
  ways_left_ = options_.ways.size();
  connect();
}

void Client::set_ways(std::vector<Way> ways) {
  if (ways.empty()) return;
  if (ways.size() > ways_max) ways.resize(ways_max);
  options_.ways = std::move(ways);
  way_ = 0;
  attempt_ = 0;
  addresses_left_ = 0;
  held_until_ms_ = 0;
  try_within(0);
}

void Client::keep_ways(const std::function<bool(const Way& way)>& keep) {
  if (options_.ways.empty()) return;
  const Way used = way();
  std::erase_if(options_.ways, [&](const Way& one) { return one != used && !keep(one); });
  const auto at = std::find(options_.ways.begin(), options_.ways.end(), used);
  way_ = static_cast<size_t>(at - options_.ways.begin());
  ways_left_ = options_.ways.size();
}

void Client::try_within(uint32_t wait_ms) {
  if (state_ != State::waiting) return;
  ways_left_ = options_.ways.size();
  deadline_ms_ = std::min(deadline_ms_, clock_.mono_ms() + wait_ms);
}

uint64_t Client::deadline_ms() const {
  return state_ == State::waiting ? std::max(deadline_ms_, held_until_ms_) : deadline_ms_;
}

void Client::connect() {
  if (options_.ways.empty()) {
    state_ = State::waiting;
    deadline_ms_ = std::numeric_limits<uint64_t>::max();
    return;
  }
  if (addresses_left_ == 0) deadline_ms_ = clock_.mono_ms() + options_.connect_timeout_ms;
  state_ = State::connecting;
  stream_.reset();
  buffered_ = 0;
  stalled_ = false;
  auto fd = begin_connect(way().endpoint, attempt_, way().adapter);
  if (!fd) return connect_failed(fd.error());
  connecting_ = std::move(*fd);
}

// Tries the other addresses of the host at once, then leaves it to the backoff.
void Client::connect_failed(const Error& error) {
  const bool full = error.code == Errc::limit && connecting_.valid();  // there, not here
  connecting_.reset();
  if (error.code == Errc::exists && busy_ < busy_max) {
    ++busy_;
    state_ = State::waiting;
    deadline_ms_ = clock_.mono_ms() + busy_wait_ms;
    return;
  }
  busy_ = 0;
  if (addresses_left_ == 0) {
    addresses_left_ = address_count(way().endpoint);
  }
  ++attempt_;
  if (--addresses_left_ != 0) return connect();
  lost(full ? Reason::full : Reason::peer_failed, error.text);
}

void Client::transport_connected() {
  const auto result = finish_connect(connecting_.get(), way().endpoint);
  if (!result) {
    return connect_failed(
        {result.error().code, to_string(way().endpoint) + ": " + result.error().text});
  }
  stream_ = socket_stream(std::move(connecting_));
  busy_ = 0;
  conversation_.begin(clock_.mono_ms());
  write_some();
}

// --- the turn ---

int Client::fd() const {
  return stream_ == nullptr ? connecting_.get() : stream_->fd();
}

bool Client::wants_read() const {
  if (stream_ == nullptr) return false;
  return state_ == State::closing || !conversation_.reading_paused();
}

bool Client::wants_write() const {
  return stream_ == nullptr ? connecting_.valid() : !conversation_.output().empty();
}

int Client::timeout_ms() const {
  if (state_ == State::idle || state_ == State::stopped) return -1;
  if (stalled_ && !conversation_.reading_paused()) return 0;
  uint64_t next = std::numeric_limits<uint64_t>::max();
  if (state_ != State::open) next = deadline_ms();
  if (const auto tick = conversation_.next_tick_ms()) next = std::min(next, *tick);
  if (next == std::numeric_limits<uint64_t>::max()) return -1;
  const uint64_t now = clock_.mono_ms();
  return next <= now ? 0 : static_cast<int>(std::min<uint64_t>(next - now, 1U << 30));
}

bool Client::run_once(int timeout_ms) {
  if (state_ == State::stopped) return false;
  const int own = this->timeout_ms();
  const int wait = own < 0 ? timeout_ms : timeout_ms < 0 ? own : std::min(own, timeout_ms);
  pollfd entry{wants_read() || wants_write() ? fd() : -1, 0, 0};
  if (wants_read()) entry.events |= POLLIN;
  if (wants_write()) entry.events |= POLLOUT;
  const int count = ::poll(&entry, 1, wait);
  const bool readable = count > 0 && (entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
  const bool writable = count > 0 && (entry.revents & (POLLOUT | POLLHUP | POLLERR)) != 0;
  ready(readable, writable);
  return state_ != State::stopped;
}

void Client::ready(bool readable, bool writable) {
  if (writable && connecting_.valid()) transport_connected();
  if (stalled_ && stream_ != nullptr) take_buffered();
  if (readable && stream_ != nullptr) {
    if (state_ == State::closing) {
      drain();
    } else if (!conversation_.reading_paused()) {
      read_some();
    }
  }
  check_time();
  if (stream_ != nullptr) write_some();
}

void Client::check_time() {
  const uint64_t now = clock_.mono_ms();
  if (state_ == State::open) {
    conversation_.tick(now);
    if (conversation_.state() == Conversation::State::ended) conversation_ended();
  } else if (state_ == State::waiting && now >= deadline_ms()) {
    connect();
  } else if (state_ == State::connecting && now >= deadline_ms_) {
    lost(Reason::peer_failed, to_string(way().endpoint) + ": no answer within " +
                                  std::to_string(options_.connect_timeout_ms) + " ms" +
                                  (stream_ != nullptr ? "; is it a btbroker?" : ""));
  } else if (state_ == State::closing && now >= deadline_ms_) {
    stop();
  }
}

// --- bytes ---

void Client::read_some() {
  auto* at = reinterpret_cast<std::byte*>(buffer_.data());
  const IoResult got = stream_->read({at + buffered_, buffer_bytes - buffered_});
  switch (got.status) {
    case IoResult::Status::would_block:
      return;
    case IoResult::Status::closed:
      if (got.error == 0) return lost(Reason::peer_closed, "the broker closed without a goodbye");
      return lost(Reason::peer_failed, std::strerror(got.error));
    case IoResult::Status::failed:
      return lost(Reason::peer_failed, std::strerror(got.error));
    case IoResult::Status::ok:
      break;
  }
  buffered_ += got.bytes;
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
    ways_left_ = options_.ways.size();
    rounds_failed_ = 0;
    refusal_ = most_telling_ = {};
    backoff_.connected(clock_.mono_ms());
  }
  if (conversation_.state() == Conversation::State::ended && state_ != State::closing) {
    conversation_ended();
  }
}

// Frames that come after our goodbye are dropped. They must be read: otherwise TCP resets the
// connection, and the broker loses bytes that it has not read yet.
void Client::drain() {
  auto* at = reinterpret_cast<std::byte*>(buffer_.data());
  const IoResult got = stream_->read({at, buffer_bytes});
  if (got.status != IoResult::Status::ok && got.status != IoResult::Status::would_block) stop();
}

IoResult Client::send_some(Bytes output) const {
  const iovec range{const_cast<std::byte*>(output.data()), output.size()};
  return stream_->write({&range, 1});
}

void Client::write_some() {
  while (!conversation_.output().empty()) {
    const IoResult sent = send_some(conversation_.output());
    if (sent.status == IoResult::Status::would_block) return;
    if (sent.status != IoResult::Status::ok) {
      if (state_ == State::closing) return stop();
      // A broker that refuses closes at once: its goodbye may still lie in the receive buffer.
      const bool gone = sent.status == IoResult::Status::closed || sent.error == ENOTCONN;
      return gone ? read_some() : lost(Reason::peer_failed, std::strerror(sent.error));
    }
    conversation_.sent(sent.bytes, clock_.mono_ms());
  }
  if (state_ == State::closing) stream_->shutdown();
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
  if (state_ == State::closing) return stop();
  wait_or_stop();
}

// The conversation ended by itself: the broker said goodbye, or our goodbye is in the output.
void Client::conversation_ended() {
  ending_ = conversation_.ending();
  const Bytes output = conversation_.output();
  if (!output.empty()) (void)send_some(output);
  conversation_.end(ending_.reason, {});
  learn_ways(ending_);
  wait_or_stop();
}

void Client::wait_or_stop() {
  connecting_.reset();
  stream_.reset();
  addresses_left_ = 0;
  heeded_ = ending_.greeted || !way().heard;
  note_refusal();
  if (!ending_.greeted && take_next_way()) {
    state_ = State::waiting;
    deadline_ms_ = 0;
    return handler_.on_disconnected(ending_, 0);
  }
  if (!ending_.greeted) ++rounds_failed_;
  ways_left_ = options_.ways.size();
  end_round();
  if (!may_retry()) return stop();
  state_ = State::waiting;
  uint32_t wait = backoff_.next_ms(clock_.mono_ms(), ending_.retry_after_ms);
  if (ending_.reason == Reason::let_go) wait = std::max(wait, let_go_wait_ms);
  deadline_ms_ = clock_.mono_ms() + wait;
  handler_.on_disconnected(ending_, wait);
}

void Client::note_refusal() {
  if (ending_.greeted || ending_.weight() == 0) return;
  // Of equal weight, an ending on a way that was named wins; otherwise the first one.
  if (std::pair(ending_.weight(), heeded_) <= std::pair(refusal_.weight(), refusal_heeded_)) return;
  refusal_ = ending_;
  refusal_heeded_ = heeded_;
  if (!ending_.by_broker) return;                         // the text names the endpoint already
  if (options_.ways.size() == 1 && !way().heard) return;  // there is only one endpoint
  const std::string who = to_string(way().endpoint);
  refusal_.text = refusal_.text.empty() ? who : who + ": " + refusal_.text;
}

// If a broker refused in this round, its answer is the ending, even if later ways did not answer.
void Client::end_round() {
  if (refusal_.weight() != 0 && !ending_.greeted) {
    const bool nobody = ending_.weight() == 0 && !ending_.text.empty();
    if (nobody) refusal_.text += "; but " + ending_.text;
    ending_ = std::exchange(refusal_, {});
    heeded_ = refusal_heeded_;
  }
  if (ending_.weight() >= most_telling_.weight()) most_telling_ = ending_;
}

// Moves to the next way. False at the end of the round.
bool Client::take_next_way() {
  if (ways_left_ != 0) --ways_left_;
  if (options_.ways.size() > 1) way_ = (way_ + 1) % options_.ways.size();
  attempt_ = 0;
  return ways_left_ != 0;
}

// A full broker says where it has places. Only Bluetooth endpoints are taken: a stranger on the air
// must not send the client to a socket of this machine or its network.
void Client::learn_ways(const Ending& ending) {
  if (ending.reason != Reason::full) return;
  size_t behind = way_ + 1;
  for (const std::string& text : ending.elsewhere) {
    const auto endpoint = parse_endpoint(text);
    if (!endpoint || !is_bluetooth(*endpoint) || options_.ways.size() >= ways_max) continue;
    const bool known = std::any_of(options_.ways.begin(), options_.ways.end(),
                                   [&](const Way& one) { return one.endpoint == *endpoint; });
    if (known) continue;
    options_.ways.insert(options_.ways.begin() + static_cast<ptrdiff_t>(behind++),
                         {*endpoint, way().adapter, way().heard});
    ++ways_left_;
  }
}

bool Client::may_retry() const {
  const bool ever = conversation_.counters().sessions != 0;
  return (ever ? options_.reconnect : options_.retry_first) &&
         (is_passing(ending_.reason) || !heeded_);
}

void Client::close() {
  if (state_ == State::stopped || state_ == State::closing) return;
  const bool connected = stream_ != nullptr;
  conversation_.close(Reason::normal, {});
  if (state_ == State::waiting) ending_ = Ending{Reason::normal, {}};
  if (ending_.reason == Reason::none || connected) ending_ = conversation_.ending();
  if (!connected) return stop();
  state_ = State::closing;
  deadline_ms_ = clock_.mono_ms() + options_.goodbye_timeout_ms;
}

void Client::stop() {
  if (state_ == State::stopped) return;
  state_ = State::stopped;
  connecting_.reset();
  stream_.reset();
  stalled_ = false;
  conversation_.end(Reason::normal, {});
  handler_.on_disconnected(ending_, -1);
}

}  // namespace btb::client
