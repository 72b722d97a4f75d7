// Its parts: the layout, made from the names of the columns, and the functions for one row.
#include "plugins/csv/row_layout.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <utility>

#include "plugins/csv/column_names.h"
#include "plugins/csv/hash.h"
#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

constexpr size_t key_bytes_max = 1024;

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    if (out.size() > 300) return out + ", ...";
    out += (out.empty() ? "" : ", ") + name;
  }
  return out;
}

void append_key_part(std::string& out, std::string_view part) {
  for (const char c : part) {
    if (c == '|' || c == '\\') out += '\\';
    out += c;
  }
}

}  // namespace

RowLayout::RowLayout(const Config& config, std::vector<std::string> names,
                     std::string_view file_name, std::vector<std::string>& remarks,
                     std::string encoding)
    : config_(&config), names_(std::move(names)), encoding_(std::move(encoding)) {
  check_names();
  if (config.header) {
    header_rows_.emplace_back();
    for (const std::string& name : names_) header_rows_[0].push_back(clean_name(name));
  }
  if (config.header && !config.columns.empty()) {
    if (names_.size() != config.columns.size()) {
      remarks.push_back("the header has " + std::to_string(names_.size()) +
                        " columns, the configuration names " +
                        std::to_string(config.columns.size()));
    }
    names_ = config.columns;
  }
  clean_names(names_, remarks);
  for (const std::string& name : config.key) key_.push_back(find("key", name));
  if (!config.op_column.empty()) op_ = find("op_column", config.op_column);
  for (const auto& [name, type] : config.types) (void)find("types", name);
  for (const auto& [name, to] : config.rename) (void)find("rename", name);
  for (const auto& [name, globs] : config.skip_where) {
    for (const std::string& glob : globs)
      left_out_.push_back({find("skip_where", name), lower_case(glob)});
  }
  resolve_topic(file_name);
  resolve_outputs();
  std::string all;
  for (const std::string& name : names_) all += name + '\n';
  hash_ = hash_of(all);
}

std::vector<std::string> RowLayout::names_without_header(const Config& config, size_t count) {
  if (!config.columns.empty()) return config.columns;
  std::vector<std::string> names(count);
  for (size_t i = 0; i < count; ++i) names[i] = "column_" + std::to_string(i + 1);
  return names;
}

void RowLayout::check_names() {
  for (size_t i = 0; i < names_.size(); ++i) {
    const size_t bad = first_bad_byte(names_[i]);
    if (bad == std::string::npos) continue;
    throw FileRefused("the name of column " + std::to_string(i + 1) + " is " +
                      bad_bytes_text(names_[i], bad));
  }
}

void RowLayout::add_to_header(const std::vector<Field>& fields) {
  header_rows_.emplace_back();
  for (const Field& field : fields) header_rows_.back().push_back(clean_name(field.text));
}

size_t RowLayout::find(const char* option, const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), clean_name(name));
  if (found != names_.end()) return static_cast<size_t>(found - names_.begin());
  std::string text = std::string("no column \"") + name + "\", which `" + option +
                     "` names; there are: " + joined(names_) + nearest_name(name, names_);
  if (names_.size() == 1 && !config_->delimiter_auto) {
    for (const auto& [c, word] : {std::pair{';', ";"}, {'\t', "tab"}, {'|', "|"}, {',', ","}}) {
      if (c != config_->dialect.delimiter && names_[0].find(c) != std::string::npos) {
        text += std::string(" (is the delimiter `") + word + "`?)";
        break;
      }
    }
  }
  throw ColumnMissing(option, text);
}

void RowLayout::resolve_topic(std::string_view file_name) {
  using Kind = NameTemplate::Part::Kind;
  for (const NameTemplate::Part& part : config_->topic.parts()) {
    TopicPart made{part.text, none};
    switch (part.kind) {
      case Kind::literal:
        break;
      case Kind::column:
        made.column = find("topic", part.text);
        break;
      case Kind::stem:
        made.literal.clear(), append_levels(made.literal, stem_of(file_name));
        break;
      case Kind::file:
        made.literal.clear(), append_levels(made.literal, file_name);
        break;
    }
    topic_.push_back(std::move(made));
  }
}

void RowLayout::resolve_outputs() {
  std::vector<size_t> columns;
  for (const std::string& name : config_->select) columns.push_back(find("select", name));
  if (config_->select.empty()) {
    for (size_t i = 0; i < names_.size(); ++i) {
      const auto& omit = config_->omit;
      if (std::find(omit.begin(), omit.end(), names_[i]) == omit.end() && i != op_)
        columns.push_back(i);
    }
  }
  std::map<std::string, std::string> taken;  // name in the payload to name in the file
  for (const size_t column : columns) {
    const std::string& name = names_[column];
    const auto renamed = config_->rename.find(name);
    const auto typed = config_->types.find(name);
    const std::string& output = renamed == config_->rename.end() ? name : renamed->second;
    if (const auto [at, added] = taken.emplace(output, name); !added) {
      throw FileRefused("columns \"" + at->second + "\" and \"" + name +
                        "\" would both be called \"" + output + "\": change `rename`, or omit one");
    }
    std::string prefix(outputs_.empty() ? "{\"" : ",\"");
    append_json_escaped(prefix, output);
    prefix += "\":";
    outputs_.push_back(
        {column, std::move(prefix), typed == config_->types.end() ? ColumnType() : typed->second});
  }
}

// --- a row ---

bool RowLayout::is_blank(const std::vector<Field>& fields) {
  return std::all_of(fields.begin(), fields.end(),
                     [](const Field& field) { return trimmed(field.text).empty(); });
}

bool RowLayout::passes_over(const std::vector<Field>& fields) {
  if (is_blank(fields)) return true;
  const bool passes = repeats_header(fields) || is_left_out(fields);
  if (passes) ++passed_over_;
  return passes;
}

// With one column, a value may be equal to the header. So a repeated header of one column is only
// recognized if a byte order mark is in front of it.
bool RowLayout::repeats_header(const std::vector<Field>& fields) const {
  if (header_rows_.empty() || fields.size() != header_rows_[0].size()) return false;
  if (fields.size() == 1 && !fields[0].text.starts_with("\xEF\xBB\xBF")) return false;
  return std::any_of(header_rows_.begin(), header_rows_.end(), [&](const auto& row) {
    return row.size() == fields.size() &&
           std::equal(
               row.begin(), row.end(), fields.begin(), [](const auto& name, const Field& field) {
                 return field.text == name || (first_bad_byte(field.text) == std::string::npos &&
                                               clean_name(field.text) == name);
               });
  });
}

bool RowLayout::is_left_out(const std::vector<Field>& fields) const {
  if (config_->skip_empty_keys && !key_.empty()) {
    const bool empty = std::all_of(key_.begin(), key_.end(), [&](size_t column) {
      return column >= fields.size() || trimmed_wide(fields[column].text).empty();
    });
    if (empty) return true;
  }
  return std::any_of(left_out_.begin(), left_out_.end(), [&](const LeftOut& at) {
    const std::string_view text =
        at.column < fields.size() ? trimmed_wide(fields[at.column].text) : std::string_view();
    return at.glob.empty() ? text.empty() : glob_matches(at.glob, lower_case(text));
  });
}

// "not valid UTF-8: byte 0x96, character 7; try encoding: windows-1252". `at` is the place of the
// first bad byte.
std::string RowLayout::bad_bytes_text(std::string_view text, size_t at) const {
  if (text[at] == '\0') return "a NUL byte";
  // The most frequent reason: the file is UTF-8.
  if (encoding_ != "utf-8") return "not valid " + encoding_ + "; try encoding: utf-8";
  const std::string_view before = text.substr(0, at);
  const auto starts = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  });
  std::array<char, 64> where{};
  std::snprintf(where.data(), where.size(), "byte 0x%02X, character %td",
                static_cast<uint8_t>(text[at]), starts + 1);
  return std::string("not valid UTF-8: ") + where.data() +
         "; try encoding: " + likely_encoding(text);
}

RowFault RowLayout::check(const std::vector<Field>& fields, std::string_view raw) const {
  if (const size_t bad = first_bad_byte(raw); bad != std::string_view::npos) {
    reason_ = bad_bytes_text(raw, bad);
    return {reason_.c_str(), column_of(fields, raw.data() + bad)};
  }
  if (fields.size() < names_.size() && config_->ragged == Ragged::error) {
    return {"fewer fields than columns", fields.size()};
  }
  if (fields.size() > names_.size() && config_->ragged != Ragged::truncate) {
    return {"more fields than columns", names_.size() + 1};
  }
  return {};
}

RowFault RowLayout::key(const std::vector<Field>& fields, std::string& scratch,
                        std::string_view& key) const {
  key = {};
  for (const size_t column : key_) {
    if (column >= fields.size()) return {"a row without its key column", column + 1};
  }
  if (key_.size() == 1) {
    key = text_of(fields[key_[0]]);
  } else {
    scratch.clear();
    bool any = false;
    for (size_t i = 0; i < key_.size(); ++i) {
      const std::string_view part = text_of(fields[key_[i]]);
      if (i > 0) scratch += '|';
      append_key_part(scratch, part);
      any = any || !part.empty();
    }
    if (any) key = scratch;
  }
  if (key.empty() && !key_.empty()) return {"an empty key", key_[0] + 1};
  if (key.size() > key_bytes_max) return {"a key longer than 1024 bytes", key_[0] + 1};
  return {};
}

bool RowLayout::hides_key(const std::vector<Field>& fields, const RowFault& fault) const {
  return std::any_of(key_.begin(), key_.end(), [&](size_t column) {
    return column >= fields.size() ||
           (column + 1 == fault.column && first_bad_byte(fields[column].text) != std::string::npos);
  });
}

RowFault RowLayout::topic(const std::vector<Field>& fields, std::string& out) const {
  const size_t begin = out.size();
  for (const TopicPart& part : topic_) {
    if (part.column == none) {
      out += part.literal;
    } else {
      append_level(out,
                   part.column < fields.size() ? text_of(fields[part.column]) : std::string_view());
    }
  }
  if (const char* fault = made_topic_fault(std::string_view(out).substr(begin))) return {fault, 0};
  return {};
}

RowFault RowLayout::payload(const std::vector<Field>& fields, std::string& out) const {
  for (const Output& output : outputs_) {
    out += output.prefix;
    if (output.column >= fields.size() || is_null(fields[output.column], output.type.kind)) {
      out += "null";
      continue;
    }
    const char* reason =
        append_value(out, output.type, text_of(fields[output.column]), config_->style);
    if (reason != nullptr) return {reason, output.column + 1};
  }
  out += outputs_.empty() ? "{}" : "}";
  return {};
}

bool RowLayout::tells_topic(const std::vector<Field>& fields) const {
  return std::all_of(topic_.begin(), topic_.end(), [&](const TopicPart& part) {
    return part.column == none ||
           (part.column < fields.size() && !text_of(fields[part.column]).empty());
  });
}

std::string RowLayout::op_word(const std::vector<Field>& fields) const {
  return op_ < fields.size() ? lower_case(trimmed(fields[op_].text)) : "";
}

RowLayout::Op RowLayout::op(const std::vector<Field>& fields) const {
  if (op_ == none) return Op::put;
  if (op_ >= fields.size()) return Op::unknown;
  const std::string word = op_word(fields);
  const auto is_in = [&](const std::vector<std::string>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (is_in(config_->op_delete)) return Op::erase;
  return config_->op_put.empty() || is_in(config_->op_put) ? Op::put : Op::unknown;
}

std::string_view RowLayout::text_of(const Field& field) const {
  return config_->trim && !field.quoted ? trimmed(field.text) : field.text;
}

// For a text, quotes show that it is not null, even if it is empty. For other types quotes mean
// nothing, because some programs quote every field. Fields are compared with null_values as they
// are in the file, with their escapes: \N is a null, N is not.
bool RowLayout::is_null(const Field& field, ColumnType::Kind kind) const {
  if (field.quoted && kind == ColumnType::Kind::text) return false;
  const bool trims = config_->trim && !field.quoted;
  const std::string_view text = trims ? trimmed(field.written) : field.written;
  const Dialect& dialect = config_->dialect;
  if (!field.quoted && text.size() == 2 && text[1] == 'N' && text[0] == dialect.escape &&
      dialect.escapes == Escapes::letters)
    return true;
  const auto& nulls = config_->null_values;
  return std::find(nulls.begin(), nulls.end(), text) != nulls.end();
}

size_t RowLayout::column_of(const std::vector<Field>& fields, const char* at) {
  for (size_t i = 0; i < fields.size(); ++i) {
    if (at <= fields[i].text.data() + fields[i].text.size() && at >= fields[i].text.data())
      return i + 1;
  }
  return 0;
}

}  // namespace btb::csv
