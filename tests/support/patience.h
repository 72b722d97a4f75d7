// How long a test waits for what it expects. Only what hangs takes so long: a slow or busy machine
// makes a test slow, never red. Nothing is to be shown by it; what must be quick is shown with a
// clock that the test moves, or by counting.
#pragma once

#include <chrono>

namespace btb::test {

inline constexpr std::chrono::milliseconds patience = std::chrono::minutes(5);
inline constexpr int patience_ms = static_cast<int>(patience.count());

}  // namespace btb::test
