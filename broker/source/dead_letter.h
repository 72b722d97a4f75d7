// DeadLetter: a record that could not become a message, or a message that its topic refused, on its
// way to the topic $dead/SOURCE. Value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace btb {

struct DeadLetter {
  std::string reason, location, raw;
  std::string key;         // of a message that its topic refused
  uint64_t raw_bytes = 0;  // of the record, of which `raw` may be the beginning
  uint64_t line = 0, column = 0, byte_offset = 0;
};

// The payload that is published. Bytes that are no text stand in it as {"$base64": "..."}. [any]
std::string to_json(const DeadLetter& letter, std::string_view source_name);

}  // namespace btb
