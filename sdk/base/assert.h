// BTB_ASSERT: checks a condition that only a bug of ours can make false. It is on in every build,
// also in release: a broker with a broken invariant stops before it sends wrong data. A fault that
// a peer, a plugin or a file can cause is a Result, not an assert.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace btb {

[[noreturn]] inline void assert_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "btbroker: bug: `%s` is false at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace btb

#define BTB_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::btb::assert_failed(#condition, __FILE__, __LINE__))
