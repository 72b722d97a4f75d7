// Its parts: finding the delimiter, the known header (Heading), and TableText.
#include "plugins/csv/table_text.h"

#include <algorithm>
#include <deque>
#include <map>

#include "plugins/csv/column_names.h"
#include "plugins/csv/hash.h"
#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

constexpr size_t binary_check_bytes = 4096;
constexpr size_t sniff_bytes = 64U << 10;
constexpr size_t sniff_rows = 100;
constexpr size_t header_lines_max = 1000;  // find_header looks at so many lines at the top

// The number of columns that `delimiter` gives; 0 if nearly all rows do not have the same number.
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

bool has_all(const std::vector<Field>& fields, const std::vector<std::string>& names) {
  std::vector<std::string> there;
  for (const Field& field : fields) {
    if (first_bad_byte(field.text) == std::string_view::npos)
      there.push_back(clean_name(field.text));
  }
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::find(there.begin(), there.end(), name) != there.end();
  });
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
  skipped_lines_ = std::max<uint64_t>(config.skip_rows, delimiter_line.empty() ? 0 : 1);
  find_dialect(config, delimiter_line, known);
  const bool begun =
      config.find_header ? seek_header(config, known, final) : begin_behind_top(final);
  if (begun || known != nullptr) read_header(config, file_name, known, final);
  if (layout && config.skip_footer > 0 && final) cut_footer(config.skip_footer);
}

Parser TableText::parser_at_top(bool final) const {
  Parser made(dialect);
  made.feed(without_dos_end(text.utf8(), final), final);
  return made;
}

// Puts the parser behind the skipped lines. False if the text ends before that.
bool TableText::begin_behind_top(bool final) {
  parser = parser_at_top(final);
  return parser.skip_lines(skipped_lines_);
}

// True if the first row has as many fields as `known` has names. Lines of a preamble, which a
// header may follow, seldom have.
bool TableText::begins_like_rows_of(const Heading& known, bool final) const {
  Parser probe = parser_at_top(final);
  Parser::Step step = probe.next();
  while ((step == Parser::Step::row && RowLayout::is_blank(probe.fields())) ||
         (step == Parser::Step::bad_row && probe.is_hole()))
    step = probe.next();
  return step == Parser::Step::row && probe.fields().size() == known.names.size();
}

// Puts the parser in front of the header: the first line that begins a row with all needed_columns.
// The text before it may be anything, even an open quote. False if there is no header yet, or
// `known` has to be used for it.
bool TableText::seek_header(const Config& config, const Heading* known, bool final) {
  const bool any_delimiter = config.delimiter_auto && known == nullptr;
  const std::string candidates = any_delimiter ? ",;\t|" : std::string(1, dialect.delimiter);
  const std::vector<std::string> needed = needed_columns(config);
  bool ended = false;
  for (const char candidate : candidates) {
    dialect.delimiter = candidate;
    ended = !begin_behind_top(final);
    for (size_t line = 0; !ended && line < header_lines_max; ++line) {
      Parser probe(dialect);
      probe.feed(without_dos_end(text.utf8(), final).substr(parser.position()), final);
      if (probe.next() == Parser::Step::row && has_all(probe.fields(), needed)) return true;
      ended = !parser.skip_lines(1);
    }
  }
  const bool empty = text.utf8().find_first_not_of("\r\n\t \x1A") == std::string_view::npos;
  if (known != nullptr && ended && begins_like_rows_of(*known, final)) {
    parser = parser_at_top(final);
    return true;
  }
  if (known != nullptr || empty || (ended && !final)) return false;
  std::string names;
  for (const std::string& name : needed) names += (names.empty() ? "" : ", ") + name;
  throw FileRefused("none of its first " + std::to_string(header_lines_max) +
                    " lines is a header with all columns that options name: " + names);
}

// False if the text ends before the first row.
bool TableText::skip_behind_header(const Config& config) {
  for (uint64_t i = 0; i < config.skip_after_header; ++i) {
    const Parser::Step step = parser.next();
    if (step == Parser::Step::row) layout->add_to_header(parser.fields());
    if (step == Parser::Step::need_more) return false;
  }
  return true;
}

void TableText::cut_footer(uint64_t rows) {
  Parser probe = parser;
  std::deque<size_t> begins;  // of the last rows
  for (Parser::Step step = probe.next(); step != Parser::Step::end; step = probe.next()) {
    if (step == Parser::Step::row && RowLayout::is_blank(probe.fields())) continue;
    begins.push_back(probe.row_position());
    if (begins.size() > rows) begins.pop_front();
  }
  if (!begins.empty()) parser.cut(begins.front());
}

// A hole of NUL bytes does not show whether the file is a table, so it is left out. A known file
// may have lost its byte order mark; then the encoding of its header is tried.
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
      if (config.find_header) return;  // seek_header finds the delimiter, too
      Parser top(dialect);
      top.feed(text.utf8(), true);
      const bool any = top.skip_lines(skipped_lines_);
      dialect.delimiter = find_delimiter(text.utf8().substr(any ? top.position() : 0), dialect);
    }
    return;
  }
  const char told = delimiter_line[delimiter_line.find('=') + 1];
  if (!config.delimiter_named && told != dialect.quote) {
    dialect.delimiter = told;
  } else if (told != dialect.delimiter) {
    std::string remark = "its first line says sep=";
    remark += told;
    remarks.push_back(remark + ", `delimiter` something else");
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
  parser = parser_at_top(final);
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
  layout.emplace(config, std::move(names), file_name, remarks, encoding.name);
  if (config.header && !headerless && !skip_behind_header(config)) layout.reset();
}

}  // namespace btb::csv
