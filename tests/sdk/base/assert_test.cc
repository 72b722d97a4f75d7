#include "sdk/base/assert.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <string>

#include "sdk/base/result.h"
#include "sdk/base/unique_fd.h"

namespace btb {
namespace {

struct Ending {
  int signal = 0;
  std::string said;
};

// How a child process ends that runs `body`, and what it wrote to its standard error.
Ending run_in_child(const std::function<void()>& body) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    ::dup2(write_end.get(), STDERR_FILENO);
    body();
    ::_exit(0);
  }
  write_end.reset();
  Ending ending;
  std::array<char, 512> buffer{};
  for (ssize_t got = 0; (got = ::read(read_end.get(), buffer.data(), buffer.size())) > 0;) {
    ending.said.append(buffer.data(), static_cast<size_t>(got));
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  ending.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return ending;
}

TEST_CASE("a condition that holds costs nothing and says nothing") {
  const Ending ending = run_in_child([] { BTB_ASSERT(1 + 1 == 2); });
  CHECK(ending.signal == 0);
  CHECK(ending.said.empty());
}

TEST_CASE("a condition that does not hold ends the process and names itself and its place") {
  const Ending ending = run_in_child([] { BTB_ASSERT(1 + 1 == 3); });
  CHECK(ending.signal == SIGABRT);
  CHECK(ending.said.find("`1 + 1 == 3` is false") != std::string::npos);
  CHECK(ending.said.find("assert_test.cc:") != std::string::npos);
}

TEST_CASE("asking a failed result for its value is a bug, not a value") {
  const Ending ending = run_in_child([] {
    const Result<int> failed = Result<int>::failure(Errc::invalid, "no");
    (void)failed.value();
  });
  CHECK(ending.signal == SIGABRT);
}

TEST_CASE("asking a good result for its error is a bug") {
  const Ending ending = run_in_child([] {
    const Result<void> good;
    (void)good.error();
  });
  CHECK(ending.signal == SIGABRT);
}

}  // namespace
}  // namespace btb
