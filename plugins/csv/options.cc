// One reader reads and checks all options; validate and read_config both use it. The declarations
// are in option_list.cc.
#include "plugins/csv/options.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <iterator>
#include <stdexcept>

#include "plugins/csv/column_names.h"
#include "plugins/csv/text.h"

namespace btb::csv {

namespace {

using plugin::Report;
using plugin::Settings;

// A character as people write one: ";", "tab", "\t". Throws std::invalid_argument.
char read_char(const std::string& text) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text == "space") return ' ';
  if (text.size() != 1 || static_cast<unsigned char>(text[0]) >= 0x80) {
    throw std::invalid_argument("expected one ASCII character, or tab, found \"" + text + "\"");
  }
  if (text[0] == '\n' || text[0] == '\r' || text[0] == '\0') {
    throw std::invalid_argument("a line end or NUL cannot be it");
  }
  return text[0];
}

char read_char_or_none(const std::string& text, char none) {
  return text.empty() || text == "none" ? none : read_char(text);
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_in(const std::vector<std::string>& all, const std::string& text) {
  return std::find(all.begin(), all.end(), text) != all.end();
}

// The words in op_column that mean delete and put if op_values does not name any. They include
// flags for "deleted" and the two words of OneRoster. "r" is not among them: to some it means read,
// to others removed.
constexpr std::array delete_words{"delete",    "deleted",     "del",   "d",
                                  "remove",    "removed",     "erase", "erased",
                                  "tombstone", "tobedeleted", "true",  "1"};
constexpr std::array put_words{"put", "insert", "i", "create",  "c",      "add",   "a", "update",
                               "u",   "upsert", "",  "replace", "active", "false", "0"};

// Reads the options one after the other, and gives each fault to `report`.
class Reader {
 public:
  Reader(const Settings& settings, const Report& report) : settings_(settings), report_(report) {}

  Config read() {
    read_path();
    read_dialect();
    read_columns();
    read_style();
    read_mode();
    read_watching();
    read_after();
    read_guard();
    return std::move(config_);
  }

 private:
  // Calls `body`; an invalid_argument it throws is a fault of `option`.
  template <class Body>
  void take(const char* option, Body body) {
    try {
      body();
    } catch (const std::invalid_argument& fault) {
      report_(option, fault.what());
    }
  }

  std::string text_or(const char* option, const char* standard) const {
    return settings_.has(option) ? settings_.text(option) : standard;
  }

  void read_path() {
    const std::string path = settings_.text("path");
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) {
      config_.directory += '.';
      config_.pattern = path;
    } else {
      config_.directory = path.substr(0, std::max<size_t>(slash, 1));
      config_.pattern = path.substr(slash + 1);
    }
    if (path.empty()) report_("path", "empty");
    read_recursion();
    if (config_.pattern.empty()) config_.pattern += '*';
    if (has_glob(config_.directory)) {
      report_("path",
              "wildcards may stand in the name of the file, and as /**/ in front of it, not "
              "elsewhere");
    }
    if (const char* fault = glob_fault(config_.pattern)) report_("path", fault);
    config_.many_files = config_.recursive || has_glob(config_.pattern);
    config_.include = settings_.list("include");
    config_.exclude = settings_.list("exclude");
    check_globs("include", config_.include);
    check_globs("exclude", config_.exclude);
    read_done_marker();
    config_.file_bytes_max = settings_.size_bytes("max_file_bytes");
  }

  void check_globs(const char* option, const std::vector<std::string>& globs) {
    for (const std::string& glob : globs) {
      const char* fault = glob_fault(glob);
      if (fault != nullptr) report_(option, "\"" + glob + "\": " + fault);
    }
  }

  void read_done_marker() {
    config_.done_marker = settings_.text("done_marker");
    const std::string& marker = config_.done_marker;
    if (marker == "{file}" || marker == "{name}") report_("done_marker", "that is the file itself");
    for (size_t open = marker.find('{'); open != std::string::npos;
         open = marker.find('{', open + 1)) {
      const std::string word = marker.substr(open, marker.find('}', open) - open + 1);
      if (word == "{file}" || word == "{name}" || word == "{stem}") continue;
      report_("done_marker", "knows {file} and {stem}, found \"" + word + "\"");
      break;
    }
  }

  // "/data/**/*.csv", and "/data/**" for all files below.
  void read_recursion() {
    std::string& directory = config_.directory;
    if (config_.pattern == "**") {
      config_.pattern = "*";
    } else if (directory == "**" || directory.ends_with("/**")) {
      directory.resize(directory.size() - 2);
      if (directory.empty()) directory = ".";
      if (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    } else {
      return;
    }
    config_.recursive = true;
  }

  void read_dialect() {
    Dialect& dialect = config_.dialect;
    take("delimiter", [&] {
      config_.delimiter_auto = settings_.text("delimiter") == "auto";
      config_.delimiter_named = settings_.has("delimiter") && !config_.delimiter_auto;
      if (config_.delimiter_auto) return;
      dialect.delimiter = read_char(text_or("delimiter", ","));
      if (is_letter_or_digit(dialect.delimiter)) report_("delimiter", "a letter or digit");
    });
    take("quote", [&] { dialect.quote = read_char_or_none(text_or("quote", "\""), '\0'); });
    take("escape", [&] { dialect.escape = read_char_or_none(text_or("escape", ""), '\0'); });
    take("comment", [&] { dialect.comment = read_char_or_none(text_or("comment", ""), '\0'); });
    if (dialect.escape == dialect.quote) dialect.escape = '\0';  // the same as doubled quotes
    const std::string escapes = settings_.text("escapes");
    const bool letters = escapes == "letters" || (escapes == "auto" && dialect.escape == '\\');
    dialect.escapes = letters               ? Escapes::letters
                      : escapes == "quotes" ? Escapes::quotes
                                            : Escapes::plain;
    dialect.skip_initial_space = settings_.flag("skipinitialspace");
    const auto same = [](char a, char b) { return a != '\0' && a == b; };
    if (same(dialect.quote, dialect.delimiter)) report_("quote", "the same as delimiter");
    if (same(dialect.escape, dialect.delimiter)) report_("escape", "the same as delimiter");
    if (same(dialect.comment, dialect.delimiter)) report_("comment", "the same as delimiter");
    if (same(dialect.comment, dialect.quote)) report_("comment", "the same as quote");
    dialect.row_bytes_max = settings_.size_bytes("max_row_bytes");
    dialect.columns_max = static_cast<size_t>(settings_.integer("max_columns"));
    take("encoding", [&] { config_.encoding = Encoding(text_or("encoding", "auto")); });
    config_.skip_rows = static_cast<uint64_t>(settings_.integer("skip_rows"));
    const std::string ragged = settings_.text("ragged");
    config_.ragged = ragged == "pad"        ? Ragged::pad
                     : ragged == "truncate" ? Ragged::truncate
                                            : Ragged::error;
    config_.trim = settings_.flag("trim");
  }

  // Cleans names of columns as the names of a header are cleaned, so that they are found there.
  std::vector<std::string> names_of(const char* option) const {
    std::vector<std::string> names = settings_.list(option);
    for (std::string& name : names) name = clean_name(name);
    return names;
  }

  void read_columns() {
    config_.header = settings_.flag("header");
    config_.columns = settings_.list("columns");
    config_.select = names_of("select");
    config_.omit = names_of("omit");
    if (!config_.select.empty() && !config_.omit.empty())
      report_("omit", "either select or omit, not both");
    if (settings_.has("null_values")) config_.null_values = settings_.list("null_values");
    for (const auto& [from, to] : settings_.map("rename")) config_.rename[clean_name(from)] = to;
    for (const auto& [column, text] : settings_.map("types")) {
      std::string fault;
      if (const auto type = parse_column_type(text, &fault)) {
        config_.types[clean_name(column)] = *type;
      } else {
        report_("types", "column \"" + column + "\": \"" + text + "\" " + fault);
      }
    }
    std::vector<std::string> columns = config_.columns;
    std::erase(columns, "");  // clean_names gives it a name later
    check_names("columns", columns);
    check_names("select", config_.select);
    std::vector<std::string> renamed;
    for (const auto& [from, to] : config_.rename) renamed.push_back(to);
    check_names("rename", renamed);
  }

  // Checks that no name is empty or listed twice.
  void check_names(const char* option, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      if (name.empty()) return report_(option, "an empty name");
      if (std::count(names.begin(), names.end(), name) > 1)
        return report_(option, "\"" + name + "\" stands there twice");
    }
  }

  void read_style() {
    ValueStyle& style = config_.style;
    take("decimal", [&] { style.number.decimal = read_char(text_or("decimal", ".")); });
    take("thousands", [&] { set_thousands(style.number, settings_.text("thousands")); });
    const auto numeric = [](char c) { return is_letter_or_digit(c) || c == '+' || c == '-'; };
    if (numeric(style.number.decimal)) report_("decimal", "a letter, digit or sign");
    if (numeric(style.number.thousands_character)) report_("thousands", "a letter, digit or sign");
    if (style.number.decimal == style.number.thousands_character)
      report_("thousands", "the same as decimal");
    read_times(style);
    read_flag_words("true_values", style.true_values, style.false_values);
    read_flag_words("false_values", style.false_values, style.true_values);
    for (const std::string& word : style.false_values) {
      if (is_in(style.true_values, word))
        report_("false_values", "\"" + word + "\" is one of true_values");
    }
  }

  void read_times(ValueStyle& style) {
    if (settings_.has("date_format")) style.date_format = settings_.text("date_format");
    style.datetime_format = settings_.text("datetime_format");
    const auto check = [&](const char* option, const std::string& format, TimeUse use) {
      const std::string fault = time_format_fault(format, use);
      if (!fault.empty()) report_(option, fault);
    };
    check("date_format", style.date_format, TimeUse::date);
    if (!style.datetime_format.empty())
      check("datetime_format", style.datetime_format, TimeUse::datetime);
    style.time.two_digit_years_from = static_cast<int>(settings_.integer("two_digit_years_from"));
    const std::string zone = settings_.text("timezone");
    style.time.offset = read_utc_offset(zone);
    if (zone.empty() || !style.time.offset.empty()) return;
    std::string fault;
    style.time.zone = TimeZone::load(zone, fault);
    if (style.time.zone == nullptr) report_("timezone", fault);
  }

  // A word that op_values gives one meaning is removed from the default words of the other meaning.
  void read_flag_words(const char* option, std::vector<std::string>& words,
                       std::vector<std::string>& others) {
    if (!settings_.has(option)) return;
    words.clear();
    for (const std::string& word : settings_.list(option)) words.push_back(lower_case(word));
    const char* other = &others == &config_.style.true_values ? "true_values" : "false_values";
    if (!settings_.has(other))
      std::erase_if(others, [&](const std::string& word) { return is_in(words, word); });
  }

  void read_mode() {
    const std::string mode = settings_.text("mode");
    config_.mode = mode == "append" ? Mode::append : mode == "delta" ? Mode::delta : Mode::snapshot;
    take("topic", [&] { config_.topic = NameTemplate(settings_.text("topic")); });
    config_.key = names_of("key");
    check_names("key", config_.key);
    if (config_.key.empty() && config_.mode != Mode::append) {
      report_("key",
              "mode " + mode +
                  " compares rows by key: name the column, or columns, that tell rows apart");
    }
    config_.op_column = clean_name(settings_.text("op_column"));
    if (config_.mode == Mode::delta && config_.op_column.empty()) {
      report_("op_column", "mode delta needs the column that says what becomes of a row");
    }
    if (config_.mode != Mode::delta && !config_.op_column.empty()) {
      report_("op_column", "is for mode delta");
    }
    if (config_.mode != Mode::delta && !settings_.map("op_values").empty())
      report_("op_values", "is for mode delta");
    for (const auto& [op, value] : settings_.map("op_values")) {
      if (op != "delete" && op != "put") {
        report_("op_values", "\"" + op + "\" is no operation; expected delete or put");
      }
      (op == "delete" ? config_.op_delete : config_.op_put).push_back(lower_case(value));
    }
    // If words for delete are named and none for put, every other word means put.
    if (config_.op_delete.empty()) {
      if (config_.op_put.empty()) config_.op_put.assign(put_words.begin(), put_words.end());
      std::copy_if(delete_words.begin(), delete_words.end(), std::back_inserter(config_.op_delete),
                   [&](const char* word) { return !is_in(config_.op_put, word); });
    }
    config_.from_end = settings_.text("read_from") == "end";
    if (config_.from_end && config_.mode != Mode::append)
      report_("read_from", "end is for mode append");
    read_passed_over();
    check_declared_columns();
  }

  // Rows that are no data.
  void read_passed_over() {
    const auto count = [&](const char* option) {
      return static_cast<uint64_t>(settings_.integer(option));
    };
    config_.find_header = settings_.flag("find_header");
    config_.skip_after_header = count("skip_after_header");
    config_.skip_footer = count("skip_footer");
    config_.skip_empty_keys = settings_.text("empty_key") == "skip";
    for (const auto& [column, glob] : settings_.map("skip_where")) {
      config_.skip_where[clean_name(column)].push_back(glob);
      check_globs("skip_where", {glob});
    }
    if (config_.skip_footer > 0 && config_.mode == Mode::append)
      report_("skip_footer", "a log that grows has no end; use skip_where");
    if (!config_.header && config_.skip_after_header > 0)
      report_("skip_after_header", "there is no header: use skip_rows");
    if (!config_.find_header) return;
    if (!config_.header) {
      report_("find_header", "`header: false` says that there is none");
    } else if (!config_.columns.empty()) {
      report_("find_header", "looks for the names in the file, and `columns` replaces them");
    } else if (needed_columns(config_).empty()) {
      report_("find_header",
              "looks for the columns that options name, and none is named: set `key`, `select` or "
              "`types`");
    }
  }

  // With `columns`, or without a header, all names are known already.
  void check_declared_columns() {
    if (config_.columns.empty()) return;
    const auto check = [&](const char* option, const std::string& name) {
      const auto& columns = config_.columns;
      if (name.empty() || std::find(columns.begin(), columns.end(), name) != columns.end()) return;
      report_(option, "\"" + name + "\" is not one of columns");
    };
    for (const std::string& name : config_.key) check("key", name);
    for (const std::string& name : config_.select) check("select", name);
    for (const std::string& name : config_.omit) check("omit", name);
    for (const auto& [name, type] : config_.types) check("types", name);
    for (const auto& [name, to] : config_.rename) check("rename", name);
    for (const auto& [name, globs] : config_.skip_where) check("skip_where", name);
    check("op_column", config_.op_column);
    for (const NameTemplate::Part& part : config_.topic.parts()) {
      if (part.kind == NameTemplate::Part::Kind::column) check("topic", part.text);
    }
  }

  void read_watching() {
    config_.use_inotify = settings_.text("watch") != "poll";
    config_.settle_ms = settings_.duration_ms("settle");
    config_.rescan_ms = settings_.duration_ms("rescan");
    const std::string on_error = settings_.text("on_error");
    config_.on_error = on_error == "skip"   ? OnError::skip
                       : on_error == "stop" ? OnError::stop
                                            : OnError::dead_letter;
    config_.errors_max = static_cast<uint64_t>(settings_.integer("max_errors"));
    config_.error_ratio_max = settings_.number("max_error_ratio");
    check_ratio("max_error_ratio", config_.error_ratio_max);
  }

  void read_after() {
    const std::string after = settings_.text("after");
    config_.after = after == "move" ? After::move : after == "delete" ? After::erase : After::keep;
    config_.finished_dir = directory_option("finished_dir");
    config_.error_dir = directory_option("error_dir");
    if (config_.after == After::move && config_.finished_dir.empty())
      report_("after", "move needs finished_dir");
    if (config_.after != After::move && !config_.finished_dir.empty())
      report_("finished_dir", "is for after: move");
    if (config_.mode != Mode::append) return;
    const char* text = "is for snapshot and delta: a log is never done, rotate it";
    if (config_.after != After::keep) report_("after", text);
    if (!config_.error_dir.empty()) report_("error_dir", text);
  }

  // A relative path begins in the directory of the files.
  std::string directory_option(const char* option) {
    std::string directory = settings_.text(option);
    if (directory.empty()) return directory;
    if (directory.front() != '/') directory = config_.directory + "/" + directory;
    directory = std::filesystem::path(directory).lexically_normal().string();
    while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
    if (directory == std::filesystem::path(config_.directory).lexically_normal().string())
      report_(option, "that is where the files lie themselves");
    return directory;
  }

  void read_guard() {
    config_.delete_ratio_max = settings_.number("max_delete_ratio");
    check_ratio("max_delete_ratio", config_.delete_ratio_max);
    config_.guard_rows_min = static_cast<uint64_t>(settings_.integer("guard_min_rows"));
    config_.allow_empty = settings_.flag("allow_empty");
    const std::string removed = settings_.text("removed_file");
    const bool erase = removed == "delete" || (removed != "keep" && config_.many_files);
    config_.removed_file = erase ? RemovedFile::erase : RemovedFile::keep;
  }

  void check_ratio(const char* option, double value) {
    if (!(value >= 0 && value <= 1)) report_(option, "expected a number from 0 to 1");
  }

  const Settings& settings_;
  const Report& report_;
  Config config_;
};

}  // namespace

std::vector<std::string> needed_columns(const Config& config) {
  std::vector<std::string> all = config.key;
  const auto add = [&](const std::string& name) {
    const std::string clean = clean_name(name);
    if (!clean.empty() && !is_in(all, clean)) all.push_back(clean);
  };
  for (std::string& name : all) name = clean_name(name);
  add(config.op_column);
  for (const std::string& name : config.select) add(name);
  for (const auto& [name, type] : config.types) add(name);
  for (const auto& [name, to] : config.rename) add(name);
  for (const auto& [name, globs] : config.skip_where) add(name);
  for (const NameTemplate::Part& part : config.topic.parts()) {
    if (part.kind == NameTemplate::Part::Kind::column) add(part.text);
  }
  return all;
}

void validate(const plugin::Settings& settings, const plugin::Report& report) {
  Reader(settings, report).read();
}

Config read_config(const plugin::Settings& settings) {
  const plugin::Report fail = [](const std::string& option, const std::string& text) {
    throw plugin::OptionFailure(option, text);
  };
  return Reader(settings, fail).read();
}

}  // namespace btb::csv
