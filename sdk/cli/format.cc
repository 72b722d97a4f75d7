#include "sdk/cli/format.h"

#include <algorithm>
#include <utility>

#include "sdk/cli/json_text.h"
#include "sdk/cli/message_text.h"
#include "sdk/cli/printable.h"
#include "sdk/cli/time_text.h"

namespace btb::cli {

namespace {

using Form = FormatOptions::Form;

constexpr std::string_view deleted = "(deleted)";
constexpr std::string_view dim = "\x1b[2m";
constexpr std::string_view cyan = "\x1b[36m";
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view plain = "\x1b[0m";

// A field of CSV, quoted if it must be (RFC 4180).
void append_field(std::string& out, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

constexpr std::string_view refetch = "refetch";

}  // namespace

Formatter::Formatter(FormatOptions options)
    : options_(std::move(options)), table_(options_.columns, options_.verbose, options_.colour) {}

void Formatter::flush(std::string& out) {
  table_.flush(out);
}

void Formatter::append(std::string& out, const client::Topic& topic,
                       const client::Message& message) {
  if (options_.pattern) {
    options_.pattern->append(out, topic, message, options_.to_terminal);
    return;
  }
  switch (options_.form) {
    case Form::text:
    case Form::hex:
      return append_text(out, topic, message);
    case Form::json:
      append_json_line(out, topic, message);
      out += '\n';
      return;
    case Form::csv:
      return append_csv(out, topic, message, op_of(message));
    case Form::table:
      return append_table(out, topic, message);
    case Form::raw:
      out += as_text(message.payload);
      return;
  }
}

void Formatter::append_refetch(std::string& out, const client::Topic& topic, int64_t time_us) {
  if (options_.pattern) return;
  client::Message nothing;
  nothing.time_us = time_us;
  if (options_.form == Form::json) {
    append_json_object(out, topic, nothing, refetch, false);
    out += '\n';
  } else if (options_.form == Form::csv) {
    append_csv(out, topic, nothing, refetch);
  }
}

void Formatter::append_text(std::string& out, const client::Topic& topic,
                            const client::Message& message) {
  const auto colour = [&](std::string_view code) {
    if (options_.colour) out += code;
  };
  if (options_.verbose) {
    colour(dim);
    append_utc(out, message.time_us);
    out += " #" + std::to_string(message.seq) + (message.snapshot ? " = " : " + ");
    colour(plain);
  }
  colour(cyan);
  append_printable(out, topic.name);
  colour(plain);
  out += ' ';
  if (!message.key.empty()) {
    append_printable(out, as_text(message.key));
    out += ' ';
  }
  if (message.deletion) {
    colour(red);
    out += deleted;
    colour(plain);
  } else if (options_.form == Form::hex) {
    append_hex(out, message.payload);
  } else {
    append_printable(out, as_text(message.payload));
  }
  out += '\n';
}

void Formatter::append_csv(std::string& out, const client::Topic& topic,
                           const client::Message& message, std::string_view op) {
  if (!std::exchange(begun_, true)) out += "ts,topic,seq,op,key,payload,snapshot\r\n";
  const auto field = [&](std::string_view text) {
    append_field(out, options_.to_terminal ? printable(text) : std::string(text));
  };
  append_utc(out, message.time_us);
  out += ',';
  field(topic.name);
  out += ',';
  out += std::to_string(message.seq);
  out += ',';
  out += op;
  out += ',';
  field(as_text(message.key));
  out += ',';
  field(as_text(message.payload));
  out += message.snapshot ? ",true\r\n" : ",false\r\n";
}

void Formatter::append_table(std::string& out, const client::Topic& topic,
                             const client::Message& message) {
  TableRow row;
  row.time = format_local(message.time_us, "%H:%M:%S");
  row.seq = std::to_string(message.seq);
  row.topic = printable(topic.name);
  row.key = printable(as_text(message.key));
  row.deletion = message.deletion;
  if (!row.deletion) row.members = table_members(as_text(message.payload), table_.columns());
  if (row.members.empty()) row.text = printable(as_text(message.payload));
  if (table_.add(std::move(row))) table_.flush(out);
}

}  // namespace btb::cli
