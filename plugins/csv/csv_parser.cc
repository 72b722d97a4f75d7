// Parser's parts, from large to small: the window, one row, one field, line ends.
#include "plugins/csv/csv_parser.h"

#include <algorithm>
#include <cstring>

namespace btb::csv {

namespace {

constexpr char dos_end = '\x1A';
constexpr size_t hole_raw_bytes = 16;  // so much of a hole goes into its dead letter

SpecialScanner::Specials specials_of(const Dialect& dialect) {
  const auto or_delimiter = [&](char c) { return c == '\0' ? dialect.delimiter : c; };
  return {dialect.delimiter, '\n', '\r', or_delimiter(dialect.quote), or_delimiter(dialect.escape)};
}

// The control character for a letter behind an escape; `c` itself if it stands for none.
char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case '0':
      return '\0';
    case 'Z':
      return '\x1A';
    default:
      return c;
  }
}

}  // namespace

Parser::Parser(const Dialect& dialect) : dialect_(dialect), scanner_(specials_of(dialect)) {}

void Parser::feed(std::string_view bytes, bool final) {
  window_ = bytes;
  final_ = final;
  position_ = 0;
  scanner_.look_at(bytes.data(), bytes.size());
}

void Parser::cut(size_t end) {
  window_ = window_.substr(0, end);
  scanner_.look_at(window_.data(), window_.size());
}

void Parser::restart(uint64_t line) {
  line_ = line;
  discarding_ = false;
  feed({}, false);
}

Parser::Step Parser::next() {
  in_quotes_ = is_hole_ = false;
  if (discarding_) {
    const Step step = pass_over(position_);
    if (step != Step::row) return step;
  }
  while (position_ < window_.size()) {
    const char c = window_[position_];
    if (c == '\n' || c == '\r') {
      if (!take_line_end(position_)) return Step::need_more;
    } else if (c == dialect_.comment && c != '\0') {
      const Step step = pass_over(position_);
      if (step != Step::row) return step;
    } else if (c == dos_end) {
      if (position_ + 1 == window_.size() && !final_) return Step::need_more;
      ++position_;
    } else {
      return c == '\0' ? take_hole() : next_row();
    }
  }
  return final_ ? Step::end : Step::need_more;
}

bool Parser::skip_lines(uint64_t count) {
  for (; count > 0; --count) {
    const size_t end = line_end(position_);
    if (end == window_.size() || !take_line_end(end)) return false;
  }
  return true;
}

// Handles NUL bytes where a row should begin. They are a hole if other bytes follow, and padding at
// the end of the file. If they reach to the end of a window, more may follow.
Parser::Step Parser::take_hole() {
  const size_t end = window_.find_first_not_of('\0', position_);
  if (end == std::string_view::npos) {
    if (!final_) return Step::need_more;
    position_ = window_.size();
    return Step::end;
  }
  if (end - position_ < hole_bytes_min) return next_row();
  row_position_ = position_;
  row_line_ = line_;
  fields_.clear();
  raw_ = window_.substr(position_, std::min(end - position_, hole_raw_bytes));
  fault_ = hole_reason;
  is_hole_ = true;
  fault_column_ = 1;
  position_ = end;
  return Step::bad_row;
}

Parser::Step Parser::give_up_quote() {
  return bad_quote("unclosed quote");
}

// Passes over the bytes from `from` to the end of the line. Step::row: position_ is behind the
// line.
Parser::Step Parser::pass_over(size_t from) {
  const size_t end = line_end(from);
  if (end < window_.size() && take_line_end(end)) {
    discarding_ = false;
    return Step::row;
  }
  discarding_ = true;
  position_ = end;  // the end of the window, or a \r whose \n may still come
  if (!final_) return Step::need_more;
  position_ = window_.size();
  return Step::end;
}

// --- one row ---

Parser::Step Parser::next_row() {
  at_ = row_position_ = position_;
  row_limit_ = position_ + dialect_.row_bytes_max + 1;
  row_line_ = line_;
  row_lines_ = 0;
  in_quotes_ = too_many_columns_ = false;
  fields_.clear();
  copied_.clear();
  copy_.clear();
  for (;;) {
    switch (take_field()) {
      case FieldEnd::delimiter:
        break;
      case FieldEnd::row:
        return finish_row(at_);
      case FieldEnd::window:
        return row_cut_off(in_quotes_);
      case FieldEnd::fault:
        return bad_quote("text behind a closing quote");
    }
  }
}

Parser::Step Parser::finish_row(size_t end) {
  line_ += row_lines_;
  if (!take_line_end(end)) {
    line_ -= row_lines_;
    return Step::need_more;
  }
  raw_ = window_.substr(row_position_, end - row_position_);
  fix_copied();
  if (!too_many_columns_) return Step::row;
  fault_ = "more columns than max_columns";
  fault_column_ = fields_.size() + 1;
  return Step::bad_row;
}

// The row did not end before the window, or the limit of a row, ended.
Parser::Step Parser::row_cut_off(bool in_quotes) {
  const bool limited = row_limit_ <= window_.size();
  if (!limited && !final_) return Step::need_more;
  if (in_quotes)
    return bad_quote(limited ? "unclosed quote, or longer than max_row_bytes" : "unclosed quote");
  return too_long();
}

Parser::Step Parser::too_long() {
  raw_ = window_.substr(row_position_, row_limit_ - row_position_);
  fault_ = "longer than max_row_bytes";
  fault_column_ = fields_.size() + 1;
  line_ += row_lines_;
  fix_copied();
  pass_over(row_limit_ - 1);
  return Step::bad_row;
}

// The text behind a bad quote cannot be trusted, so reading goes on after the first line of the
// row.
Parser::Step Parser::bad_quote(const char* reason) {
  const size_t end = line_end(row_position_);
  const bool limited = row_limit_ <= window_.size();
  const bool whole_line =
      end + 1 < window_.size() || (end < window_.size() && window_[end] == '\n');
  if (!final_ && !limited && !whole_line) return Step::need_more;
  raw_ = window_.substr(row_position_, std::min(end, row_limit_) - row_position_);
  fault_ = reason;
  fault_column_ = fields_.size() + 1;
  fix_copied();
  pass_over(row_position_);
  return Step::bad_row;
}

// --- one field ---

// Leaves at_ behind the delimiter, or at the end of the row.
Parser::FieldEnd Parser::take_field() {
  if (dialect_.skip_initial_space) at_ = behind_spaces(at_);
  if (dialect_.quote != '\0' && at_ < stop() && window_[at_] == dialect_.quote)
    return take_quoted();
  begin_field(at_);
  for (size_t at = at_;;) {
    at = scanner_.find(at);
    if (at >= stop()) {
      if (!final_ || row_limit_ <= window_.size()) return FieldEnd::window;
      add_field(window_.size(), false);
      at_ = window_.size();
      return FieldEnd::row;
    }
    const char c = window_[at];
    if (c == dialect_.delimiter) {
      add_field(at, false);
      at_ = at + 1;
      return FieldEnd::delimiter;
    }
    if (c == '\n' || c == '\r') {
      add_field(at, false);
      at_ = at;
      return FieldEnd::row;
    }
    at = c == dialect_.escape ? take_escape(at) : at + 1;
  }
}

Parser::FieldEnd Parser::take_quoted() {
  in_quotes_ = true;
  begin_field(at_ + 1);
  for (size_t at = at_ + 1;;) {
    at = scanner_.find(at);
    if (at >= stop()) return FieldEnd::window;
    const char c = window_[at];
    if (c == dialect_.quote) {
      const bool last = at + 1 == window_.size();
      if (at + 1 >= stop() && !(last && final_ && row_limit_ > window_.size()))
        return FieldEnd::window;
      if (last || window_[at + 1] != dialect_.quote) return behind_quoted(at);
      copy_up_to(at, at + 1);
      at += 2;
    } else if (c == dialect_.escape) {
      at = take_escape(at);
    } else {
      if (c == '\n' || (c == '\r' && !(at + 1 < window_.size() && window_[at + 1] == '\n')))
        ++row_lines_;
      ++at;
    }
  }
}

// The first offset from `at` on, inside the row, that has no space or tab.
size_t Parser::behind_spaces(size_t at) const {
  while (at < stop() && dialect_.delimiter != window_[at] &&
         (window_[at] == ' ' || window_[at] == '\t'))
    ++at;
  return at;
}

// Takes the escape at `at` and the character behind it; returns the offset behind both. An escape
// at the end of the window has no character behind it.
size_t Parser::take_escape(size_t at) {
  const size_t next = at + 1;
  if (next >= stop()) {
    copy_up_to(at, next);
    return next;
  }
  const char c = window_[next];
  if (dialect_.escapes == Escapes::quotes && c != dialect_.quote && c != dialect_.escape)
    return next;
  copy_up_to(at, next);
  const char meant = dialect_.escapes == Escapes::letters ? unescaped(c) : c;
  if (meant != c) {
    copy_ += meant;
    field_begin_ = next + 1;
  }
  const bool two = c == '\r' && next + 1 < stop() && window_[next + 1] == '\n';
  if (c == '\n' || c == '\r') ++row_lines_;
  return next + (two ? 2 : 1);
}

// True if the field is the null of MySQL and PostgreSQL.
bool Parser::is_null_mark(size_t begin, size_t end) const {
  return dialect_.escapes == Escapes::letters && end - begin == 2 && window_[begin + 1] == 'N' &&
         window_[begin] == dialect_.escape && dialect_.escape != '\0';
}

// `closing` is the offset of the closing quote. REQUIRES: it is below stop().
Parser::FieldEnd Parser::behind_quoted(size_t closing) {
  in_quotes_ = false;
  at_ = closing + 1;
  if (dialect_.skip_initial_space) {
    at_ = behind_spaces(at_);
    if (at_ >= stop() && !(final_ && row_limit_ > window_.size())) return FieldEnd::window;
  }
  if (at_ < window_.size()) {
    const char c = window_[at_];
    if (c != dialect_.delimiter && c != '\n' && c != '\r') return FieldEnd::fault;
    add_field(closing, true);
    if (c != dialect_.delimiter) return FieldEnd::row;
    ++at_;
    return FieldEnd::delimiter;
  }
  add_field(closing, true);
  return FieldEnd::row;
}

void Parser::begin_field(size_t at) {
  field_at_ = field_begin_ = at;
  field_copy_ = none;
}

// The bytes up to `end` are part of the field, those from there to `next` are not.
void Parser::copy_up_to(size_t end, size_t next) {
  if (field_copy_ == none) field_copy_ = copy_.size();
  copy_.append(window_.data() + field_begin_, end - field_begin_);
  field_begin_ = next;
}

void Parser::add_field(size_t end, bool quoted) {
  if (fields_.size() >= dialect_.columns_max) {
    too_many_columns_ = true;
    return;
  }
  const std::string_view written = window_.substr(field_at_, end - field_at_);
  if (field_copy_ == none || (!quoted && is_null_mark(field_at_, end))) {
    fields_.push_back({written, quoted, written});
    return;
  }
  copy_up_to(end, end);
  copied_.emplace_back(fields_.size(), field_copy_);
  // fix_copied sets the address of the text.
  fields_.push_back({{copy_.data(), copy_.size() - field_copy_}, quoted, written});
}

// Sets the addresses of copied fields. It is called when the row is complete, and copy_ does not
// grow any more.
void Parser::fix_copied() {
  for (const auto& [index, offset] : copied_) {
    fields_[index].text = std::string_view(copy_).substr(offset, fields_[index].text.size());
  }
}

// --- lines ---

// The current row must end before this offset.
size_t Parser::stop() const {
  return std::min(window_.size(), row_limit_);
}

// The offset of the next line end; the size of the window if there is none.
size_t Parser::line_end(size_t from) const {
  const std::string_view rest = window_.substr(std::min(from, window_.size()));
  const size_t feed_at = std::min(rest.find('\n'), rest.size());
  const size_t return_at = std::min(rest.substr(0, feed_at).find('\r'), feed_at);
  return window_.size() - rest.size() + return_at;
}

// Moves position_ behind the line end at `at`, or to the end of a final window. False if the line
// end may not be complete.
bool Parser::take_line_end(size_t at) {
  if (at >= window_.size()) {
    position_ = window_.size();
    ++line_;
    return final_;
  }
  if (window_[at] == '\r') {
    if (at + 1 == window_.size() && !final_) return false;
    if (at + 1 < window_.size() && window_[at + 1] == '\n') ++at;
  }
  position_ = at + 1;
  ++line_;
  return true;
}

}  // namespace btb::csv
