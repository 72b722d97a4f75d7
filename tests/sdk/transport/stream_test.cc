#include "sdk/transport/stream.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace btb::test {
namespace {

using Status = IoResult::Status;

struct Ends {
  explicit Ends(int type = SOCK_STREAM) {
    std::array<int, 2> ends{-1, -1};
    REQUIRE(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    near = socket_stream(UniqueFd(ends[0]));
    far.reset(ends[1]);
  }
  std::unique_ptr<Stream> near;
  UniqueFd far;
  std::array<std::byte, 16> buffer{};
};

TEST_CASE("a stream tells nothing to read, the end in good order, and a broken connection apart") {
  Ends ends;
  CHECK(ends.near->read(ends.buffer).status == Status::would_block);
  SUBCASE("closed") {
    ends.far.reset();
    const IoResult got = ends.near->read(ends.buffer);
    CHECK(got.status == Status::closed);
    CHECK(got.error == 0);
  }
  SUBCASE("written to after the other end is gone") {
    ends.far.reset();
    const iovec range{ends.buffer.data(), ends.buffer.size()};
    const IoResult sent = ends.near->write({&range, 1});
    CHECK(sent.status == Status::closed);
    CHECK(sent.error == EPIPE);
  }
}

TEST_CASE("after shutdown the other end reads everything that was written, and then the end") {
  Ends ends;
  std::string one = "one ", two = "two";
  const std::array<iovec, 2> ranges{iovec{one.data(), one.size()}, iovec{two.data(), two.size()}};
  CHECK(ends.near->write(ranges).bytes == 7);
  ends.near->shutdown();
  std::array<char, 16> got{};
  CHECK(::read(ends.far.get(), got.data(), got.size()) == 7);
  CHECK(std::string(got.data(), 7) == "one two");
  CHECK(::read(ends.far.get(), got.data(), got.size()) == 0);
}

TEST_CASE("a stream knows the user behind a unix socket, and whom it is counted for") {
  Ends ends;
  const StreamFacts facts = ends.near->facts();
  REQUIRE(facts.user);
  CHECK(facts.user->uid == ::getuid());
  CHECK(facts.origin == "uid " + std::to_string(::getuid()));
  CHECK(facts.adapter.empty());
  CHECK(ends.near->packet_bytes_max() == 0);
}

}  // namespace
}  // namespace btb::test
