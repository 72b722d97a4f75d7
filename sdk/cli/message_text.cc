#include "sdk/cli/message_text.h"

#include "sdk/cli/json_text.h"
#include "sdk/cli/time_text.h"

namespace btb::cli {

std::string_view op_of(const client::Message& message) {
  return message.deletion ? "delete" : "put";
}

void append_hex(std::string& out, Bytes bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  for (const std::byte byte : bytes) {
    out += digits[std::to_integer<size_t>(byte) >> 4];
    out += digits[std::to_integer<size_t>(byte) & 15];
  }
}

void append_json_line(std::string& out, const client::Topic& topic,
                      const client::Message& message) {
  append_json_object(out, topic, message, op_of(message), !message.deletion);
}

void append_json_object(std::string& out, const client::Topic& topic,
                        const client::Message& message, std::string_view op, bool has_payload) {
  out += R"({"ts":")";
  append_utc(out, message.time_us);
  out += R"(","topic":)";
  append_json_text(out, topic.name);
  out += R"(,"seq":)";
  out += std::to_string(message.seq);
  out += R"(,"op":")";
  out += op;
  out += R"(","key":)";
  append_json_text(out, as_text(message.key));
  out += R"(,"payload":)";
  if (has_payload) {
    append_json_value(out, as_text(message.payload));
  } else {
    out += "null";
  }
  out += R"(,"snapshot":)";
  out += message.snapshot ? "true}" : "false}";
}

}  // namespace btb::cli
