#include "broker/link/link.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <filesystem>
#include <vector>

#include "broker/link/listener.h"

namespace btb::test {
namespace {

struct Ends final : Poll::Events {
  Ends() {
    int ends[2] = {-1, -1};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    far.reset(ends[1]);
    link = std::make_unique<Link>(loop, socket_stream(UniqueFd(ends[0])), *this);
  }
  void on_readable() override { ++readable; }
  void on_writable() override { ++writable; }
  IoResult write(std::string_view text) {
    const iovec range{const_cast<char*>(text.data()), text.size()};
    return link->write({&range, 1});
  }
  Loop loop;
  UniqueFd far;
  std::unique_ptr<Link> link;
  int readable = 0, writable = 0;
};

using Status = IoResult::Status;

TEST_CASE("a link reads what there is, and says when there is nothing") {
  Ends ends;
  std::array<std::byte, 16> buffer;
  CHECK(ends.link->read(buffer).status == Status::would_block);
  REQUIRE(::write(ends.far.get(), "hello", 5) == 5);
  ends.loop.run_once(false);
  CHECK(ends.readable == 1);
  const IoResult result = ends.link->read(buffer);
  CHECK(result.status == Status::ok);
  CHECK(result.bytes == 5);
  ends.far.reset();
  CHECK(ends.link->read(buffer).status == Status::closed);
}

TEST_CASE("a link writes ranges as one, and says how much it took when it is full") {
  Ends ends;
  std::string a = "one ", b = "two";
  const std::array<iovec, 2> ranges{iovec{a.data(), a.size()}, iovec{b.data(), b.size()}};
  CHECK(ends.link->write(ranges).bytes == 7);
  char buffer[16];
  CHECK(::read(ends.far.get(), buffer, sizeof buffer) == 7);
  const std::string large(4 << 20, 'x');
  const IoResult part = ends.write(large);
  CHECK(part.status == Status::ok);
  CHECK(part.bytes < large.size());
  CHECK(ends.write("more").status == Status::would_block);
  ends.link->want_writable(true);
  ends.loop.run_once(false);
  CHECK(ends.writable == 0);
  std::vector<char> sink(part.bytes);
  for (size_t left = part.bytes; left != 0;) {
    left -= static_cast<size_t>(::read(ends.far.get(), sink.data(), left));
  }
  ends.loop.run_once(false);
  CHECK(ends.writable == 1);
}

TEST_CASE("writing to one that is gone is an end, not a signal") {
  Ends ends;
  ends.far.reset();
  CHECK(ends.write("x").status == Status::closed);
}

TEST_CASE("after its shutdown a link still reads") {
  Ends ends;
  REQUIRE(ends.write("last").bytes == 4);
  ends.link->shutdown();
  char buffer[16];
  CHECK(::read(ends.far.get(), buffer, sizeof buffer) == 4);
  CHECK(::read(ends.far.get(), buffer, sizeof buffer) == 0);
  REQUIRE(::write(ends.far.get(), "answer", 6) == 6);
  std::array<std::byte, 16> received;
  CHECK(ends.link->read(received).bytes == 6);
}

TEST_CASE("a listener hands over connections, and looks away for a moment without descriptors") {
  Loop loop;
  const auto folder =
      std::filesystem::temp_directory_path() / ("btb_link_test_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const Endpoint endpoint = *parse_endpoint("unix:" + (folder / "socket").string());
  std::vector<std::unique_ptr<Stream>> accepted;
  {
    auto listener = Listener::open(loop, endpoint, {}, [&](std::unique_ptr<Stream> stream) {
      accepted.push_back(std::move(stream));
    });
    REQUIRE(listener.ok());
    auto first = begin_connect((*listener)->endpoint(), 0);
    REQUIRE(first.ok());
    loop.run_once(false);
    CHECK(accepted.size() == 1);

    auto second = begin_connect((*listener)->endpoint(), 0);
    REQUIRE(second.ok());
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const UniqueFd highest(::dup(0));
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(highest.get()) + 1;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    for (int i = 0; i < 5; ++i) loop.run_once(false);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(accepted.size() == 1);
    CHECK((*listener)->out_of_descriptors() == 1);
    while (accepted.size() < 2) loop.run_once(true);
  }
  CHECK(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

TEST_CASE("a listener removes its own socket, and not one that took its place") {
  Loop loop;
  const auto folder =
      std::filesystem::temp_directory_path() / ("btb_link_own_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const Endpoint endpoint = *parse_endpoint("unix:" + (folder / "socket").string());
  const auto open = [&] {
    auto listener = Listener::open(loop, endpoint, {}, [](std::unique_ptr<Stream>) {});
    REQUIRE(listener.ok());
    return std::move(*listener);
  };
  auto first = open();
  REQUIRE(std::filesystem::remove(folder / "socket"));
  auto second = open();
  first.reset();
  CHECK(begin_connect(endpoint, 0).ok());
  second.reset();
  CHECK(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace btb::test
