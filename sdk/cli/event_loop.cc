#include "sdk/cli/event_loop.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

namespace btb::cli {

namespace {

// The earlier of two time-outs; negative: no limit.
int earlier(int a, int b) {
  return a < 0 ? b : b < 0 ? a : std::min(a, b);
}

}  // namespace

EventLoop::EventLoop() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, &before_);
  signals_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

EventLoop::~EventLoop() {
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

EventLoop::Wake EventLoop::turn(client::Client& client, int timeout_ms, bool watch_input,
                                client::Roaming* roaming) {
  int wait = earlier(client.timeout_ms(), timeout_ms);
  if (roaming != nullptr) wait = earlier(wait, roaming->timeout_ms());
  std::array<pollfd, 5> entries{};
  entries[0] = {client.wants_read() || client.wants_write() ? client.fd() : -1, 0, 0};
  if (client.wants_read()) entries[0].events |= POLLIN;
  if (client.wants_write()) entries[0].events |= POLLOUT;
  entries[1] = {signals_.get(), POLLIN, 0};
  entries[2] = {output_gone_ ? -1 : STDOUT_FILENO, 0, 0};  // POLLERR is reported unasked
  entries[3] = {watch_input ? STDIN_FILENO : -1, POLLIN, 0};
  entries[4] = {-1, 0, 0};
  if (roaming != nullptr) entries[4] = {roaming->fd(), roaming->events(), 0};
  (void)::poll(entries.data(), entries.size(), wait);

  constexpr short broken = POLLHUP | POLLERR;
  client.ready((entries[0].revents & (POLLIN | broken)) != 0,
               (entries[0].revents & (POLLOUT | broken)) != 0);
  if (roaming != nullptr) roaming->turn();
  Wake wake;
  if (entries[1].revents != 0) wake.signal = take_signal();
  wake.output_closed = (entries[2].revents & POLLERR) != 0;
  output_gone_ = output_gone_ || wake.output_closed;
  wake.input = (entries[3].revents & (POLLIN | broken | POLLNVAL)) != 0;
  return wake;
}

int EventLoop::wait(int fd, short events, int timeout_ms) {
  std::array<pollfd, 2> entries{pollfd{fd, events, 0}, pollfd{signals_.get(), POLLIN, 0}};
  (void)::poll(entries.data(), entries.size(), timeout_ms);
  return entries[1].revents != 0 ? take_signal() : 0;
}

int EventLoop::take_signal() {
  signalfd_siginfo info{};
  const bool came = ::read(signals_.get(), &info, sizeof info) == sizeof info;
  return came ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace btb::cli
