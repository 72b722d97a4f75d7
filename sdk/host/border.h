// What comes out of a plugin although nothing may: an exception (abi.h: "No exception may cross").
//
// Whoever calls into a plugin calls through this, so that a plugin that throws is at fault and not
// the end of the program. [any] thread.
#pragma once

#include <exception>
#include <string>

namespace btb::host {

// "an exception escaped from run: what it said".
std::string escape_text(const char* function, const char* what);

// Calls `body`, which calls the plugin's `function`: what it threw, in words; empty if nothing. The
// exception is gone when this returns, for its type may lie in the library.
template <class Body>
std::string escaped_from(const char* function, Body body) {
  try {
    body();
    return {};
  } catch (const std::exception& thrown) {
    return escape_text(function, thrown.what());
  } catch (...) {
    return escape_text(function, "not a std::exception");
  }
}

}  // namespace btb::host
