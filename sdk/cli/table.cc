// Tables from JSON: one cell by its key, then aligned columns, then sheets.
#include "sdk/cli/table.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "sdk/cli/printable.h"
#include "sdk/cli/time_text.h"

namespace btb::cli {

using Json = nlohmann::json;

namespace {

std::string bytes_text(double bytes) {
  static constexpr std::array units{"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (bytes >= 1'000 && unit + 1 < units.size()) {
    bytes /= 1'000;
    ++unit;
  }
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), unit == 0 ? "%.0f %s" : "%.1f %s", bytes,
                units[unit]);
  return buffer.data();
}

std::string duration_text(int64_t seconds) {
  const auto two = [](int64_t large, const char* large_unit, int64_t small,
                      const char* small_unit) {
    return std::to_string(large) + large_unit + " " + std::to_string(small) + small_unit;
  };
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3'600) return two(seconds / 60, "m", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3'600, "h", seconds % 3'600 / 60, "m");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3'600, "h");
}

std::vector<std::string> columns_of(const Json& rows, const std::vector<std::string>& order,
                                    bool all) {
  std::vector<std::string> columns;
  for (const std::string& key : order) {
    if (std::any_of(rows.begin(), rows.end(), [&](const Json& row) { return row.contains(key); })) {
      columns.push_back(key);
    }
  }
  for (const Json& row : rows) {
    if (!row.is_object() || !(all || order.empty())) continue;
    for (const auto& [key, value] : row.items()) {
      if (std::find(columns.begin(), columns.end(), key) == columns.end()) columns.push_back(key);
    }
  }
  return columns;
}

// The head of a column: the key without its unit, because the cells show the unit.
std::string head_of(std::string key) {
  for (const std::string_view unit : {"_bytes", "_us", "_s"}) {
    if (key.ends_with(unit)) {
      key.resize(key.size() - unit.size());
      break;
    }
  }
  for (char& c : key)
    c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return printable(key);
}

}  // namespace

std::string cell(std::string_view key, const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() ? "-" : printable(text);
  }
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_number()) {
    if (key == "bytes" || key.ends_with("_bytes")) return bytes_text(value.get<double>());
    if (key.ends_with("_us")) {
      const auto time = value.get<int64_t>();
      return time == 0 ? "-" : format_local(time, "%Y-%m-%d %H:%M:%S");
    }
    if (key.ends_with("_s")) return duration_text(value.get<int64_t>());
    return value.dump();
  }
  std::string text;
  for (const auto& [name, inner] : value.items()) {
    if (!text.empty()) text += ", ";
    text += (value.is_object() ? printable(name) + " " : "") + cell(name, inner);
  }
  return text.empty() ? "-" : text;
}

std::string table(const Json& rows, const std::vector<std::string>& order, bool all) {
  const std::vector<std::string> columns = columns_of(rows, order, all);
  std::vector<std::vector<std::string>> lines(1);
  std::vector<bool> right(columns.size(), true);
  for (const std::string& key : columns) lines[0].push_back(head_of(key));
  for (const Json& row : rows) {
    if (!row.is_object()) continue;
    std::vector<std::string>& line = lines.emplace_back();
    for (size_t i = 0; i < columns.size(); ++i) {
      const bool present = row.contains(columns[i]);
      line.push_back(present ? cell(columns[i], row[columns[i]]) : "-");
      if (present && !row[columns[i]].is_number()) right[i] = false;
    }
  }
  std::vector<size_t> widths(columns.size(), 0);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  }
  std::string out;
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      const std::string space(widths[i] - width(line[i]), ' ');
      const bool last = i + 1 == line.size();
      out += right[i] ? space + line[i] : line[i] + (last ? "" : space);
      if (!last) out += "  ";
    }
    out += '\n';
  }
  return out;
}

std::string sheet(const Json& object, const std::vector<std::string>& order) {
  const std::vector<std::string> keys = columns_of(Json::array({object}), order, true);
  size_t widest = 0;
  for (const std::string& key : keys) widest = std::max(widest, width(head_of(key)));
  std::string out;
  for (const std::string& key : keys) {
    std::string head = head_of(key);
    for (char& c : head) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    out += head + std::string(widest - width(head) + 2, ' ') + cell(key, object[key]) + "\n";
  }
  return out;
}

}  // namespace btb::cli
