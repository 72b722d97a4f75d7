// TableText: a file that was read, up to where its rows begin: encoding, header, delimiter. Also
// for the head of a file of which only the end is wanted (mode append).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/charset.h"
#include "plugins/csv/csv_parser.h"
#include "plugins/csv/row_layout.h"

namespace btb::csv {

// What is known of a file's header, for the time when it is not there any more. Value.
struct Heading {
  std::vector<std::string> names;  // as they stood in the file
  char delimiter = ',';
  std::string encoding;  // as in Encoding::Found
  bool operator==(const Heading&) const = default;
  // Not 0.
  [[nodiscard]] uint64_t hash() const;
  // True if a row is this header, or a changed form of it: at least half of its names are there.
  [[nodiscard]] bool is_like(const std::vector<Field>& fields) const;
};

// Resource; borrows the bytes and the configuration.
struct TableText {
  // `bytes` from the first of the file on; `final`: all of them. With `known` a first row that is
  // not like that header is a row, and the header is the known one. Throws FileRefused if they are
  // no table, or the header does not fit the configuration.
  TableText(const Config& config, std::string_view bytes, std::string_view file_name, bool final,
            const Heading* known = nullptr);

  Encoding::Found encoding;
  Dialect dialect;
  Text text;
  Parser parser;                    // at the first row behind the header
  std::optional<RowLayout> layout;  // none: there is no header and no row, not even one
  std::vector<std::string> remarks;
  Heading heading;          // its own, or the known one; no names where no header is expected
  bool headerless = false;  // the known one stands for a header that is not there

  // Where something in text.utf8() lies in the file.
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

  uint64_t skipped_lines_ = 0;  // at the top
};

// The first line if it is one that tells the delimiter, as Excel writes it ("sep=;"), with its line
// end; else empty. The delimiter is its fifth character.
std::string_view delimiter_line_of(std::string_view text);

// The delimiter that cuts the first rows into the most columns, as many in each. Throws FileRefused
// if none does.
char find_delimiter(std::string_view text, const Dialect& dialect);

}  // namespace btb::csv
