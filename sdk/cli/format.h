// Formatter: messages as text, in the forms that btsub knows. Resource; one thread.
//
//   text   TOPIC KEY PAYLOAD, one line a message, always printable (printable.h)
//   json   one object a line: ts, topic, seq, op, key, payload, snapshot
//          if all printed messages of a topic are void: op refetch, seq 0, payload null
//   csv    a line of names, then ts,topic,seq,op,key,payload,snapshot as in RFC 4180
//   table  columns for a person, as wide as the terminal (row_table.h)
//   raw    the bytes of the payload and nothing else
//   hex    as text, with the payload in hexadecimal digits
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
  bool to_terminal = false;  // makes csv and pattern printable
  bool colour = false;
  uint32_t columns = 0;  // of the terminal; 0: not known, lines are not cut
};

class Formatter {
 public:
  explicit Formatter(FormatOptions options);

  // Appends one message; before the first one also the head of a csv. A table may keep the message
  // until flush().
  void append(std::string& out, const client::Topic& topic, const client::Message& message);
  // Appends the rows that a table has kept. To be called before the output is written.
  void flush(std::string& out);
  // Appends a line that says: the messages of this topic that were printed so far are void. Only
  // json and csv have such a line.
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

}  // namespace btb::cli
