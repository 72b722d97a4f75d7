// The floor: what fan-out costs if nothing is done but reading and writing. It reads from the
// publisher and writes the same bytes to every subscriber. One thread, one epoll, no protocol but
// the first byte of a connection, which it answers with the same byte: 'P' publishes, 'S'
// subscribes.
//
//   floor ENDPOINT          unix:/path or tcp:host:port
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sdk/base/bytes.h"
#include "sdk/base/unique_fd.h"
#include "sdk/transport/socket.h"
#include "tests/bench/options.h"

namespace btb::bench {
namespace {

constexpr size_t read_bytes = 256U << 10;
// A subscriber that is further behind than this stops the publisher: the floor has no other answer
// to slowness.
constexpr size_t backlog_bytes_max = 1U << 20;
constexpr int events_max = 256;

struct Subscriber {
  UniqueFd fd;
  ByteVector backlog;  // what the kernel would not take yet; the first `taken` bytes it has
  size_t taken = 0;

  [[nodiscard]] size_t behind_bytes() const { return backlog.size() - taken; }
  [[nodiscard]] bool over_limit() const { return behind_bytes() > backlog_bytes_max; }
};

class Floor {
 public:
  explicit Floor(UniqueFd listener)
      : listener_(std::move(listener)), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener_.get(), EPOLLIN, EPOLL_CTL_ADD);
  }

  [[noreturn]] void run() {
    for (;;) {
      epoll_event events[events_max];
      const int count = ::epoll_wait(poll_.get(), events, events_max, -1);
      for (int i = 0; i < count; ++i) handle(events[i].data.fd, events[i].events);
    }
  }

 private:
  void watch(int fd, uint32_t interest, int operation) {
    epoll_event event{};
    event.events = interest;
    event.data.fd = fd;
    if (::epoll_ctl(poll_.get(), operation, fd, &event) != 0) fail("epoll_ctl failed");
  }

  void handle(int fd, uint32_t events) {
    if (fd == listener_.get()) return accept();
    if (fd == publisher_.get()) return fan_out();
    if (const auto found = by_fd_.find(fd); found != by_fd_.end()) {
      if ((events & EPOLLOUT) != 0) flush(*found->second);
      if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_subscriber(fd);
      return;
    }
    if (const auto found = unnamed_.find(fd); found != unnamed_.end()) name(found->second);
  }

  void accept() {
    Result<UniqueFd> accepted = accept_from(listener_.get());
    if (!accepted) return;
    const int fd = accepted->get();
    unnamed_.emplace(fd, std::move(*accepted));
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }

  // The first byte of a connection says what it is.
  void name(UniqueFd& connection) {
    const int fd = connection.get();
    char role = 0;
    const bool known = ::recv(fd, &role, 1, 0) == 1 && (role == 'P' || role == 'S');
    if (known && role == 'P') {
      publisher_ = std::move(connection);
    } else if (known) {
      subscribers_.push_back(
          std::make_unique<Subscriber>(Subscriber{std::move(connection), {}, 0}));
      by_fd_[fd] = subscribers_.back().get();
    }
    unnamed_.erase(fd);
    if (known && ::send(fd, &role, 1, MSG_NOSIGNAL) != 1) fail("a new connection takes no byte");
  }

  // The whole of the work.
  void fan_out() {
    const ssize_t got = ::recv(publisher_.get(), buffer_.data(), buffer_.size(), 0);
    if (got <= 0) {
      if (got == 0 || errno != EAGAIN) publisher_.reset();
      return;
    }
    const Bytes bytes(buffer_.data(), static_cast<size_t>(got));
    for (const auto& subscriber : subscribers_) write(*subscriber, bytes);
    if (over_limit_ > 0) watch(publisher_.get(), 0, EPOLL_CTL_MOD);
  }

  void write(Subscriber& to, Bytes bytes) {
    if (to.backlog.empty()) {
      const ssize_t sent = ::send(to.fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes = bytes.subspan(static_cast<size_t>(sent));
      if (bytes.empty()) return;
      watch(to.fd.get(), EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
    }
    const bool was_over = to.over_limit();
    append(to.backlog, bytes);
    if (!was_over && to.over_limit()) ++over_limit_;
  }

  void flush(Subscriber& to) {
    const bool was_over = to.over_limit();
    const Bytes rest = Bytes(to.backlog).subspan(to.taken);
    const ssize_t sent = ::send(to.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) to.taken += static_cast<size_t>(sent);
    if (to.behind_bytes() == 0) {
      to.backlog.clear();
      to.taken = 0;
      watch(to.fd.get(), EPOLLIN, EPOLL_CTL_MOD);
    }
    if (was_over && !to.over_limit() && --over_limit_ == 0) resume();
  }

  void resume() {
    if (publisher_.valid()) watch(publisher_.get(), EPOLLIN, EPOLL_CTL_MOD);
  }

  // A subscriber says nothing: what comes is its end.
  void read_subscriber(int fd) {
    const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (got > 0 || (got < 0 && errno == EAGAIN)) return;
    const Subscriber* gone = by_fd_.at(fd);
    if (gone->over_limit() && --over_limit_ == 0) resume();
    by_fd_.erase(fd);
    std::erase_if(subscribers_, [gone](const auto& each) { return each.get() == gone; });
  }

  UniqueFd listener_;
  UniqueFd poll_;
  UniqueFd publisher_;
  std::unordered_map<int, UniqueFd> unnamed_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::unordered_map<int, Subscriber*> by_fd_;
  size_t over_limit_ = 0;  // subscribers whose backlog is beyond backlog_bytes_max
  ByteVector buffer_ = ByteVector(read_bytes);
};

}  // namespace
}  // namespace btb::bench

int main(int argc, char** argv) {
  using namespace btb;
  if (argc != 2) bench::fail("usage: floor ENDPOINT");
  const Result<Endpoint> endpoint = parse_endpoint(argv[1]);
  if (!endpoint) bench::fail(endpoint.error().text);
  Result<UniqueFd> listener = listen_on(*endpoint, {});
  if (!listener) bench::fail(listener.error().text);
  bench::Floor(std::move(*listener)).run();
}
