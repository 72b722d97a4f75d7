#include "broker/config/config.h"

namespace btb {

std::string to_string(const ConfigFault& fault) {
  std::string out = fault.file;
  if (fault.line > 0) out += ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
  return out + ": " + fault.text;
}

}  // namespace btb
