// RowTable: messages as lines of a table that fits the terminal. The members of a payload that is a
// JSON object are columns of their own. Rows wait until flush(), because what is in them decides
// how wide the columns are; a head is printed again where another one is needed. Resource; one
// thread.
//
// Where there is no room for all, these go first: members that only repeat what the topic or the
// key says, heads longer than what stands below them, the beginning of the topic, and the columns
// on the right; "…" at the end of the head says that columns are missing.
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
  std::string time, seq, topic, key;  // printable, like all that is in here
  std::vector<Member> members;        // of a payload that is a JSON object with any
  std::string text;                   // any other payload
  bool deletion = false;
};

// The members of `payload` if it is a JSON object that has some; else none. What is no text or
// number is written as JSON. For a terminal of `columns` no more of them and of their values than
// it can show; for none (0) all of it, and none of an object with more than a thousand.
std::vector<TableRow::Member> table_members(std::string_view payload, uint32_t columns = 0);

class RowTable {
 public:
  [[nodiscard]] uint32_t columns() const { return columns_; }
  static constexpr size_t rows_waiting_max = 500;

  // `columns` of the terminal; 0: there is none, and no line is cut. With `seq` that is a column.
  RowTable(uint32_t columns, bool seq, bool colour)
      : columns_(columns), seq_(seq), colour_(colour) {}

  // True if so many rows wait that they should be flushed.
  bool add(TableRow row);
  void flush(std::string& out);

 private:
  struct Column {
    std::string name;
    size_t content = 0;  // the widest so far
    size_t width = 0;    // of the layout; 0: left out
    bool right = false;
    bool repeats = true;  // says only what the topic or the key says
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
  bool left_out_ = false;    // there are more members than columns could be made for
  bool incomplete_ = false;  // not all columns are in the layout
};

}  // namespace btb::cli
