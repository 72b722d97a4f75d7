#include "sdk/cli/table.h"

#include <doctest/doctest.h>

using namespace btb::cli;
using Json = nlohmann::json;

TEST_CASE("cells are for people: sizes, times and durations by the name of the key") {
  CHECK(cell("bytes", 999) == "999 B");
  CHECK(cell("sent_bytes", 1'234'567) == "1.2 MB");
  CHECK(cell("uptime_s", 59) == "59s");
  CHECK(cell("uptime_s", 3'700) == "1h 1m");
  CHECK(cell("uptime_s", 200'000) == "2d 7h");
  CHECK(cell("since_us", 0) == "-");
  CHECK(cell("x", true) == "yes");
  CHECK(cell("x", "") == "-");
  CHECK(cell("x", Json()) == "-");
  CHECK(cell("x", Json{{"a", 1}, {"b", 2}}) == "a 1, b 2");
  CHECK(cell("x", Json::array({"p", "q"})) == "p, q");
  CHECK(cell("x", "\x1b[31m") == "\\x1b[31m");
}

TEST_CASE("known keys come first and alone, unknown ones when all are wanted") {
  const Json rows = Json::array({{{"b", "x"}, {"a", 1}, {"zz", 5}}, {{"a", 200}}});
  CHECK(table(rows, {"a", "b", "absent"}, false) ==
        "  A  B\n"
        "  1  x\n"
        "200  -\n");
  CHECK(table(rows, {"a", "b"}, true) ==
        "  A  B  ZZ\n"
        "  1  x   5\n"
        "200  -   -\n");
}

TEST_CASE("a table of nothing, and of what are no rows, does no harm") {
  CHECK(table(Json::array(), {"a"}, false) == "\n");
  CHECK(table(Json::array({1, "x", nullptr}), {"a"}, true) == "\n");
}

TEST_CASE("a sheet is one line a key") {
  CHECK(sheet(Json{{"uptime_s", 5}, {"name", "b"}, {"z", 1}}, {"name"}) ==
        "name    b\nuptime  5s\nz       1\n");
}
