// ColumnType: the meaning of a field's text, and the JSON value it becomes. Values; pure; [any].
//
//   text            a JSON string, as it stands
//   integer         a JSON number from -9223372036854775808 to 9223372036854775807
//   number          a JSON number with exactly the digits of the field: decimal mark, exponent
//   decimal(N)      a JSON string with exactly N decimals, "12.30": amounts of money must not be
//                   rounded
//   flag            true or false
//   date            "2026-11-22"; the field has the format date_format
//   datetime        "2026-11-22T15:04:05.5+01:00"; the field has the format datetime_format, or
//                   ISO 8601 if that is not set
//   time            "15:04:05"; the field has the format %H:%M or %H:%M:%S
//   service_time    "25:35:00", hours up to 99: a time of a service day, as in GTFS
//   date(F), datetime(F), time(F): the field has the format F, see time_format.h
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

// Reads a type as operators write it: "decimal(2)", "date(%d.%m.%Y)". Nothing if `text` is no type;
// then `fault` says why, in words that go behind `text` in a sentence ("is no type; expected ...").
std::optional<ColumnType> parse_column_type(std::string_view text, std::string* fault = nullptr);

// How fields are written in this file.
struct ValueStyle {
  NumberStyle number;
  TimeStyle time;
  std::string date_format = "%Y-%m-%d";
  std::string datetime_format;  // empty: ISO 8601
  // In lower case.
  std::vector<std::string> true_values{"true", "yes", "y", "on", "1", "t", "ja", "x"};
  std::vector<std::string> false_values{"false", "no", "n", "off", "0", "f", "nein"};
};

// Appends the JSON value of `text` to `out`, and returns null. If `text` has no such value, returns
// the reason (static), and `out` may end in half a value. REQUIRES: `text` is UTF-8 without NUL.
const char* append_value(std::string& out, const ColumnType& type, std::string_view text,
                         const ValueStyle& style);

}  // namespace btb::csv
