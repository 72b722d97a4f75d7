// BTB_ASSERT: for what can only be false through a bug of ours. On in every build, release
// included: a broker that has lost an invariant stops before it sends wrong data. What a peer, a
// plugin or a file can cause is a Result.
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
