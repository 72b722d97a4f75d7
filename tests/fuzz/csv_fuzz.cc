// Any bytes as a CSV file: they are parsed the same whole and in pieces, whatever comes out as JSON
// and as a topic is UTF-8 and well-formed enough to be sent, and places of rows lie inside of the
// file. The first four bytes choose how the file is read.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/charset.h"
#include "plugins/csv/column_type.h"
#include "plugins/csv/csv_parser.h"
#include "plugins/csv/row_layout.h"
#include "plugins/csv/table_text.h"
#include "plugins/csv/text.h"

namespace {

using namespace btb::csv;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Summary {
  uint64_t rows = 0, bad = 0, fields = 0, bytes = 0, lines = 0;
  bool operator==(const Summary&) const = default;
};

Summary parse(std::string_view text, const Dialect& dialect, size_t step) {
  Summary summary;
  Parser parser(dialect);
  size_t begin = 0;
  for (size_t end = step;; end += step) {
    const bool final = end >= text.size();
    const std::string window(text.substr(begin, final ? text.size() - begin : end - begin));
    parser.feed(window, final);
    for (;;) {
      const Parser::Step found = parser.next();
      if (found == Parser::Step::end) {
        require(final && begin + parser.position() == text.size());
        return summary;
      }
      if (found == Parser::Step::need_more) break;
      require(parser.row_position() + parser.raw().size() <= window.size());
      ++(found == Parser::Step::row ? summary.rows : summary.bad);
      if (found == Parser::Step::row) summary.fields += parser.fields().size();
      for (const Field& field : parser.fields()) summary.bytes += field.text.size();
      summary.lines += parser.row_line();
    }
    require(!final);
    begin += parser.position();
  }
}

Config config_for(const uint8_t* choice) {
  static constexpr const char* encodings[] = {"auto",      "utf-16le", "windows-1252",
                                              "shift_jis", "utf-8",    "utf-32be"};
  static constexpr const char* types[] = {"integer",
                                          "number",
                                          "decimal(2)",
                                          "flag",
                                          "date",
                                          "datetime",
                                          "time",
                                          "datetime(%d.%m.%y %H:%M:%S %z)",
                                          "datetime(%a %e %b %Y %I:%M %p %Z)",
                                          "datetime(unix_ms)",
                                          "service_time"};
  Config config;
  config.encoding = Encoding(encodings[choice[0] % std::size(encodings)]);
  config.delimiter_auto = (choice[1] & 1) != 0;
  config.header = (choice[1] & 2) != 0;
  config.trim = (choice[1] & 4) != 0;
  if ((choice[1] & 8) != 0) config.dialect.escape = '\\';
  if ((choice[1] & 16) != 0) config.dialect.comment = '#';
  if ((choice[1] & 32) != 0) config.dialect.delimiter = ';';
  if ((choice[1] & 64) != 0) config.dialect.quote = '\0';
  config.dialect.escapes = static_cast<Escapes>((choice[2] >> 4) % 3);
  config.dialect.skip_initial_space = (choice[1] & 128) != 0;
  config.ragged = static_cast<Ragged>(choice[2] % 3);
  config.skip_rows = choice[2] / 64;
  config.dialect.row_bytes_max = 1 + choice[3];
  config.dialect.columns_max = 1 + choice[3] % 16;
  if (!config.header) {
    config.columns = {"a", "b"};
    config.key = {"a", "b"};
    config.topic = NameTemplate("x/{b}/{file}");
    if ((choice[3] & 1) != 0) config.skip_where["b"] = {"", "t*"};
    config.skip_footer = choice[3] / 128;
    config.types["a"] = *parse_column_type(types[choice[2] % std::size(types)]);
  }
  if (config.header && choice[3] % 4 == 3) {
    config.find_header = true;
    config.skip_after_header = choice[3] / 128;
    config.key = {"id"};
  }
  return config;
}

void read_table(const Config& config, std::string_view bytes) {
  TableText table(config, bytes, "file.csv", true);
  if (!table.layout) return;
  std::string key_space;
  std::string topic;
  std::string payload;
  for (;;) {
    const Parser::Step step = table.parser.next();
    if (step == Parser::Step::end) return;
    require(step != Parser::Step::need_more);
    require(table.byte_offset(table.parser.row_position()) <= bytes.size());
    if (step != Parser::Step::row) continue;
    const auto& fields = table.parser.fields();
    if (table.layout->passes_over(fields)) continue;
    if (table.layout->check(fields, table.parser.raw())) continue;
    std::string_view key;
    topic.clear();
    payload.clear();
    const bool bad = table.layout->key(fields, key_space, key) ||
                     table.layout->topic(fields, topic) || table.layout->payload(fields, payload);
    if (bad) continue;
    require(key.size() <= 1024);
    require(!topic.empty() && topic.size() <= 255 && first_bad_byte(topic) == std::string::npos);
    require(topic.find("//") == std::string::npos &&
            topic.find_first_of("+#") == std::string::npos);
    require(first_bad_byte(payload) == std::string::npos);
    for (const char c : payload) require(static_cast<unsigned char>(c) >= 0x20);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 4, size - 4);
  const Config config = config_for(data);
  const Summary whole = parse(bytes, config.dialect, bytes.size() + 1);
  require(parse(bytes, config.dialect, 1 + data[3] % 13) == whole);
  try {
    read_table(config, bytes);
  } catch (const FileRefused&) {
    return 0;
  }
  return 0;
}
