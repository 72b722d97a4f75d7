// A message as one JSON object, and bytes as hexadecimal digits. Pure functions; [any] thread.
#pragma once

#include <string>
#include <string_view>

#include "sdk/client/handler.h"

namespace btb::cli {

// "put" or "delete". Static text.
std::string_view op_of(const client::Message& message);
// Two digits for each byte.
void append_hex(std::string& out, Bytes bytes);
// One line of the json form, without its newline.
void append_json_line(std::string& out, const client::Topic& topic, const client::Message& message);
// The same with another `op`. If not `has_payload`, the payload is null.
void append_json_object(std::string& out, const client::Topic& topic,
                        const client::Message& message, std::string_view op, bool has_payload);

}  // namespace btb::cli
