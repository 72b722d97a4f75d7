#include "tests/bench/conversation.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "sdk/transport/socket.h"
#include "tests/bench/options.h"

namespace btb::bench {
namespace {

constexpr int patience_ms = 10'000;
constexpr size_t listen_bytes = 64U << 10;

void wait_for(int fd, short what) {
  pollfd waiting{fd, what, 0};
  if (::poll(&waiting, 1, patience_ms) <= 0) fail("the broker has not moved for 10 s");
}

}  // namespace

Conversation::Conversation(const std::string& endpoint) {
  const Result<Endpoint> parsed = parse_endpoint(endpoint);
  if (!parsed) fail(parsed.error().text);
  Result<UniqueFd> begun = begin_connect(*parsed);
  if (!begun) fail(begun.error().text);
  fd_ = std::move(*begun);
  wait_for(fd_.get(), POLLOUT);
  if (const Result<void> finished = finish_connect(fd_.get(), *parsed); !finished)
    fail(finished.error().text);
}

void Conversation::say(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      wait_for(fd_.get(), POLLOUT);
    } else {
      fail("the broker closed the connection");
    }
  }
}

void Conversation::listen() {
  if (consumed_ == heard_.size()) {
    heard_.clear();
    consumed_ = 0;
  }
  wait_for(fd_.get(), POLLIN);
  const size_t before = heard_.size();
  heard_.resize(before + listen_bytes);
  const ssize_t got = ::recv(fd_.get(), heard_.data() + before, listen_bytes, 0);
  heard_.resize(before + static_cast<size_t>(got > 0 ? got : 0));
  if (got == 0 || (got < 0 && errno != EAGAIN)) fail("the broker closed the connection");
}

void Conversation::consume(size_t bytes) {
  consumed_ += bytes;
  if (consumed_ < listen_bytes || consumed_ % 8 != 0) return;
  heard_.erase(heard_.begin(), heard_.begin() + static_cast<ptrdiff_t>(consumed_));
  consumed_ = 0;
}

void Conversation::expect(std::string_view text) {
  while (heard().size() < text.size()) listen();
  const std::string_view found = as_text(heard().first(text.size()));
  if (found != text) fail("expected " + std::string(text) + ", heard " + std::string(found));
  consume(text.size());
}

std::string Conversation::line() {
  for (;;) {
    const std::string_view text = as_text(heard());
    if (const size_t end = text.find("\r\n"); end != std::string_view::npos) {
      std::string found(text.substr(0, end));
      consume(end + 2);
      return found;
    }
    listen();
  }
}

}  // namespace btb::bench
