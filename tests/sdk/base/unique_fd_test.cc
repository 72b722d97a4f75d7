#include "sdk/base/unique_fd.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace btb {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) != -1;
}

UniqueFd open_null() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST_CASE("a descriptor is closed when its owner goes") {
  int fd = -1;
  {
    const UniqueFd owner = open_null();
    REQUIRE(owner.valid());
    fd = owner.get();
    CHECK(is_open(fd));
  }
  CHECK_FALSE(is_open(fd));
}

TEST_CASE("moving hands the descriptor over and closes the one that was there") {
  UniqueFd first = open_null();
  UniqueFd second = open_null();
  const int kept = first.get();
  const int replaced = second.get();
  second = std::move(first);
  CHECK(second.get() == kept);
  CHECK_FALSE(
      first.valid());  // NOLINT(bugprone-use-after-move): what is left is part of the contract
  CHECK(is_open(kept));
  CHECK_FALSE(is_open(replaced));
}

TEST_CASE("a descriptor moved onto itself stays open") {
  UniqueFd owner = open_null();
  const int fd = owner.get();
  UniqueFd& same = owner;
  owner = std::move(same);
  CHECK(owner.get() == fd);
  CHECK(is_open(fd));
}

TEST_CASE("a released descriptor is the caller's to close") {
  UniqueFd owner = open_null();
  const int fd = owner.release();
  CHECK_FALSE(owner.valid());
  owner.reset();
  CHECK(is_open(fd));
  ::close(fd);
}

}  // namespace
}  // namespace btb
