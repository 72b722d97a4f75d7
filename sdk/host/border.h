// Catches exceptions that leave a plugin, although none may (abi.h: "No exception may cross").
//
// Calls into a plugin go through escaped_from. So an exception is a fault of the plugin and does
// not end the program. [any] thread.
#pragma once

#include <exception>
#include <string>

namespace btb::host {

// "an exception escaped from run: " and then `what`, the text of the exception.
std::string escape_text(const char* function, const char* what);

// Calls `body`, which calls the plugin's `function`. Returns the text about an exception, or "" if
// none came. The exception is destroyed before this returns, because the code of its type may lie
// in the library.
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
