// RowLayout: makes key, topic, operation and payload from the fields of a row. It needs the names
// of the columns, so it is made anew for each file from its header.
//
// A value; pure; one thread. Payloads of another format than JSON (a FlatBuffers schema) would
// become a second function beside `payload`.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/options.h"

namespace btb::csv {

// The whole file cannot be taken. The text says why, and what an operator can do.
class FileRefused : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One option names a column that the file does not have.
class ColumnMissing : public FileRefused {
 public:
  ColumnMissing(const char* option, const std::string& text) : FileRefused(text), option_(option) {}
  [[nodiscard]] const char* option() const { return option_; }  // static

 private:
  const char* option_;
};

// The fault of a row. `reason` is static, or lives until the next row is read; null: no fault.
struct RowFault {
  const char* reason = nullptr;
  size_t column = 0;  // from 1; 0: the row as a whole
  explicit operator bool() const { return reason != nullptr; }
};

class RowLayout {
 public:
  // `names` are those of the header, not cleaned. Borrows `config`. Throws ColumnMissing if an
  // option names a column that is not among them, and FileRefused for other faults of the header.
  // `remarks` gets texts for people about names that were odd and could still be used. `encoding`
  // is the file's, for texts of faults.
  RowLayout(const Config& config, std::vector<std::string> names, std::string_view file_name,
            std::vector<std::string>& remarks, std::string encoding = "utf-8");
  // This row belongs to the header: it has units, for example. passes_over is true for equal rows.
  void add_to_header(const std::vector<Field>& fields);

  // Without a header: the names of the configuration, or column_1, column_2, ...
  static std::vector<std::string> names_without_header(const Config& config, size_t count);

  // True if all fields are empty: ",,,", as spreadsheets write it at the end.
  [[nodiscard]] static bool is_blank(const std::vector<Field>& fields);
  // True if the row is no data: a blank row; a repeated row of the header, as when files were
  // joined; a row that skip_where or empty_key leaves out. Counts all of these except blank rows.
  bool passes_over(const std::vector<Field>& fields);
  [[nodiscard]] uint64_t passed_over() const { return passed_over_; }
  // Checks the number of fields, and that the characters are valid. `raw` is the row as UTF-8. The
  // reason of the fault lives until the next call.
  [[nodiscard]] RowFault check(const std::vector<Field>& fields, std::string_view raw) const;

  // The key. With one key column it is that field. With several it is the fields joined by "|", and
  // a "|" or "\" inside a field gets a "\" in front, so that different fields never make the same
  // key. `key` becomes a view of the row or of `scratch`; empty without key columns. This also
  // works for a row that failed check if it has its key columns.
  [[nodiscard]] RowFault key(const std::vector<Field>& fields, std::string& scratch,
                             std::string_view& key) const;
  // True if the key cannot be read because of the fault. Then the row may be any of the known rows.
  [[nodiscard]] bool hides_key(const std::vector<Field>& fields, const RowFault& fault) const;
  // Append the topic or the payload to `out`. After a fault `out` may have a part of it. REQUIRES:
  // check found no fault.
  [[nodiscard]] RowFault topic(const std::vector<Field>& fields, std::string& out) const;
  [[nodiscard]] RowFault payload(const std::vector<Field>& fields, std::string& out) const;

  // True if the row has text in every column of the topic.
  [[nodiscard]] bool tells_topic(const std::vector<Field>& fields) const;

  enum class Op : uint8_t { put, erase, unknown };
  [[nodiscard]] Op op(const std::vector<Field>& fields) const;
  // The text of op_column in lower case; empty if the row has no such field.
  [[nodiscard]] std::string op_word(const std::vector<Field>& fields) const;
  // The number of op_column, from 1. REQUIRES: op_column is set.
  [[nodiscard]] size_t op_column() const { return op_ + 1; }

  // A hash of the column names: with other names the same bytes of a row mean something else.
  [[nodiscard]] uint64_t hash() const { return hash_; }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }

 private:
  struct Output {
    size_t column;
    std::string prefix;  // {"name":  or  ,"name":
    ColumnType type;
  };
  struct TopicPart {
    std::string literal;
    size_t column;  // none: this part is the literal
  };
  static constexpr size_t none = ~size_t{0};

  void check_names();
  [[nodiscard]] bool repeats_header(const std::vector<Field>& fields) const;
  [[nodiscard]] bool is_left_out(const std::vector<Field>& fields) const;
  [[nodiscard]] std::string bad_bytes_text(std::string_view text, size_t at) const;
  [[nodiscard]] size_t find(const char* option, const std::string& name) const;
  void resolve_topic(std::string_view file_name);
  void resolve_outputs();
  [[nodiscard]] std::string_view text_of(const Field& field) const;
  [[nodiscard]] bool is_null(const Field& field, ColumnType::Kind kind) const;
  [[nodiscard]] static size_t column_of(const std::vector<Field>& fields, const char* at);

  const Config* config_;
  std::vector<std::string> names_;
  std::vector<size_t> key_;
  std::vector<TopicPart> topic_;
  std::vector<Output> outputs_;
  struct LeftOut {
    size_t column;
    std::string glob;  // in lower case; empty: an empty field
  };
  std::vector<LeftOut> left_out_;
  std::vector<std::vector<std::string>> header_rows_;  // as in the file, with clean names
  std::string encoding_;
  mutable std::string reason_;
  uint64_t passed_over_ = 0;
  size_t op_ = none;
  uint64_t hash_ = 0;
};

}  // namespace btb::csv
