// DeadLetter: data that is not in its topic: a record that the source could not read, or a message
// that its topic refused. The broker publishes it in the topic $dead/SOURCE. Value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace btb {

struct DeadLetter {
  std::string reason, location, raw;
  std::string key;         // if a topic refused the message: its key
  uint64_t raw_bytes = 0;  // the size of the whole record; `raw` may be only its beginning
  uint64_t line = 0, column = 0, byte_offset = 0;  // as the source gave them; see btb_dead_letter
};

// The payload that is published. Bytes that are not UTF-8 are in it as {"$base64": "..."}. [any]
std::string to_json(const DeadLetter& letter, std::string_view source_name);

}  // namespace btb
