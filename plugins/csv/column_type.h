// ColumnType: what the text of a field means, and the JSON value it becomes. Values; pure; [any]
// thread.
//
//   text            a JSON string, as it stands
//   integer         a JSON number from -9223372036854775808 to 9223372036854775807
//   number          a JSON number with the very digits of the field: decimal mark, exponent
//   decimal(N)      a JSON string with exactly N decimals, "12.30": nobody reckons with
//                   money that was rounded
//   flag            true or false
//   date            "2026-11-22"; the field is written as date_format says
//   datetime        "2026-11-22T15:04:05.5+01:00"; as datetime_format says, else ISO 8601
//   time            "15:04:05"; as %H:%M or %H:%M:%S
//   service_time    "25:35:00", hours up to 99: a time of a service day, as GTFS has it
//   date(F), datetime(F), time(F): the field is written as F says, see time_format.h
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/csv/moment.h"
#include "plugins/csv/number.h"

namespace btb::csv {

struct ColumnType {
  enum class Kind : uint8_t {
    text,
    integer,
    number,
    decimal,
    flag,
    date,
    datetime,
    time,
    service_time
  };
  Kind kind = Kind::text;
  unsigned decimals = 0;
  std::string format;  // empty: the standard one
  bool operator==(const ColumnType&) const = default;
};

// "decimal(2)", "date(%d.%m.%Y)". Nothing if it is not a type; then `fault` says why, in words that
// continue its text ("is no type; expected ...").
std::optional<ColumnType> parse_column_type(std::string_view text, std::string* fault = nullptr);

// How fields are written in this file.
struct ValueStyle {
  NumberStyle number;
  TimeStyle time;
  std::string date_format = "%Y-%m-%d";
  std::string datetime_format;  // empty: ISO 8601
  std::vector<std::string> true_values{"true", "yes", "y",  "on",
                                       "1",    "t",   "ja", "x"};  // lower case
  std::vector<std::string> false_values{"false", "no", "n", "off", "0", "f", "nein"};
};

// Appends the JSON value of `text` to `out`. Null, or why it has none (static; then `out` has what
// was begun). REQUIRES: `text` is UTF-8 without NUL.
const char* append_value(std::string& out, const ColumnType& type, std::string_view text,
                         const ValueStyle& style);

}  // namespace btb::csv
