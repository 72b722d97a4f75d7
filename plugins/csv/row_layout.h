// RowLayout: which field of a row is what, once the names of the columns are known: key, topic,
// operation, payload.
//
// Made anew for each file from its header; a value, pure, one thread. The place of other payloads
// than JSON (a FlatBuffers schema) is beside `payload`.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/options.h"

namespace btb::csv {

// The file as a whole cannot be taken; the text says why, and what to do.
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

// What is wrong with a row. `reason` is static, or lives until the next row is read; null: nothing.
struct RowFault {
  const char* reason = nullptr;
  size_t column = 0;  // from 1; 0: the row as a whole
  explicit operator bool() const { return reason != nullptr; }
};

class RowLayout {
 public:
  // `names` as they stand in the header. Borrows `config`. Throws ColumnMissing if there is no
  // column that the configuration names. What was odd but usable is told in `remarks`.
  // `encoding` is what the file is written in, for texts.
  RowLayout(const Config& config, std::vector<std::string> names, std::string_view file_name,
            std::vector<std::string>& remarks, std::string encoding = "utf-8");
  // This row stands behind the header and is no data (units); nor is any other that is the same.
  void add_to_header(const std::vector<Field>& fields);

  // Without a header: the names of the configuration, or column_1, column_2, ...
  static std::vector<std::string> names_without_header(const Config& config, size_t count);

  // Is the row one that carries nothing? (",,,", as spreadsheets leave them at the end)
  [[nodiscard]] static bool is_blank(const std::vector<Field>& fields);
  // True if the row is no data: blank; the header or what belongs to it, once more (files that were
  // put one behind the other); or one that skip_where or empty_key leave out. All but the blank
  // ones are counted.
  bool passes_over(const std::vector<Field>& fields);
  [[nodiscard]] uint64_t passed_over() const { return passed_over_; }
  // The number of fields, the characters in them. `raw` is the row as it lies in the file. The text
  // of the fault lives until the next call.
  [[nodiscard]] RowFault check(const std::vector<Field>& fields, std::string_view raw) const;

  // The key: the field of the one key column as it is; of several, joined by "|", where a "|" or
  // "\" inside of one gets a "\" in front, so that two different rows of fields never make the same
  // key. `key` is a view of the row or of `scratch`. Also usable for a row that failed check, as
  // long as its key columns are there.
  [[nodiscard]] RowFault key(const std::vector<Field>& fields, std::string& scratch,
                             std::string_view& key) const;
  // True if a row with this fault may be one that is known, and nobody can tell which.
  [[nodiscard]] bool hides_key(const std::vector<Field>& fields, const RowFault& fault) const;
  // Appends to `out`. REQUIRES: check found nothing.
  [[nodiscard]] RowFault topic(const std::vector<Field>& fields, std::string& out) const;
  [[nodiscard]] RowFault payload(const std::vector<Field>& fields, std::string& out) const;

  // True if no column that the topic names is empty.
  [[nodiscard]] bool tells_topic(const std::vector<Field>& fields) const;

  enum class Op : uint8_t { put, erase, unknown };
  [[nodiscard]] Op op(const std::vector<Field>& fields) const;
  // The word that says it, in small letters.
  [[nodiscard]] std::string op_word(const std::vector<Field>& fields) const;
  [[nodiscard]] size_t op_column() const { return op_ + 1; }

  // A number that differs when the same bytes of a row would mean something else.
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
    size_t column;  // none: the literal
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
    std::string glob;  // in small letters
  };
  std::vector<LeftOut> left_out_;
  std::vector<std::vector<std::string>> header_rows_;  // as they stand in the file, trimmed
  std::string encoding_;
  mutable std::string reason_;
  uint64_t passed_over_ = 0;
  size_t op_ = none;
  uint64_t hash_ = 0;
};

}  // namespace btb::csv
