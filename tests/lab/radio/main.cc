// radio N: N Bluetooth adapters in this machine's kernel (/dev/vhci), and the air between them.
//
//   radio [--socket PATH] [--captures FOLDER] N
//
// Tests talk to it over the unix socket (see console.h). It prints "ready" once all adapters are
// there. Their addresses are 02:BB:00:00:00:NN.
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/lab/radio/console.h"

namespace btb::lab {

namespace {

constexpr size_t adapters_max = 32;
constexpr Micros turn_max = 1'000'000;
constexpr size_t adapters_at = 3;  // in the list of what is polled

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "radio: %s\n", why.c_str());
  std::exit(1);
}

Micros monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * Micros{1'000'000} + now.tv_nsec / 1000;
}

UniqueFd listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) fail("the path of the socket is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 8) != 0) {
    fail(path + ": " + std::strerror(errno));
  }
  return fd;
}

struct Talk {
  UniqueFd fd;
  std::string text;
};

// False when it is over.
bool talk(Talk& with, Console& console) {
  std::array<char, 1024> buffer;
  const ssize_t got = ::recv(with.fd.get(), buffer.data(), buffer.size(), 0);
  if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR);
  with.text.append(buffer.data(), static_cast<size_t>(got));
  for (size_t end = with.text.find('\n'); end != std::string::npos; end = with.text.find('\n')) {
    const std::string answer = console.answer(with.text.substr(0, end)) + "\n";
    with.text.erase(0, end + 1);
    if (::send(with.fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return false;
  }
  return true;
}

// To be asked to end is to end in order: the captures are written to their end.
UniqueFd catch_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return UniqueFd(signalfd(-1, &set, SFD_CLOEXEC));
}

// poll(2) counts in milliseconds, which is more than a slot: a timer is precise.
void wake_at(int timer, Micros in) {
  itimerspec when{};
  when.it_value.tv_sec = in / 1'000'000;
  when.it_value.tv_nsec = std::max<Micros>(1, in % 1'000'000 * 1000);
  timerfd_settime(timer, 0, &when, nullptr);
}

void run(Air& air, std::vector<std::unique_ptr<Adapter>>& adapters, int listener) {
  Console console(air, adapters);
  const UniqueFd signals = catch_signals();
  std::vector<Talk> talks;
  const UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  const Micros begin = monotonic();
  while (!console.quits()) {
    air.advance(monotonic() - begin);
    const auto next = air.agenda.next();
    wake_at(timer.get(),
            std::min(turn_max, next ? std::max<Micros>(0, *next - air.now()) : turn_max));
    std::vector<pollfd> polled{
        {timer.get(), POLLIN, 0}, {listener, POLLIN, 0}, {signals.get(), POLLIN, 0}};
    for (const auto& adapter : adapters) polled.push_back({adapter->fd(), POLLIN, 0});
    for (const Talk& one : talks) polled.push_back({one.fd.get(), POLLIN, 0});
    ::poll(polled.data(), polled.size(), -1);
    air.advance(monotonic() - begin);
    uint64_t expired = 0;
    if ((polled[0].revents & POLLIN) != 0) (void)!::read(timer.get(), &expired, sizeof expired);
    for (size_t i = 0; i < adapters.size(); ++i) {
      if (polled[adapters_at + i].revents != 0) adapters[i]->read();
    }
    for (size_t i = talks.size(); i-- > 0;) {
      const bool told = polled[adapters_at + adapters.size() + i].revents != 0;
      if (told && !talk(talks[i], console)) talks.erase(talks.begin() + static_cast<ptrdiff_t>(i));
    }
    if ((polled[2].revents & POLLIN) != 0) return;
    if ((polled[1].revents & POLLIN) != 0) {
      UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (fd.valid()) talks.push_back({std::move(fd), {}});
    }
  }
}

}  // namespace

}  // namespace btb::lab

int main(int argc, char** argv) {
  using namespace btb::lab;
  std::string socket = "/run/radio.sock", captures;
  size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--socket" && i + 1 < argc) {
      socket = argv[++i];
    } else if (word == "--captures" && i + 1 < argc) {
      captures = argv[++i];
    } else {
      count = std::strtoul(argv[i], nullptr, 10);
    }
  }
  if (count == 0 || count > adapters_max) fail("usage: radio [--socket PATH] [--captures DIR] N");
  Air air({});
  std::vector<std::unique_ptr<Adapter>> adapters;
  for (size_t i = 0; i < count; ++i) {
    const Address address{{static_cast<uint8_t>(i), 0, 0, 0, 0xBB, 0x02}};
    const std::string name = "adapter" + std::to_string(i) + ".btsnoop";
    adapters.push_back(
        std::make_unique<Adapter>(air, address, captures.empty() ? "" : captures + "/" + name));
    const auto plugged = adapters.back()->plug_in();
    if (!plugged) fail(plugged.error().text);
  }
  const btb::UniqueFd listener = listen_at(socket);
  std::puts("ready");
  std::fflush(stdout);
  run(air, adapters, listener.get());
  return 0;
}
