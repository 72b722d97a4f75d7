#include "plugins/csv/table_text.h"

#include <algorithm>
#include <map>

#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

constexpr size_t binary_check_bytes = 4096;
constexpr size_t sniff_bytes = 64U << 10;
constexpr size_t sniff_rows = 100;

// How many columns `delimiter` makes of the rows; 0 if not the same in nearly all of them.
size_t columns_with(char delimiter, std::string_view text, bool whole, Dialect dialect) {
  dialect.delimiter = delimiter;
  Parser parser(dialect);
  parser.feed(text, whole);
  std::map<size_t, size_t> counts;
  size_t rows = 0;
  size_t first = 0;
  for (auto step = parser.next(); step == Parser::Step::row && rows < sniff_rows;
       step = parser.next()) {
    const size_t columns = parser.fields().size();
    if (rows++ == 0) first = columns;
    ++counts[columns];
  }
  return first > 1 && counts[first] * 10 >= rows * 9 ? first : 0;
}

}  // namespace

char find_delimiter(std::string_view text, const Dialect& dialect) {
  const bool whole = text.size() <= sniff_bytes;
  text = text.substr(0, sniff_bytes);
  char best = '\0';
  size_t best_columns = 1;
  bool tie = false;
  for (const char candidate : {',', ';', '\t', '|'}) {
    const size_t columns = columns_with(candidate, text, whole, dialect);
    tie = columns > 1 && columns == best_columns ? true : columns > best_columns ? false : tie;
    if (columns > best_columns) {
      best = candidate;
      best_columns = columns;
    }
  }
  if (best != '\0' && !tie) return best;
  if (best == '\0' && text.find_first_of(",;\t|") == std::string_view::npos)
    return ',';  // one column
  throw FileRefused("delimiter: auto cannot tell which character it is; name it");
}

std::string_view delimiter_line_of(std::string_view text) {
  static constexpr std::string_view begin = "sep=";
  const size_t end = text.substr(0, begin.size() + 3).find_first_of("\r\n");
  const bool fits = end == begin.size() + 1 && lower_case(text.substr(0, begin.size())) == begin;
  if (!fits) return {};
  return text.substr(0, end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
}

TableText::TableText(const Config& config, std::string_view bytes, std::string_view file_name,
                     bool final)
    : encoding(config.encoding.find(bytes.substr(0, Encoding::head_bytes))),
      dialect(config.dialect),
      parser(dialect) {
  bytes.remove_prefix(encoding.mark_bytes);
  if (const char* what = not_a_table(bytes.substr(0, binary_check_bytes), encoding))
    throw FileRefused(what);
  text = Text(bytes, encoding, final);
  if (encoding.overruled) {
    remarks.push_back("its byte order mark says that it is " + encoding.name + ", not " +
                      config.encoding.name());
  }
  const std::string_view delimiter_line = delimiter_line_of(text.utf8());
  find_dialect(config, delimiter_line);
  parser = Parser(dialect);
  parser.feed(text.utf8(), final);
  const uint64_t skipped = std::max<uint64_t>(config.skip_rows, delimiter_line.empty() ? 0 : 1);
  if (parser.skip_lines(skipped)) read_header(config, file_name);
}

void TableText::find_dialect(const Config& config, std::string_view delimiter_line) {
  if (delimiter_line.empty()) {
    if (config.delimiter_auto) dialect.delimiter = find_delimiter(text.utf8(), dialect);
    return;
  }
  const char told = delimiter_line[delimiter_line.find('=') + 1];
  if (!config.delimiter_named && told != dialect.quote) {
    dialect.delimiter = told;
  } else if (told != dialect.delimiter) {
    remarks.push_back(std::string("its first line says sep=") + told +
                      ", `delimiter` something else");
  }
}

void TableText::read_header(const Config& config, std::string_view file_name) {
  Parser probe = parser;  // without a header the first row is counted, not taken
  Parser& reader = config.header ? parser : probe;
  const Parser::Step step = reader.next();
  if (config.header && step == Parser::Step::bad_row) {
    throw FileRefused(std::string("the header cannot be read: ") + reader.fault());
  }
  const bool known = step == Parser::Step::row || (!config.header && !config.columns.empty());
  if (!known) return;
  std::vector<std::string> names;
  if (config.header) {
    for (const Field& field : reader.fields()) names.emplace_back(field.text);
  } else {
    names = RowLayout::names_without_header(config, reader.fields().size());
  }
  layout.emplace(config, std::move(names), file_name, remarks);
}

}  // namespace btb::csv
