#include "plugins/csv/table_text.h"

#include <algorithm>
#include <map>

#include "plugins/csv/hash.h"
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

// Under DOS a ^Z ends a text, and some programs fill the last block with them.
std::string_view without_dos_end(std::string_view text, bool final) {
  const size_t end = final ? text.find_last_not_of('\x1A') + 1 : text.size();  // npos + 1 is 0
  return text.substr(0, end);
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

uint64_t Heading::hash() const {
  uint64_t hash = hash_of(encoding, static_cast<uint8_t>(delimiter));
  for (const std::string& name : names) hash = hash_of(name, hash);
  return std::max<uint64_t>(hash, 1);
}

bool Heading::is_like(const std::vector<Field>& fields) const {
  const auto is_there = [&](const std::string& name) {
    return std::any_of(fields.begin(), fields.end(),
                       [&](const Field& field) { return trimmed(field.text) == trimmed(name); });
  };
  const auto shared = std::count_if(names.begin(), names.end(), is_there);
  return static_cast<size_t>(shared) * 2 >= names.size();
}

TableText::TableText(const Config& config, std::string_view bytes, std::string_view file_name,
                     bool final, const Heading* known)
    : dialect(config.dialect), parser(dialect) {
  find_encoding(config, bytes, known);
  bytes.remove_prefix(encoding.mark_bytes);
  text = Text(bytes, encoding, final);
  if (encoding.overruled) {
    remarks.push_back("its byte order mark says that it is " + encoding.name + ", not " +
                      config.encoding.name());
  }
  const std::string_view delimiter_line = delimiter_line_of(text.utf8());
  find_dialect(config, delimiter_line, known);
  parser = Parser(dialect);
  parser.feed(without_dos_end(text.utf8(), final), final);
  const uint64_t skipped = std::max<uint64_t>(config.skip_rows, delimiter_line.empty() ? 0 : 1);
  if (parser.skip_lines(skipped) || known != nullptr) read_header(config, file_name, known, final);
}

// A hole of NUL bytes says nothing of what a file is. Where a known file has no byte order mark any
// more it may still be in the encoding that the mark told.
void TableText::find_encoding(const Config& config, std::string_view bytes, const Heading* known) {
  encoding = config.encoding.find(bytes.substr(0, Encoding::head_bytes));
  bytes.remove_prefix(encoding.mark_bytes);
  const size_t begin = std::min(bytes.find_first_not_of('\0'), bytes.size());
  if (begin == bytes.size() && begin >= Parser::hole_bytes_min)
    throw FileRefused("there are only NUL bytes in it");
  const std::string_view head =
      bytes.substr(begin < Parser::hole_bytes_min ? 0 : begin, binary_check_bytes);
  const char* what = not_a_table(head, encoding);
  if (what == nullptr) return;
  if (known == nullptr || known->encoding == encoding.name || encoding.mark_bytes != 0)
    throw FileRefused(what);
  encoding = Encoding(known->encoding).find({});
  if (const char* still = not_a_table(head, encoding)) throw FileRefused(still);
}

void TableText::find_dialect(const Config& config, std::string_view delimiter_line,
                             const Heading* known) {
  if (delimiter_line.empty()) {
    if (known != nullptr && !config.delimiter_named) {
      dialect.delimiter = known->delimiter;
    } else if (config.delimiter_auto) {
      dialect.delimiter = find_delimiter(text.utf8(), dialect);
    }
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

// A hole in front of the first row is passed over.
Parser::Step TableText::read_first_row(const Config& config, const Heading* known, bool final) {
  const auto read = [](Parser& reader) {
    Parser::Step step = reader.next();
    while (step == Parser::Step::bad_row && reader.is_hole()) step = reader.next();
    return step;
  };
  const Parser::Step step = read(parser);
  if (known == nullptr || !config.header || step == Parser::Step::need_more) return step;
  if (step == Parser::Step::row && known->is_like(parser.fields())) return step;
  parser = Parser(dialect);
  parser.feed(without_dos_end(text.utf8(), final), final);
  headerless = true;
  Parser probe = parser;
  return read(probe) == Parser::Step::end ? Parser::Step::end : Parser::Step::row;
}

void TableText::read_header(const Config& config, std::string_view file_name, const Heading* known,
                            bool final) {
  const Parser before = parser;
  const Parser::Step step = read_first_row(config, known, final);
  if (config.header && step == Parser::Step::bad_row) {
    throw FileRefused(std::string("the header cannot be read: ") + parser.fault());
  }
  const bool is_known = step == Parser::Step::row || (!config.header && !config.columns.empty());
  if (!is_known) return;
  heading = {{}, dialect.delimiter, encoding.name};
  std::vector<std::string> names;
  if (!config.header) {
    names = RowLayout::names_without_header(config, parser.fields().size());
    parser = before;  // without a header the first row is counted, not taken
  } else if (headerless) {
    names = heading.names = known->names;
  } else {
    for (const Field& field : parser.fields()) names.emplace_back(field.text);
    heading.names = names;
  }
  layout.emplace(config, std::move(names), file_name, remarks);
}

}  // namespace btb::csv
