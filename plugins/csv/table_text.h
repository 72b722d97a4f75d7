// TableText: the text of a file, with everything known that stands in front of its rows: encoding,
// delimiter, header. Mode append uses it for the head of a file. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/charset.h"
#include "plugins/csv/csv_parser.h"
#include "plugins/csv/row_layout.h"

namespace btb::csv {

// The header of a file, kept for later: the file may be cut off or replaced, and have no header
// then. Value.
struct Heading {
  std::vector<std::string> names;  // as in the file
  char delimiter = ',';
  std::string encoding;  // as in Encoding::Found
  bool operator==(const Heading&) const = default;
  // Never 0.
  [[nodiscard]] uint64_t hash() const;
  // True if a row is this header or a changed form of it: it has at least half of the names.
  [[nodiscard]] bool is_like(const std::vector<Field>& fields) const;
};

// Resource; borrows `bytes` and `config`, which must live as long.
struct TableText {
  // `bytes` begin with the first byte of the file; `final`: they are the whole file. With `known`,
  // a first row that is not like that header is data, and the known header is used. Throws
  // FileRefused if the bytes are no table, or the header does not fit the configuration.
  TableText(const Config& config, std::string_view bytes, std::string_view file_name, bool final,
            const Heading* known = nullptr);

  Encoding::Found encoding;
  Dialect dialect;
  Text text;
  Parser parser;                    // at the first row behind the header
  std::optional<RowLayout> layout;  // none: no rows, or the header is not complete yet
  std::vector<std::string> remarks;
  Heading heading;          // its own, or the known one; no names if no header is expected
  bool headerless = false;  // the file has no header, and the known one is used

  // The offset in the file of an offset in text.utf8().
  [[nodiscard]] uint64_t byte_offset(size_t utf8_offset) const {
    return encoding.mark_bytes + text.byte_offset(utf8_offset);
  }

 private:
  void find_dialect(const Config& config, std::string_view delimiter_line, const Heading* known);
  bool seek_header(const Config& config, const Heading* known, bool final);
  [[nodiscard]] Parser parser_at_top(bool final) const;
  [[nodiscard]] bool begin_behind_top(bool final);
  [[nodiscard]] bool begins_like_rows_of(const Heading& known, bool final) const;
  bool skip_behind_header(const Config& config);
  void cut_footer(uint64_t rows);
  void find_encoding(const Config& config, std::string_view bytes, const Heading* known);
  Parser::Step read_first_row(const Config& config, const Heading* known, bool final);
  void read_header(const Config& config, std::string_view file_name, const Heading* known,
                   bool final);

  uint64_t skipped_lines_ = 0;  // lines in front of the header: skip_rows, "sep="
};

// The first line with its line end, if it names the delimiter in the manner of Excel ("sep=;");
// else empty. The delimiter is its fifth character. A view of `text`.
std::string_view delimiter_line_of(std::string_view text);

// The delimiter that cuts the first rows into the most columns, if nearly all of these rows get the
// same number. ',' if the text has none of the usual delimiters. Throws FileRefused if it cannot be
// decided.
char find_delimiter(std::string_view text, const Dialect& dialect);

}  // namespace btb::csv
