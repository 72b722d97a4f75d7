#include "sdk/base/standard_streams.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>

namespace btb {
namespace {

// What `body` comes to in a child process that has none of the standard streams; -1: it crashed.
int in_a_child_without_streams(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const int fd : {0, 1, 2}) ::close(fd);
    ::_exit(body() ? 1 : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_CASE("what is opened behind it gets none of the numbers of the standard streams") {
  CHECK(in_a_child_without_streams([] {
          take_standard_streams();
          return ::dup(0) > 2;
        }) == 1);
}

TEST_CASE("using a stream that was closed still fails, as a closed one would") {
  CHECK(in_a_child_without_streams([] {
          take_standard_streams();
          char byte = 0;
          const bool reads = ::read(0, &byte, 1) >= 0 || errno != EBADF;
          const bool writes = ::write(1, &byte, 1) >= 0 || errno != EBADF;
          const bool tells = ::write(2, &byte, 1) >= 0 || errno != EBADF;
          return !reads && !writes && !tells;
        }) == 1);
}

TEST_CASE("a stream that is open is left as it is") {
  CHECK(in_a_child_without_streams([] {
          std::array<int, 2> ends{};
          if (::pipe(ends.data()) != 0) return false;  // takes 0 and 1
          take_standard_streams();
          char byte = 'x';
          return ::write(1, &byte, 1) == 1 && ::read(0, &byte, 1) == 1;
        }) == 1);
}

}  // namespace
}  // namespace btb
