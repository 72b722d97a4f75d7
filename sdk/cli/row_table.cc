// RowTable: the members of a payload; runs of rows below one head (flush, append_run); the columns
// and their widths (learn, lay_out); printing lines.
#include "sdk/cli/row_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sdk/cli/json_text.h"
#include "sdk/cli/printable.h"

namespace btb::cli {

namespace {

constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view plain = "\x1b[0m";
constexpr std::string_view deleted = "(deleted)";
constexpr size_t gap = 2;
constexpr size_t time_columns = 8;            // 15:31:20
constexpr size_t seconds_columns = 3;         // the ":20" in it
constexpr size_t seconds_terminal_min = 100;  // narrower: no seconds
constexpr size_t time_terminal_min = 60;      // narrower: no time
constexpr size_t content_max = 40;            // wider cells do not make a column wider
constexpr size_t head_min = 4;                // a head is not cut shorter than this
constexpr size_t cut_min = 8;                 // a narrower column is left out instead of cut
constexpr size_t terminal_members_max = 40;
constexpr size_t terminal_value_bytes_max = 1024;
constexpr size_t file_members_max = 1000;
constexpr size_t bytes_waiting_max = 4U << 20;
constexpr size_t other_rows_min = 3;  // so many rows with new members get a new head

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string padded(const std::string& text, size_t columns, bool right) {
  std::string shown = cut(text, columns);
  const std::string space(columns - std::min(columns, width(shown)), ' ');
  return right ? space + shown : shown + space;
}

// As cut, but cuts the front, at the start of a level if one is left.
std::string cut_front(std::string_view text, size_t columns) {
  if (columns == 0) return {};
  if (width(text) <= columns) return std::string(text);
  while (!text.empty() && width(text) + 1 > columns) {
    text.remove_prefix(std::max<size_t>(1, utf8_bytes(text)));
  }
  const size_t level = text.find('/');
  return "…" + std::string(level == std::string_view::npos ? text : text.substr(level));
}

// Whether `value` is one of the parts of `whole` between separators.
bool has_part(std::string_view whole, std::string_view value, char separator) {
  for (size_t begin = 0; begin <= whole.size();) {
    const size_t end = std::min(whole.find(separator, begin), whole.size());
    if (whole.substr(begin, end - begin) == value) return true;
    begin = end + 1;
  }
  return false;
}

// Whether the row fits below a head with these names: at least half of its own are among them.
bool shares_names(const TableRow& row, const std::vector<std::string>& names) {
  const auto shared = static_cast<size_t>(
      std::count_if(row.members.begin(), row.members.end(), [&](const TableRow::Member& member) {
        return std::find(names.begin(), names.end(), member.name) != names.end();
      }));
  return names.empty() || 2 * shared >= row.members.size();
}

bool repeats(const TableRow& row, const std::string& value) {
  return value.empty() || has_part(row.topic, value, '/') || has_part(row.key, value, '|');
}

}  // namespace

std::vector<TableRow::Member> table_members(std::string_view payload, uint32_t columns) {
  std::vector<TableRow::Member> members;
  if (payload.find_first_not_of(" \t\r\n") == std::string_view::npos) return members;
  if (payload[payload.find_first_not_of(" \t\r\n")] != '{') return members;
  std::string plain_json;  // JSON that is nested too deep is shown as text
  if (!append_compact_json(plain_json, payload)) return members;
  const auto json = nlohmann::ordered_json::parse(plain_json, nullptr, false);
  if (!json.is_object() || (columns == 0 && json.size() > file_members_max)) return members;
  for (const auto& [name, value] : json.items()) {
    // One member more than the columns, so that learn() sees that some are left out.
    if (columns != 0 && members.size() > terminal_members_max) break;
    TableRow::Member member;
    member.name = printable(name);
    member.is_number = value.is_number();
    std::string text;
    if (value.is_string()) {
      text = value.get<std::string>();
    } else if (!value.is_null()) {
      text = value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    }
    const bool whole = columns == 0 || text.size() <= terminal_value_bytes_max;
    member.value = printable(
        std::string_view(text).substr(0, whole ? std::string::npos : terminal_value_bytes_max));
    if (!whole) member.value += "…";
    members.push_back(std::move(member));
  }
  return members;
}

size_t RowTable::members_max() const {
  return columns_ == 0 ? file_members_max : terminal_members_max;
}

bool RowTable::add(TableRow row) {
  bytes_waiting_ += row.text.size();
  for (const TableRow::Member& member : row.members) bytes_waiting_ += member.value.size();
  rows_.push_back(std::move(row));
  return rows_.size() >= rows_waiting_max || bytes_waiting_ >= bytes_waiting_max;
}

void RowTable::flush(std::string& out) {
  std::vector<std::string> names;  // names of the members in this run of rows
  size_t begin = 0;
  for (size_t at = 0; at < rows_.size(); ++at) {
    const bool related = shares_names(rows_[at], names);
    if (!related) {
      append_run(out, std::span(rows_).subspan(begin, at - begin));
      begin = at;
      names.clear();
    }
    for (const TableRow::Member& member : rows_[at].members) {
      if (std::find(names.begin(), names.end(), member.name) == names.end()) {
        names.push_back(member.name);
      }
    }
  }
  append_run(out, std::span(rows_).subspan(begin));
  rows_.clear();
  bytes_waiting_ = 0;
}

// Prints rows that share one head, with a new head if they need one.
void RowTable::append_run(std::string& out, std::span<const TableRow> rows) {
  if (rows.empty()) return;
  const auto others = static_cast<size_t>(
      std::count_if(rows.begin(), rows.end(), [&](const TableRow& row) { return !shown(row); }));
  const bool anew = others >= other_rows_min || (others != 0 && members_.empty());
  const std::vector<Column> before = members_;
  const size_t topic_before = topic_.width, key_before = key_.width;
  if (anew && others == rows.size()) members_.clear();
  const bool wider =
      !std::all_of(rows.begin(), rows.end(), [&](const auto& row) { return fits(row); });
  if (!begun_ || anew || wider) {
    learn(rows);
    lay_out();
    const bool same = topic_.width == topic_before && key_.width == key_before &&
                      std::equal(before.begin(), before.end(), members_.begin(), members_.end(),
                                 [](const Column& a, const Column& b) {
                                   return a.name == b.name && a.width == b.width;
                                 });
    if (begun_ && anew) out += '\n';
    if (!begun_ || !same) append_head(out);
    begun_ = true;
  }
  for (const TableRow& row : rows) append_row(out, row);
}

// Whether every member of the row has a column.
bool RowTable::shown(const TableRow& row) const {
  return std::all_of(row.members.begin(), row.members.end(), [&](const TableRow::Member& member) {
    return std::any_of(members_.begin(), members_.end(),
                       [&](const Column& column) { return column.name == member.name; });
  });
}

// Updates the columns from the rows. Members without a column get one only if there are enough such
// rows for a new head.
void RowTable::learn(std::span<const TableRow> rows) {
  const bool few = begun_ && !members_.empty() &&
                   std::count_if(rows.begin(), rows.end(), [&](const TableRow& row) {
                     return !shown(row);
                   }) < static_cast<ptrdiff_t>(other_rows_min);
  const auto grow = [](Column& column, std::string_view text) {
    column.content = std::max(column.content, std::min(width(text), content_max));
  };
  for (const TableRow& row : rows) {
    grow(topic_, row.topic);
    grow(key_, row.key);
    seq_width_ = std::max(seq_width_, row.seq.size());
    for (const TableRow::Member& member : row.members) {
      auto column = std::find_if(members_.begin(), members_.end(),
                                 [&](const Column& one) { return one.name == member.name; });
      if (column == members_.end()) {
        left_out_ = left_out_ || members_.size() == members_max();
        if (few || members_.size() == members_max()) continue;
        members_.emplace_back();
        column = members_.end() - 1;
        column->name = member.name;
        column->right = true;
      }
      grow(*column, member.value);
      column->right = column->right && (member.is_number || member.value.empty());
      column->repeats = column->repeats && repeats(row, member.value);
    }
  }
}

bool RowTable::fits(const TableRow& row) const {
  const auto narrow = [](const Column& column, std::string_view text) {
    return width(text) > column.width && width(text) > column.content &&
           column.content < content_max;
  };
  if (narrow(topic_, row.topic) || narrow(key_, row.key)) return false;
  for (const TableRow::Member& member : row.members) {
    for (const Column& column : members_) {
      if (column.name == member.name && narrow(column, member.value)) return false;
    }
  }
  return true;
}

// Decides the widths of the columns, and which are left out.
void RowTable::lay_out() {
  time_width_ = columns_ == 0 || columns_ >= seconds_terminal_min ? time_columns
                : columns_ >= time_terminal_min                   ? time_columns - seconds_columns
                                                                  : 0;
  size_t room = columns_ == 0 ? SIZE_MAX / 2 : columns_;
  const auto take = [&](size_t wanted) {
    room -= std::min(room, wanted + gap);
    return wanted;
  };
  if (time_width_ != 0) take(time_width_);
  if (seq_) take(seq_width_);
  topic_.width = std::max<size_t>(topic_.content, 5);
  key_.width = key_.content == 0 ? 0 : std::max<size_t>(key_.content, 3);
  incomplete_ = left_out_ && columns_ != 0;
  const size_t whole = room;
  const auto members_room = [&] {
    const size_t before = topic_.width + gap + (key_.width == 0 ? 0 : key_.width + gap);
    return whole - std::min(whole, before);
  };
  if (fill_members(members_room(), true, true) == members_.size())
    return share_room(members_room());
  if (columns_ != 0) {
    topic_.width = std::min<size_t>(topic_.width, std::max<size_t>(8, columns_ / 5));
    key_.width = std::min<size_t>(key_.width, std::max<size_t>(8, columns_ / 4));
  }
  const auto own = static_cast<size_t>(std::count_if(
      members_.begin(), members_.end(), [](const Column& column) { return !column.repeats; }));
  incomplete_ = own != members_.size();
  if (fill_members(members_room(), false, true) == own) return share_room(members_room());
  incomplete_ = fill_members(members_room(), false, false) != members_.size();
}

// Gives the room to members, from the left, until it is used up. Returns how many are shown whole.
size_t RowTable::fill_members(size_t room, bool with_repeats, bool whole_heads) {
  size_t whole = 0;
  bool full = false;
  for (Column& column : members_) {
    column.width = 0;
    if (full || (column.repeats && !with_repeats)) continue;
    const size_t head = width(column.name);
    const size_t wanted = std::max(column.content, whole_heads ? head : std::min(head, head_min));
    if (wanted <= room) {
      column.width = wanted;
      room -= std::min(room, wanted + gap);
      ++whole;
    } else {
      full = true;
      if (room >= cut_min) column.width = room;
    }
  }
  return whole;
}

// Makes columns of text wider with the room that is left, so that a longer text later fits, too.
void RowTable::share_room(size_t room) {
  if (columns_ == 0) return;
  size_t used = 0;
  for (const Column& column : members_) used += column.width == 0 ? 0 : column.width + gap;
  for (Column& column : members_) {
    if (column.width == 0 || column.right || used >= room) continue;
    const size_t more = std::min(column.width / 2, room - used);
    column.width += more;
    used += more;
  }
}

// --- lines ---

void RowTable::append_head(std::string& out) const {
  TableRow head;
  head.time = "TIME";
  head.seq = "SEQ";
  head.topic = "TOPIC";
  head.key = "KEY";
  for (const Column& column : members_) {
    head.members.push_back({column.name, upper(column.name), false});
  }
  if (members_.empty()) head.text = "PAYLOAD";
  std::string line = line_of(head);
  if (incomplete_) line = cut(line, columns_ - std::min<size_t>(gap, columns_)) + " …";
  out += (columns_ == 0 ? line : cut(line, columns_)) + "\n";
}

void RowTable::append_row(std::string& out, const TableRow& row) const {
  const bool in_red = colour_ && row.deletion;
  if (in_red) out += red;
  out += line_of(row);
  if (in_red) out += plain;
  out += '\n';
}

std::string RowTable::line_of(const TableRow& row) const {
  std::string line;
  const auto add = [&](const std::string& text, size_t columns, bool right) {
    line += padded(text, columns, right) + std::string(gap, ' ');
  };
  if (time_width_ != 0) add(row.time.substr(0, time_width_), time_width_, false);
  if (seq_) add(row.seq, seq_width_, true);
  add(columns_ == 0 ? row.topic : cut_front(row.topic, topic_.width),
      columns_ == 0 ? std::max(topic_.width, width(row.topic)) : topic_.width, false);
  if (key_.width != 0) {
    add(row.key, columns_ == 0 ? std::max(key_.width, width(row.key)) : key_.width, false);
  }
  if (row.deletion) {
    line += deleted;
  } else if (row.members.empty()) {
    line += row.text;
  } else if (!shown(row)) {
    for (const TableRow::Member& member : row.members) {
      line += (&member == row.members.data() ? "" : ", ") + member.name + " " + member.value;
    }
  } else {
    for (const Column& column : members_) {
      if (column.width == 0) continue;
      const auto member =
          std::find_if(row.members.begin(), row.members.end(),
                       [&](const TableRow::Member& one) { return one.name == column.name; });
      const std::string value = member == row.members.end() ? "" : member->value;
      add(value, columns_ == 0 ? std::max(column.width, width(value)) : column.width, column.right);
    }
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return columns_ == 0 ? line : cut(line, columns_);
}

}  // namespace btb::cli
