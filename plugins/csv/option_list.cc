// The declarations of the CSV source's options: name, type, default, and one sentence for each.
#include <functional>
#include <utility>

#include "plugins/csv/options.h"

namespace btb::csv {

namespace {

using plugin::choice_option;
using plugin::duration_option;
using plugin::flag_option;
using plugin::integer_option;
using plugin::list_option;
using plugin::map_option;
using plugin::number_option;
using plugin::Option;
using plugin::path_option;
using plugin::size_option;
using plugin::text_option;
using Add = std::function<void(Option)>;

void declare_file(const Add& add) {
  add(path_option("path",
                  "The file; its name may be a glob (/data/in/*.csv), also in directories below "
                  "(/data/in/**/*.csv)")
          .required());
  add(list_option("include", "Of the files that fit path, only those that fit one of these globs"));
  add(list_option("exclude", "Of the files that fit path, none that fits one of these globs"));
  add(choice_option("mode", "snapshot|append|delta",
                    "What the file is: the table, a log, or a list of changes")
          .standard("snapshot"));
  add(text_option(
          "topic",
          "Topic of a row: text and columns, ward/{ward}/medication; {stem} is the file's name")
          .required());
  add(list_option("key", "The column, or columns, that tell rows apart"));
}

void declare_format(const Add& add) {
  add(flag_option("header", "The first row names the columns").standard("true"));
  add(list_option("columns", "Names of the columns, instead of those in the header"));
  add(integer_option("skip_rows", "Lines to pass over at the top of the file")
          .standard("0")
          .range(0, 1'000'000));
  add(flag_option("find_header",
                  "The header is the first row that has all columns which options name")
          .standard("false"));
  add(integer_option("skip_after_header", "Rows behind the header that are no data (units)")
          .standard("0")
          .range(0, 100));
  add(integer_option("skip_footer", "Rows at the end of the file that are no data (totals)")
          .standard("0")
          .range(0, 1000));
  add(map_option("skip_where", "Column to globs: rows whose field fits one are no data"));
  add(choice_option("empty_key", "error|skip", "A row with an empty key is bad, or is no data")
          .standard("error"));
  add(text_option("comment", "Lines that begin with this character are skipped; default: none"));
  add(text_option("delimiter", "Character between fields, tab, or auto; default: a comma"));
  add(text_option("quote", "Character around fields, or none; default: the double quote"));
  add(text_option("escape",
                  "Character in front of one that is to be taken as it is; default: none"));
  add(choice_option(
          "escapes", "auto|letters|plain|quotes",
          "What an escape makes of the character behind it; auto: letters for a backslash")
          .standard("auto"));
  add(flag_option("skipinitialspace", "Spaces in front of a field are no part of it")
          .standard("false"));
  add(text_option(
      "encoding",
      "auto (byte order mark, else UTF-8), utf-8, utf-16le, windows-1252, ...; default: auto"));
}

void declare_values(const Add& add) {
  add(map_option("types",
                 "Column to type: text, integer, number, decimal(2), flag, date, datetime, time, "
                 "service_time"));
  add(list_option("null_values", "Unquoted fields that mean null; default: the empty one"));
  add(text_option("decimal", "Decimal mark of numbers; default: a point"));
  add(text_option("thousands",
                  "Mark between thousands: a character, space (those that do not break a line, "
                  "too), apostrophe; default: none"));
  add(text_option("date_format", "How type date is written; default: %Y-%m-%d"));
  add(text_option("datetime_format", "How type datetime is written; default: ISO 8601"));
  add(text_option("timezone",
                  "UTC, an offset (+01:00) or a zone (Europe/Berlin) for datetimes that name "
                  "none; default: left open"));
  add(integer_option("two_digit_years_from", "%y is one of the hundred years that begin with this")
          .standard("1969")
          .range(1000, 9900));
  add(list_option("true_values", "Words for true in columns of type flag"));
  add(list_option("false_values", "Words for false in columns of type flag"));
  add(flag_option("trim", "Takes spaces and tabs off both ends of unquoted fields")
          .standard("false"));
  add(list_option("select", "Only these columns go into the payload"));
  add(list_option("omit", "These columns do not go into the payload"));
  add(map_option("rename", "Column to its name in the payload"));
  add(choice_option("ragged", "error|pad|truncate",
                    "Rows with too few fields (pad) or also too many (truncate)")
          .standard("error"));
}

void declare_changes(const Add& add) {
  add(text_option("op_column", "In mode delta: the column that says put or delete"));
  add(map_option("op_values",
                 "In mode delta: {delete: [words], put: [words]} as they stand in op_column"));
  add(choice_option("read_from", "beginning|end",
                    "In mode append: where a file is begun at the very first start")
          .standard("beginning"));
  add(duration_option("settle",
                      "A file that was written to is taken when it was left alone for so long")
          .standard("500ms")
          .range(0, 3'600'000));
  add(text_option("done_marker",
                  "A file is taken when this one lies beside it: {file}.done; default: none"));
  add(choice_option("after", "keep|move|delete",
                    "What becomes of a file when all of its rows are published")
          .standard("keep"));
  add(text_option("finished_dir",
                  "With after: move, where it goes; a relative path begins where the files lie"));
  add(text_option("error_dir", "Where files go that are refused; default: they stay"));
  add(choice_option("watch", "both|inotify|poll",
                    "How changes are noticed: through inotify and by looking, or only by looking")
          .standard("both"));
  add(duration_option("rescan", "How often the directory is looked at in any case")
          .standard("30s")
          .range(50, 86'400'000));
}

void declare_limits(const Add& add) {
  add(choice_option("on_error", "skip|stop|dead_letter",
                    "A row that cannot be read: only counted, refuses the file, or is "
                    "kept in $dead/SOURCE")
          .standard("dead_letter"));
  add(integer_option("max_errors", "A file with more bad rows is refused; 0: any number")
          .standard("0")
          .range(0, INT64_MAX));
  add(number_option("max_error_ratio", "A file with a larger part of bad rows is refused")
          .standard("0.5"));
  add(number_option("max_delete_ratio",
                    "A file that loses a larger part of its rows stops at the guard")
          .standard("0.3"));
  add(integer_option("guard_min_rows",
                     "Tables with fewer rows are guarded only against becoming empty")
          .standard("10")
          .range(0, INT64_MAX));
  add(flag_option("allow_empty", "A file without rows is believed").standard("false"));
  add(choice_option("removed_file", "auto|keep|delete",
                    "Rows of a file that is gone; auto: delete with a glob, else keep")
          .standard("auto"));
  add(size_option("max_row_bytes", "A longer row is a bad one")
          .standard("1MiB")
          .range(16, 64 << 20));
  add(size_option("max_file_bytes", "A larger file is refused")
          .standard("1GiB")
          .range(1, int64_t{1} << 40));
  add(integer_option("max_columns", "A row with more fields is a bad one")
          .standard("1024")
          .range(1, 65'536));
}

}  // namespace

std::vector<plugin::Option> declare_options() {
  std::vector<Option> all;
  const Add add = [&](Option option) { all.push_back(std::move(option)); };
  declare_file(add);
  declare_format(add);
  declare_values(add);
  declare_changes(add);
  declare_limits(add);
  return all;
}

}  // namespace btb::csv
