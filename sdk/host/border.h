// What comes out of a plugin although nothing may: an exception (abi.h: "No exception may cross").
//
// Whoever calls into a plugin calls through this, so that a plugin that throws is at fault and not
// the end of the program. [any] thread.
#pragma once

#include <exception>
#include <string>

namespace btb::host {

// Calls `body`, which calls the plugin's `function`: what it threw, in words; empty if nothing. The
// exception is gone when this returns, for its type may lie in the library.
template <class Body>
std::string escaped_from(const char* function, Body body) {
  const std::string escaped = std::string("an exception escaped from ") + function + ": ";
  try {
    body();
    return {};
  } catch (const std::exception& thrown) {
    return escaped + thrown.what();
  } catch (...) {
    return escaped + "not a std::exception";
  }
}

}  // namespace btb::host
