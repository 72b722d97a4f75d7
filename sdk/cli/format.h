// Formatter: messages as text, in the forms btsub knows. Resource; one thread.
//
//   text   TOPIC KEY PAYLOAD, one line a message, printable (printable.h) wherever it goes
//   json   one object a line: ts, topic, seq, op, key, payload, snapshot
//          and of a topic of which all that was printed is void: op refetch, seq 0, payload null
//   csv    a line of names, then ts,topic,seq,op,key,payload,snapshot as RFC 4180 has it
//   table  columns for a person, as wide as the terminal (row_table.h)
//   raw    the payload's bytes and nothing else
//   hex    as text, the payload in hexadecimal digits
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sdk/cli/row_table.h"
#include "sdk/cli/template.h"
#include "sdk/client/handler.h"

namespace btb::cli {

struct FormatOptions {
  enum class Form : uint8_t { text, json, csv, table, raw, hex } form = Form::text;
  std::optional<Template> pattern;  // instead of the form
  bool verbose = false;      // text: time and sequence number before the topic; table: the number
  bool to_terminal = false;  // csv and pattern are made printable
  bool colour = false;
  uint32_t columns = 0;  // of the terminal; 0: not known, lines are not cut
};

class Formatter {
 public:
  explicit Formatter(FormatOptions options);

  // Appends one message, and before the first what the form begins with. A table may keep it until
  // flush().
  void append(std::string& out, const client::Topic& topic, const client::Message& message);
  // Appends what waits to be seen together. To be called before the output is written.
  void flush(std::string& out);
  // Appends that what was printed of the topic is void, in the forms that have a line for it: json
  // and csv.
  void append_refetch(std::string& out, const client::Topic& topic, int64_t time_us);

 private:
  void append_text(std::string& out, const client::Topic& topic, const client::Message& message);
  void append_csv(std::string& out, const client::Topic& topic, const client::Message& message,
                  std::string_view op);
  void append_table(std::string& out, const client::Topic& topic, const client::Message& message);

  FormatOptions options_;
  RowTable table_;
  bool begun_ = false;
};

// One line of the json form, without its newline.
void append_json_line(std::string& out, const client::Topic& topic, const client::Message& message);
void append_hex(std::string& out, Bytes bytes);
std::string_view op_of(const client::Message& message);

}  // namespace btb::cli
