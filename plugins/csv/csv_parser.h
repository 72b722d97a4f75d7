// Parser: bytes of a CSV file (UTF-8, or any encoding in which the special characters are single
// ASCII bytes) to rows of fields. RFC 4180 and what is met beside it: any delimiter, \n, \r\n and
// \r, blank lines, comments, an escape character, quotes in the middle of a field taken as they
// are.
//
// It is pushed windows of bytes: feed, then next until it says need_more or end. The rows are the
// same however the bytes were cut. Resource-free value, one thread. Nothing is copied: fields are
// views of the window, or of a buffer of the parser where quotes had to be taken out; they live
// until the next call of next or feed.
//
// NUL bytes where a row should begin are a bad row of their own: a file that was cut off while its
// writer kept its place has a hole there. Those behind the last row are nothing: they fill a block
// up. A ^Z there, the end of a file under DOS, is passed over.
//
// After a fault it goes on at the line behind the one on which the bad row began, so one stray
// quote costs one row, not the rest of the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/csv/scan.h"

namespace btb::csv {

// What an escape character makes of the one behind it.
enum class Escapes : uint8_t {
  plain,    // it is taken as it is
  letters,  // n, t, r, b, f, v, 0 and Z are control characters, as MySQL and PostgreSQL write them;
            // an unquoted field that is escape and N alone stays as it is: it is a null
  quotes    // a quote or the escape is taken as it is, any other keeps the escape in front of it
};

struct Dialect {
  char delimiter = ',';
  char quote = '"';    // '\0': there are no quotes
  char escape = '\0';  // '\0': only a doubled quote
  Escapes escapes = Escapes::plain;
  char comment = '\0';  // a line that begins with it is skipped; '\0': no comments
  bool skip_initial_space =
      false;  // spaces in front of a field, and around its quotes, are no part of it
  uint64_t row_bytes_max = 1U << 20;
  size_t columns_max = 1024;
  bool operator==(const Dialect&) const = default;
};

struct Field {
  std::string_view text;
  bool quoted = false;
  std::string_view written;  // as it stands in the file, escapes in, without the quotes around it
};

class Parser {
 public:
  enum class Step : uint8_t { row, bad_row, need_more, end };
  static constexpr size_t hole_bytes_min = 4;  // fewer NUL bytes are a part of their row
  static constexpr const char* hole_reason = "a hole: NUL bytes where a row should begin";

  explicit Parser(const Dialect& dialect);

  // Goes on with `bytes`, which begin at the byte position() of the window before (at the first
  // call: of the file). `final`: nothing comes behind them. Borrows them.
  void feed(std::string_view bytes, bool final);
  // Back to the state of a new parser, with another line number to begin with.
  void restart(uint64_t line = 1);

  // The next row. bad_row: fault() tells why, raw() what it was, fields() what came before the
  // fault. need_more: a row begins at position() and does not end in this window. end: only if the
  // window was final.
  Step next();

  // After need_more: how many line ends lie inside of a quote that did not close so far.
  [[nodiscard]] uint64_t lines_in_open_quote() const { return in_quotes_ ? row_lines_ : 0; }
  // After need_more, if that is not 0: takes the quote for a stray one. The row is bad, and reading
  // goes on at the line behind the one on which it began.
  Step give_up_quote();

  // What lies at `end` of the window and behind it does not belong to the text. REQUIRES: the
  // window is final, position() <= end.
  void cut(size_t end);

  // Passes over `count` lines, whatever is in them. False if the window ends before.
  bool skip_lines(uint64_t count);

  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] std::string_view raw() const { return raw_; }  // of the row, its line end left out
  [[nodiscard]] size_t row_position() const { return row_position_; }  // in the window
  [[nodiscard]] uint64_t row_line() const { return row_line_; }        // from 1
  [[nodiscard]] const char* fault() const { return fault_; }           // static
  [[nodiscard]] size_t fault_column() const { return fault_column_; }  // from 1
  // True if the bad row is a hole.
  [[nodiscard]] bool is_hole() const { return is_hole_; }
  // Behind everything that was returned so far, in the window; and the line there.
  [[nodiscard]] size_t position() const { return position_; }
  [[nodiscard]] uint64_t line() const { return line_; }
  // False while position() lies inside a comment or an endless line: nobody can begin to read
  // there.
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
  bool discarding_ = false;  // in the rest of a line that was too long

  // the row at hand
  size_t at_ = 0;           // the next byte to look at
  size_t row_limit_ = 0;    // a row that reaches up to here is too long
  uint64_t row_lines_ = 0;  // line ends inside its quotes
  bool in_quotes_ = false;
  bool too_many_columns_ = false;
  size_t field_at_ = 0;       // where the field at hand begins
  size_t field_begin_ = 0;    // what of the field at hand is not copied
  size_t field_copy_ = none;  // where in copy_ the field at hand begins
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
