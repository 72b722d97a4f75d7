// Options: the options of a CSV source, as declarations and as a Config. README.md describes each
// one. [any]
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "plugins/csv/charset.h"
#include "plugins/csv/column_type.h"
#include "plugins/csv/csv_parser.h"
#include "plugins/csv/name_template.h"
#include "sdk/plugin/source.h"

namespace btb::csv {

enum class Mode : uint8_t { snapshot, append, delta };
enum class Ragged : uint8_t { error, pad, truncate };
enum class OnError : uint8_t { skip, stop, dead_letter };
enum class RemovedFile : uint8_t { keep, erase };
enum class After : uint8_t { keep, move, erase };

struct Config {
  // which files
  std::string directory;             // without a "/" at its end; "." if none was named
  std::string pattern;               // the name of the file, or a glob for names
  bool recursive = false;            // files in directories below count, too
  bool many_files = false;           // a glob, or recursive
  std::vector<std::string> include;  // globs; empty: all
  std::vector<std::string> exclude;
  std::string done_marker;
  After after = After::keep;
  std::string finished_dir;  // absolute, or relative to the same place as `directory`; empty: none
  std::string error_dir;     // the same
  uint64_t file_bytes_max = 1U << 30;
  // how they are written
  bool delimiter_auto = false;
  bool delimiter_named = false;  // neither auto nor the default
  Dialect dialect;
  Encoding encoding;
  bool header = true;
  std::vector<std::string> columns;
  uint64_t skip_rows = 0;
  bool find_header = false;        // the header is the first row with all needed_columns
  uint64_t skip_after_header = 0;  // rows
  uint64_t skip_footer = 0;        // rows
  std::map<std::string, std::vector<std::string>> skip_where;  // column to globs
  bool skip_empty_keys = false;
  bool trim = false;
  Ragged ragged = Ragged::error;
  std::map<std::string, ColumnType> types;
  std::vector<std::string> null_values{""};
  ValueStyle style;
  // what is published
  Mode mode = Mode::snapshot;
  NameTemplate topic{"csv"};
  std::vector<std::string> key;
  std::vector<std::string> select;
  std::vector<std::string> omit;
  std::map<std::string, std::string> rename;
  std::string op_column;
  std::vector<std::string> op_delete;  // lower case
  std::vector<std::string> op_put;     // lower case; empty: every other word means put
  bool from_end = false;
  // when files are read, and what happens on faults
  bool use_inotify = true;
  int64_t settle_ms = 500;
  int64_t rescan_ms = 30'000;
  OnError on_error = OnError::dead_letter;
  uint64_t errors_max = 0;  // 0: any number
  double error_ratio_max = 0.5;
  double delete_ratio_max = 0.3;
  uint64_t guard_rows_min = 10;
  bool allow_empty = false;
  RemovedFile removed_file = RemovedFile::keep;
};

// The columns that options name, each once. A file must have all of them.
std::vector<std::string> needed_columns(const Config& config);

// The declarations of all options.
std::vector<plugin::Option> declare_options();

// Reports every fault of the settings that shows without looking at a file.
void validate(const plugin::Settings& settings, const plugin::Report& report);

// The settings as a Config. Throws plugin::OptionFailure if validate would report a fault.
Config read_config(const plugin::Settings& settings);

}  // namespace btb::csv
