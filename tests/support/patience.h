// How long a test waits for what it expects. Only what hangs takes so long: a slow or busy machine
// makes a test slow, never red. Nothing is to be shown by it; what must be quick is shown with a
// clock that the test moves, or by counting. BTB_PATIENCE_S=10 in the environment is for whoever
// breaks a test and does not want to wait for it.
#pragma once

#include <chrono>
#include <cstdlib>

namespace btb::test {

inline const std::chrono::milliseconds patience = [] {
  const char* seconds = std::getenv("BTB_PATIENCE_S");
  return std::chrono::seconds(seconds == nullptr ? 300 : std::atoi(seconds));
}();
inline const int patience_ms = static_cast<int>(patience.count());

}  // namespace btb::test
