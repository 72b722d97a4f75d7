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

// What is wrong with a row. `reason` is static, or lives until the next row is read; null: nothing.
struct RowFault {
  const char* reason = nullptr;
  size_t column = 0;  // from 1; 0: the row as a whole
  explicit operator bool() const { return reason != nullptr; }
};

class RowLayout {
 public:
  // `names` as they stand in the header. Borrows `config`. Throws FileRefused if a column is
  // missing that the configuration names. What was odd but usable is told in `remarks`.
  RowLayout(const Config& config, std::vector<std::string> names, std::string_view file_name,
            std::vector<std::string>& remarks);

  // Without a header: the names of the configuration, or column_1, column_2, ...
  static std::vector<std::string> names_without_header(const Config& config, size_t count);

  // Is the row one that carries nothing? (",,,", as spreadsheets leave them at the end)
  [[nodiscard]] static bool is_blank(const std::vector<Field>& fields);
  // The number of fields, the characters in them. `raw` is the row as it lies in the file.
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

  void clean_names(std::vector<std::string>& remarks);
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
  size_t op_ = none;
  uint64_t hash_ = 0;
};

}  // namespace btb::csv
