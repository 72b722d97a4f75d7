#include "broker/loop/loop.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <csignal>
#include <memory>
#include <thread>

#include "sdk/base/unique_fd.h"

namespace btb::test {
namespace {

struct Pair {
  Pair() {
    int ends[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    near.reset(ends[0]);
    far.reset(ends[1]);
  }
  UniqueFd near, far;
};

struct Watcher final : Poll::Events {
  Watcher(Loop& loop, int fd) : poll(std::make_unique<Poll>(loop, fd, *this)), fd_(fd) {}
  void on_readable() override {
    char buffer[1'000];
    last = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    ++readable;
    if (destroys_itself) poll.reset();
  }
  void on_writable() override { ++writable; }
  std::unique_ptr<Poll> poll;
  bool destroys_itself = false;
  int readable = 0, writable = 0;
  ssize_t last = 0;

 private:
  int fd_;
};

TEST_CASE("a hook that has more to do gets another turn without sleep") {
  Loop loop;
  int turns = 0;
  loop.set_before_sleep([&] {
    if (++turns == 5) loop.stop();
    return turns < 5;
  });
  Timer far_away(loop, [] {});
  far_away.start(60'000, 0);
  loop.run();
  CHECK(turns == 5);
}

TEST_CASE("a descriptor is watched for what is asked, as long as it is asked") {
  Loop loop;
  Pair pair;
  Watcher watcher(loop, pair.near.get());
  loop.run_once(false);
  CHECK(watcher.writable == 0);
  watcher.poll->want(true, true);
  loop.run_once(false);
  CHECK(watcher.writable == 1);
  CHECK(watcher.readable == 0);
  watcher.poll->want(true, false);
  REQUIRE(::write(pair.far.get(), "x", 1) == 1);
  loop.run_once(false);
  CHECK(watcher.readable == 1);
  CHECK(watcher.writable == 1);
  watcher.poll->want(false, false);
  REQUIRE(::write(pair.far.get(), "x", 1) == 1);
  loop.run_once(false);
  CHECK(watcher.readable == 1);
}

TEST_CASE("an error does not hide what came before it, and is found behind it") {
  Loop loop;
  Pair pair;
  Watcher watcher(loop, pair.near.get());
  watcher.poll->want(true, false);
  REQUIRE(::write(pair.near.get(), "never read", 10) == 10);
  char bytes[3'000] = {};
  REQUIRE(::write(pair.far.get(), bytes, sizeof bytes) == sizeof bytes);
  pair.far.reset();
  for (int i = 0; i < 3; ++i) {
    loop.run_once(false);
    CHECK(watcher.last == 1'000);
  }
  loop.run_once(false);
  CHECK(watcher.last <= 0);
  CHECK(watcher.readable == 4);
}

TEST_CASE("who is told may let go of the poll") {
  Loop loop;
  Pair pair;
  Watcher watcher(loop, pair.near.get());
  watcher.destroys_itself = true;
  watcher.poll->want(true, true);
  REQUIRE(::write(pair.far.get(), "x", 1) == 1);
  for (int i = 0; i < 3; ++i) loop.run_once(false);
  CHECK(watcher.readable == 1);
  CHECK(watcher.writable == 0);
}

TEST_CASE("a timer fires once or again and again, until it is stopped") {
  Loop loop;
  int once = 0;
  int often = 0;
  Timer single(loop, [&] { ++once; });
  Timer repeated(loop, [&] {
    if (++often == 3) loop.stop();
  });
  single.start(1, 0);
  repeated.start(1, 5);
  loop.run();
  CHECK(once == 1);
  CHECK(often == 3);
  repeated.stop();
  loop.run_once(false);
  CHECK(often == 3);
}

TEST_CASE("a signal from another thread wakes the loop") {
  Loop loop;
  int woken = 0;
  Wakeup wakeup(loop, [&] {
    ++woken;
    loop.stop();
  });
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) wakeup.signal();
  });
  loop.run();
  other.join();
  CHECK(woken >= 1);
}

TEST_CASE("a signal of the system is an event") {
  Loop loop;
  int received = 0;
  Signal signal(loop, SIGUSR1, [&] {
    ++received;
    loop.stop();
  });
  std::raise(SIGUSR1);
  loop.run();
  CHECK(received == 1);
}

}  // namespace
}  // namespace btb::test
