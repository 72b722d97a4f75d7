// RowTable: messages as lines of a table that fits the terminal. If a payload is a JSON object,
// each of its members has a column. Rows wait until flush(), because their contents decide the
// widths of the columns. A new head is printed when the columns change. Resource; one thread.
//
// If there is no room for all columns, the table gives up these in turn: members that only repeat a
// part of the topic or the key, the ends of heads that are longer than their cells, the beginning
// of the topic, and the columns on the right. A "…" at the end of the head says that columns are
// missing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace btb::cli {

struct TableRow {
  struct Member {
    std::string name;
    std::string value;
    bool is_number = false;
  };
  std::string time, seq, topic, key;  // printable, like all texts here
  std::vector<Member> members;        // the members of a payload that is a JSON object
  std::string text;                   // the payload, if there are no members
  bool deletion = false;
};

// The members of `payload`; none if it is not a JSON object. A value that is neither a string nor
// null is written as JSON. For a terminal (`columns` is not 0) there are no more members, and no
// longer values, than it could show. Otherwise there are all, or none if the object has more than a
// thousand.
std::vector<TableRow::Member> table_members(std::string_view payload, uint32_t columns = 0);

class RowTable {
 public:
  [[nodiscard]] uint32_t columns() const { return columns_; }
  static constexpr size_t rows_waiting_max = 500;

  // `columns`: the width of the terminal; 0: there is none, and no line is cut. `seq`: sequence
  // numbers have a column.
  RowTable(uint32_t columns, bool seq, bool colour)
      : columns_(columns), seq_(seq), colour_(colour) {}

  // Keeps the row. True if so many rows or bytes wait that the caller should flush.
  bool add(TableRow row);
  // Appends all rows that wait.
  void flush(std::string& out);

 private:
  struct Column {
    std::string name;
    size_t content = 0;  // the width of the widest cell so far
    size_t width = 0;    // in the layout; 0: left out
    bool right = false;
    bool repeats = true;  // every cell only repeats a part of the topic or the key
  };

  [[nodiscard]] bool shown(const TableRow& row) const;
  void append_run(std::string& out, std::span<const TableRow> rows);
  void learn(std::span<const TableRow> rows);
  bool fits(const TableRow& row) const;
  void lay_out();
  void share_room(size_t room);
  size_t fill_members(size_t room, bool with_repeats, bool whole_heads);
  void append_head(std::string& out) const;
  void append_row(std::string& out, const TableRow& row) const;
  [[nodiscard]] std::string line_of(const TableRow& row) const;

  [[nodiscard]] size_t members_max() const;

  const uint32_t columns_;
  const bool seq_;
  const bool colour_;
  std::vector<TableRow> rows_;
  Column topic_, key_;
  std::vector<Column> members_;
  size_t seq_width_ = 3;
  size_t time_width_ = 0;
  bool begun_ = false;
  size_t bytes_waiting_ = 0;
  bool left_out_ = false;    // there are more members than a table may have columns
  bool incomplete_ = false;  // not all columns are in the layout
};

}  // namespace btb::cli
