#include "sdk/host/border.h"

namespace btb::host {

std::string escape_text(const char* function, const char* what) {
  std::string text = "an exception escaped from ";
  text += function;
  text += ": ";
  text += what;
  return text;
}

}  // namespace btb::host
