// Parser: bytes of a CSV file (UTF-8, or any encoding in which the special characters are single
// ASCII bytes) to rows of fields. It follows RFC 4180 and common variants: any delimiter, \n, \r\n
// and \r, blank lines, comments, an escape character. A quote in the middle of a field is an
// ordinary character.
//
// The caller gives it windows of bytes: feed, then next until it returns need_more or end. The rows
// are the same wherever the bytes were cut into windows. It is a value without resources, for one
// thread. It copies a field only if a quote or an escape has to be removed from it. Fields are
// views of the window or of the parser's buffer; they live until the next call of next or feed.
//
// NUL bytes where a row should begin are a bad row: a hole. A file gets one if it is cut off while
// a writer goes on at its old position. NUL bytes behind the last row are padding, and are ignored.
// So is a ^Z where a row should begin: it marks the end of a file under DOS.
//
// After a fault the parser goes on at the line after the first line of the bad row, so one stray
// quote costs one row, and not the rest of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/csv/scan.h"

namespace btb::csv {

// How the character behind an escape character is read.
enum class Escapes : uint8_t {
  plain,    // as itself
  letters,  // n, t, r, b, f, v, 0 and Z are control characters, as MySQL and PostgreSQL write them;
            // an unquoted field that is only escape and N keeps both characters: it is a null
  quotes    // a quote or an escape is read as itself; before others the escape is an ordinary
            // character
};

struct Dialect {
  char delimiter = ',';
  char quote = '"';    // '\0': there are no quotes
  char escape = '\0';  // '\0': there is none, and a quote inside quotes is doubled
  Escapes escapes = Escapes::plain;
  char comment = '\0';  // a line that begins with it is skipped; '\0': no comments
  // Spaces and tabs in front of a field, and around its quotes, are not part of it.
  bool skip_initial_space = false;
  uint64_t row_bytes_max = 1U << 20;
  size_t columns_max = 1024;
  bool operator==(const Dialect&) const = default;
};

struct Field {
  std::string_view text;
  bool quoted = false;
  std::string_view written;  // as in the file, with its escapes, without the quotes around it
};

class Parser {
 public:
  enum class Step : uint8_t { row, bad_row, need_more, end };
  static constexpr size_t hole_bytes_min = 4;  // fewer NUL bytes are a part of their row
  static constexpr const char* hole_reason = "a hole: NUL bytes where a row should begin";

  explicit Parser(const Dialect& dialect);

  // Goes on with `bytes`. They must begin where position() was in the window before; at the first
  // call, where the file begins. `final`: they reach to the end of the file. Borrows `bytes` until
  // the next feed.
  void feed(std::string_view bytes, bool final);
  // Back to the state of a new parser, with another line number to begin with.
  void restart(uint64_t line = 1);

  // Reads the next row. bad_row: fault() is the reason, raw() the bytes of the row, fields() the
  // fields before the fault. need_more: the bytes from position() on are needed again, together
  // with more. end: there are no more rows; only if the window was final.
  Step next();

  // After need_more: the number of line ends inside a quote that is still open. 0 if none is open.
  [[nodiscard]] uint64_t lines_in_open_quote() const { return in_quotes_ ? row_lines_ : 0; }
  // After need_more with lines_in_open_quote() above 0: treats the quote as a stray one. The row is
  // bad, and reading goes on at the line after its first line.
  Step give_up_quote();

  // Ends the text at the offset `end` of the window. REQUIRES: the window is final, position() <=
  // end.
  void cut(size_t end);

  // Passes over `count` lines; quotes in them mean nothing. False if the window ends before that.
  bool skip_lines(uint64_t count);

  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  // The bytes of the row, without its line end. Of a hole only the first few.
  [[nodiscard]] std::string_view raw() const { return raw_; }
  [[nodiscard]] size_t row_position() const { return row_position_; }  // in the window
  [[nodiscard]] uint64_t row_line() const { return row_line_; }        // from 1
  [[nodiscard]] const char* fault() const { return fault_; }           // static
  [[nodiscard]] size_t fault_column() const { return fault_column_; }  // from 1
  // True if the bad row is a hole.
  [[nodiscard]] bool is_hole() const { return is_hole_; }
  // The offset in the window behind everything that was returned so far, and the line there, from
  // 1.
  [[nodiscard]] size_t position() const { return position_; }
  [[nodiscard]] uint64_t line() const { return line_; }
  // False while position() lies inside a comment or a line that is too long: a new parser cannot
  // begin there.
  [[nodiscard]] bool at_row_start() const { return !discarding_; }

 private:
  enum class FieldEnd : uint8_t { delimiter, row, window, fault };

  Step next_row();
  Step take_hole();
  Step finish_row(size_t end);
  Step row_cut_off(bool in_quotes);
  Step bad_quote(const char* reason);
  Step too_long();
  FieldEnd take_field();
  FieldEnd take_quoted();
  FieldEnd behind_quoted(size_t closing);
  void begin_field(size_t at);
  void copy_up_to(size_t end, size_t next);
  size_t behind_spaces(size_t at) const;
  size_t take_escape(size_t at);
  [[nodiscard]] bool is_null_mark(size_t begin, size_t end) const;
  void add_field(size_t end, bool quoted);
  Step pass_over(size_t from);
  [[nodiscard]] size_t stop() const;
  [[nodiscard]] size_t line_end(size_t from) const;
  bool take_line_end(size_t at);
  void fix_copied();
  static constexpr size_t none = ~size_t{0};

  Dialect dialect_;
  SpecialScanner scanner_;
  std::string_view window_;
  bool final_ = false;
  size_t position_ = 0;
  uint64_t line_ = 1;
  bool discarding_ = false;  // in the rest of a comment, or of a line with a fault

  // the current row
  size_t at_ = 0;           // the next byte to look at
  size_t row_limit_ = 0;    // a row that reaches this offset is too long
  uint64_t row_lines_ = 0;  // line ends inside its quotes
  bool in_quotes_ = false;
  bool too_many_columns_ = false;
  size_t field_at_ = 0;       // where the current field begins in the window
  size_t field_begin_ = 0;    // where the part of it begins that is not copied yet
  size_t field_copy_ = none;  // where it begins in copy_; none: nothing of it is copied
  std::vector<Field> fields_;
  std::vector<std::pair<size_t, size_t>> copied_;  // fields that lie in copy_: index, offset
  std::string copy_;
  std::string_view raw_;
  size_t row_position_ = 0;
  uint64_t row_line_ = 0;
  const char* fault_ = nullptr;
  bool is_hole_ = false;
  size_t fault_column_ = 0;
};

}  // namespace btb::csv
