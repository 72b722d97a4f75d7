#include "plugins/csv/moment.h"

#include <doctest/doctest.h>

#include <string>

#include "plugins/csv/column_type.h"

using namespace btb::csv;

namespace {

// The JSON value, or "!" and the reason.
std::string value(const char* type, std::string_view text, const ValueStyle& style = {}) {
  const auto parsed = parse_column_type(type);
  REQUIRE(parsed);
  std::string out;
  const char* reason = append_value(out, *parsed, text, style);
  return reason == nullptr ? out : std::string("!") + reason;
}

bool fails(const char* type, std::string_view text, const ValueStyle& style = {}) {
  return value(type, text, style).starts_with("!");
}

ValueStyle in_zone(const char* name) {
  ValueStyle style;
  std::string fault;
  style.time.zone = TimeZone::load(name, fault);
  CAPTURE(fault);
  REQUIRE(style.time.zone != nullptr);
  return style;
}

}  // namespace

TEST_CASE("two digits of a year turn between 68 and 69, or where they are told to") {
  CHECK(value("date(%d.%m.%y)", "01.02.68") == "\"2068-02-01\"");
  CHECK(value("date(%d.%m.%y)", "01.02.69") == "\"1969-02-01\"");
  CHECK(value("date(%d.%m.%y)", "01.02.99") == "\"1999-02-01\"");
  CHECK(value("date(%d.%m.%y)", "01.02.00") == "\"2000-02-01\"");
  ValueStyle births;
  births.time.two_digit_years_from = 1926;
  CHECK(value("date(%y%m%d)", "260101", births) == "\"1926-01-01\"");
  CHECK(value("date(%y%m%d)", "250101", births) == "\"2025-01-01\"");
  births.time.two_digit_years_from = 2000;
  CHECK(value("date(%y%m%d)", "990101", births) == "\"2099-01-01\"");
}

TEST_CASE("a month may be named, whole or by three letters, in any case") {
  CHECK(value("date(%d %b %Y)", "3 Jan 2026") == "\"2026-01-03\"");
  CHECK(value("date(%d-%b-%y)", "03-SEP-26") == "\"2026-09-03\"");
  CHECK(value("date(%d-%b-%y)", "03-Sept-26") == "\"2026-09-03\"");
  CHECK(value("date(%A, %B %d, %Y)", "Sunday, november 22, 2026") == "\"2026-11-22\"");
  CHECK(fails("date(%d %b %Y)", "3 Janu 2026"));
  CHECK(fails("date(%d %b %Y)", "3 M\xC3\xA4r 2026"));
  CHECK(fails("date(%d %b %Y)", "30 Feb 2026"));
}

TEST_CASE("twelve hours and a half of the day are a time") {
  CHECK(value("time(%I:%M %p)", "12:05 AM") == "\"00:05:00\"");
  CHECK(value("time(%I:%M %p)", "12:05 pm") == "\"12:05:00\"");
  CHECK(value("time(%I:%M %p)", "3:05 p.m.") == "\"15:05:00\"");
  CHECK(value("time(%I:%M%p)", "11:59PM") == "\"23:59:00\"");
  CHECK(value("datetime(%m/%d/%Y, %I:%M:%S %p)", "11/22/2026, 3:04:05\xE2\x80\xAFPM") ==
        "\"2026-11-22T15:04:05\"");  // U+202F in front, as browsers write it
  CHECK(fails("time(%I:%M %p)", "0:05 AM"));
  CHECK(fails("time(%I:%M %p)", "13:05 PM"));
  CHECK(fails("time(%I:%M %p)", "3:05"));
}

TEST_CASE("Unix time is read in seconds and in smaller units, and shown as it is set") {
  CHECK(value("datetime(unix)", "1700000000") == "\"2023-11-14T22:13:20Z\"");
  CHECK(value("datetime(unix)", "1700000000.25") == "\"2023-11-14T22:13:20.25Z\"");
  CHECK(value("datetime(unix_ms)", "1700000000123") == "\"2023-11-14T22:13:20.123Z\"");
  CHECK(value("datetime(unix_us)", "1700000000123456") == "\"2023-11-14T22:13:20.123456Z\"");
  CHECK(value("datetime(unix_ns)", "1700000000123456789") == "\"2023-11-14T22:13:20.123456789Z\"");
  CHECK(value("datetime(unix_ms)", "7") == "\"1970-01-01T00:00:00.007Z\"");
  CHECK(value("datetime(unix)", "-1.25") == "\"1969-12-31T23:59:58.75Z\"");
  CHECK(value("datetime(unix)", "-1") == "\"1969-12-31T23:59:59Z\"");
  CHECK(value("datetime(@%s)", "@0") == "\"1970-01-01T00:00:00Z\"");
  CHECK(value("date(unix)", "1700000000") == "\"2023-11-14\"");
  ValueStyle style;
  style.time.offset = "+02:00";
  CHECK(value("datetime(unix)", "1700000000", style) == "\"2023-11-15T00:13:20+02:00\"");
  CHECK(value("date(unix)", "1700000000", style) == "\"2023-11-15\"");
  CHECK(value("datetime(unix)", "1720000000", in_zone("Europe/Berlin")) ==
        "\"2024-07-03T11:46:40+02:00\"");
  CHECK(fails("datetime(unix)", "1700000000123456"));  // these are microseconds
  CHECK(fails("datetime(unix)", "99999999999999999999"));
  CHECK(fails("datetime(unix)", "1.7e9"));
  CHECK(fails("datetime(unix)", ""));
}

TEST_CASE("times of a service day go past midnight") {
  CHECK(value("service_time", "25:35:00") == "\"25:35:00\"");
  CHECK(value("service_time", " 7:05:30") == "\"07:05:30\"");
  CHECK(value("service_time", "24:00") == "\"24:00:00\"");
  for (const char* wrong :
       {"", "25", "25:60:00", "25:5:00", "123:00:00", "-1:00:00", "25:35:00x"}) {
    CAPTURE(wrong);
    CHECK(fails("service_time", wrong));
  }
}

TEST_CASE("a datetime without an offset gets that of its zone, in summer and in winter") {
  const ValueStyle berlin = in_zone("Europe/Berlin");
  CHECK(value("datetime", "2026-01-15 12:00", berlin) == "\"2026-01-15T12:00:00+01:00\"");
  CHECK(value("datetime", "2026-07-15 12:00", berlin) == "\"2026-07-15T12:00:00+02:00\"");
  CHECK(value("datetime", "2026-07-15T12:00Z", berlin) == "\"2026-07-15T12:00:00Z\"");
  CHECK(value("datetime", "2093-07-15 12:00", berlin) == "\"2093-07-15T12:00:00+02:00\"");
  CHECK(value("date", "2026-03-29", berlin) == "\"2026-03-29\"");
  CHECK(value("time", "02:30", berlin) == "\"02:30:00\"");
}

TEST_CASE("a time that comes twice is the first, one that never comes is an hour later") {
  const ValueStyle berlin = in_zone("Europe/Berlin");
  CHECK(value("datetime", "2026-10-25 02:30", berlin) == "\"2026-10-25T02:30:00+02:00\"");
  CHECK(value("datetime", "2026-10-25 03:00", berlin) == "\"2026-10-25T03:00:00+01:00\"");
  CHECK(value("datetime", "2026-03-29 01:59", berlin) == "\"2026-03-29T01:59:00+01:00\"");
  CHECK(value("datetime", "2026-03-29 02:30", berlin) == "\"2026-03-29T03:30:00+02:00\"");
  CHECK(value("datetime", "2026-03-29 03:00", berlin) == "\"2026-03-29T03:00:00+02:00\"");
  CHECK(value("datetime(%F %R %Z)", "2026-10-25 02:30 CET", berlin) ==
        "\"2026-10-25T02:30:00+01:00\"");
  CHECK(value("datetime(%F %R %Z)", "2026-10-25 02:30 CEST", berlin) ==
        "\"2026-10-25T02:30:00+02:00\"");
}

TEST_CASE("a value may name its own zone") {
  const char* type = "datetime(%F %R %Z)";
  CHECK(value(type, "2026-07-15 12:00 America/New_York") == "\"2026-07-15T12:00:00-04:00\"");
  CHECK(value(type, "2026-07-15 12:00 UTC") == "\"2026-07-15T12:00:00Z\"");
  CHECK(fails(type, "2026-07-15 12:00 CEST"));  // no zone is set that has it
  CHECK(fails(type, "2026-07-15 12:00 Europe/Atlantis"));
  CHECK(fails(type, "2026-07-15 12:00 ../passwd"));
}

TEST_CASE("an unknown code is named, with those there are") {
  const std::string fault = time_format_fault("%d.%q.%Y", TimeUse::date);
  CHECK(fault.find("no code is called %q") != std::string::npos);
  CHECK(fault.find("%b") != std::string::npos);
  CHECK(fault.find("unix_ms") != std::string::npos);
  CHECK(time_format_fault("100%", TimeUse::date).find("ends inside of a code") !=
        std::string::npos);
}

TEST_CASE("a format that leaves out what its type needs is none") {
  const auto fault = [](const char* format, TimeUse use) { return time_format_fault(format, use); };
  CHECK(fault("%d.%m.", TimeUse::date).find("lacks a year") != std::string::npos);
  CHECK(fault("%Y-%d", TimeUse::date).find("lacks a month") != std::string::npos);
  CHECK(fault("%b %Y", TimeUse::date).find("lacks a day") != std::string::npos);
  CHECK(fault("%M:%S", TimeUse::time_of_day).find("lacks an hour") != std::string::npos);
  CHECK(fault("%I:%M", TimeUse::time_of_day).find("belong together") != std::string::npos);
  CHECK(fault("yyyy-mm-dd", TimeUse::date).find("lacks a year") != std::string::npos);
  CHECK(fault("", TimeUse::date) == "an empty format");
  for (const char* right : {"%F", "%D", "%-d/%-m/%Y", "unix_ms", "%s", "%e %h %y"}) {
    CAPTURE(right);
    CHECK(fault(right, TimeUse::datetime).empty());
  }
}

TEST_CASE("a value says whether its shape or its day is wrong") {
  CHECK(value("date", "22.11.2026") == "!not written as its format says");
  CHECK(value("date", "2026-02-29") == "!no such day or time");
  CHECK(value("time", "25:00") == "!no such day or time");
}
