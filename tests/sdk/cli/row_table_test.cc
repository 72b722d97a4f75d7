#include "sdk/cli/row_table.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "sdk/cli/printable.h"

using namespace btb::cli;

namespace {

TableRow row(const std::string& topic, const std::string& key, const std::string& payload) {
  TableRow one;
  one.time = "15:31:20";
  one.seq = "7";
  one.topic = topic;
  one.key = key;
  one.members = table_members(payload);
  if (one.members.empty()) one.text = payload;
  return one;
}

// The plan of a ward, as configs/demo has it.
std::vector<TableRow> ward() {
  const auto plan = [](const std::string& ward, int bed, const std::string& patient,
                       const std::string& medicine, const std::string& dose,
                       const std::string& every, const std::string& due, const std::string& note) {
    return row("ward/" + ward + "/medication", std::to_string(bed) + "|" + medicine,
               R"({"ward":")" + ward + R"(","bed":)" + std::to_string(bed) + R"(,"patient":")" +
                   patient + R"(","medicine":")" + medicine + R"(","dose_mg":)" + dose +
                   R"(,"every_h":)" + every + R"(,"next_due":")" + due + R"(","note":")" + note +
                   "\"}");
  };
  return {plan("3A", 1, "R. Okafor", "paracetamol", "1000", "6", "14:00", ""),
          plan("3A", 1, "R. Okafor", "enoxaparin", "40", "24", "18:00", "inject, do not rub"),
          plan("3A", 4, "J. Brandão", "insulin glargine", "null", "24", "22:00", "18 units"),
          plan("3B", 3, "山田 花子", "levothyroxine", "75", "24", "07:00", "fasting")};
}

std::string printed(const std::vector<TableRow>& rows, uint32_t columns, bool seq = false) {
  RowTable table(columns, seq, false);
  for (const TableRow& one : rows) (void)table.add(one);
  std::string out;
  table.flush(out);
  return out;
}

size_t widest_of(const std::string& out) {
  size_t widest = 0;
  for (size_t at = 0; at < out.size();) {
    const size_t end = out.find('\n', at);
    widest = std::max(widest, width(std::string_view(out).substr(at, end - at)));
    at = end + 1;
  }
  return widest;
}

}  // namespace

TEST_CASE("80 columns show of a payload what topic and key do not say, wide characters aligned") {
  CHECK(printed(ward(), 80) ==
        "TIME   TOPIC             KEY                 PATIENT     DOS…  EVE…  NEXT… …\n"
        "15:31  …/3A/medication   1|paracetamol       R. Okafor   1000     6  14:00\n"
        "15:31  …/3A/medication   1|enoxaparin        R. Okafor     40    24  18:00\n"
        "15:31  …/3A/medication   4|insulin glargine  J. Brandão          24  22:00\n"
        "15:31  …/3B/medication   3|levothyroxine     山田 花子     75    24  07:00\n");
}

TEST_CASE("a wide terminal shows all columns, a narrow one no time") {
  const std::string wide = printed(ward(), 200);
  CHECK(wide.starts_with("TIME      TOPIC               KEY                 WARD"));
  CHECK(wide.find("…") == std::string::npos);
  CHECK(wide.find("inject, do not rub\n") != std::string::npos);
  const std::string narrow = printed(ward(), 40);
  CHECK(narrow.starts_with("TOPIC "));
  CHECK(narrow.find("R. Okafor") != std::string::npos);
  for (const uint32_t columns : {1U, 5U, 20U, 40U, 60U, 61U, 80U, 100U, 132U, 200U}) {
    CAPTURE(columns);
    CHECK(widest_of(printed(ward(), columns)) <= columns);
    CHECK(widest_of(printed(ward(), columns, true)) <= columns);
  }
}

TEST_CASE("without a terminal nothing is cut") {
  const std::string note(100, 'n');
  const std::string out =
      printed({row("a", "k", R"({"x":1,"note":")" + note + "\"}"), row("b", "k", "text")}, 0);
  CHECK(out.find(note + "\n") != std::string::npos);
  CHECK(out.find("b      k    text\n") != std::string::npos);
  std::string many = "{";
  for (int i = 0; i < 45; ++i)
    many += "\"c" + std::to_string(i) + "\":\"v" + std::to_string(i) + "\",";
  const std::string wide =
      printed({row("a", "k", many + R"("long":")" + std::string(3000, 'l') + "\"}")}, 0);
  CHECK(wide.find("v44") != std::string::npos);
  CHECK(wide.find(std::string(3000, 'l') + "\n") != std::string::npos);
}

TEST_CASE("on a terminal \"…\" says that there are more members than columns can be made for") {
  std::string many = "{\"first\":1";
  for (int i = 0; i < 60; ++i) many += ",\"c" + std::to_string(i) + "\":1";
  const std::string out = printed({row("a", "k", many + "}")}, 1000);
  CHECK(out.substr(0, out.find('\n')).ends_with("…"));
}

TEST_CASE("what is nested too deep for any writer is shown as text") {
  const std::string deep = "{\"a\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  CHECK(table_members(deep).empty());
}

TEST_CASE("a row of another form does not cost a head, many of them do") {
  RowTable table(100, false, false);
  const auto lines = [&](const std::vector<TableRow>& rows) {
    for (const TableRow& one : rows) (void)table.add(one);
    std::string out;
    table.flush(out);
    return out;
  };
  CHECK(lines({row("a", "1", R"({"x":1,"y":"why"})")}) ==
        "TIME      TOPIC  KEY  X  Y\n"
        "15:31:20  a      1    1  why\n");
  CHECK(lines({row("b", "2", R"({"p":1,"q":[2]})")}) == "15:31:20  b      2    p 1, q [2]\n");
  TableRow gone = row("a", "1", "");
  gone.deletion = true;
  CHECK(lines({gone, row("a", "3", "text")}) ==
        "15:31:20  a      1    (deleted)\n15:31:20  a      3    text\n");
  const TableRow other = row("b", "2", R"({"p":1,"q":[2]})");
  CHECK(lines({other, other, other}).starts_with("\nTIME      TOPIC  KEY  P  Q\n"));
  // A wider value makes its column wider, once.
  const TableRow wider = row("b", "2", R"({"p":1,"q":"a long text, longer than all before"})");
  CHECK(lines({wider}).starts_with("TIME      TOPIC  KEY  P  Q\n"));
  CHECK(lines({wider}).starts_with("15:31:20  b "));
}

TEST_CASE("two kinds of rows that come together have a head each") {
  std::vector<TableRow> rows;
  for (int i = 0; i < 3; ++i) rows.push_back(row("beds", "1", R"({"free":true,"room":2})"));
  for (int i = 0; i < 3; ++i) rows.push_back(row("staff", "9", R"({"name":"Kim"})"));
  const std::string out = printed(rows, 0);
  CHECK(out.find("FREE  ROOM\n") != std::string::npos);
  CHECK(out.find("\n\nTIME      TOPIC  KEY  NAME\n") != std::string::npos);
}

TEST_CASE("nothing in a payload reaches the terminal unescaped") {
  const std::string out =
      printed({row("a", "k", R"({"x\u001b[2J":"\u001b]0;owned\u0007\n"})")}, 80);
  CHECK(out.find('\x1b') == std::string::npos);
  CHECK(out.find('\x07') == std::string::npos);
  CHECK(std::count(out.begin(), out.end(), '\n') == 2);
  CHECK(table_members("[1]").empty());
  CHECK(table_members("{}").empty());
  CHECK(table_members(" {\"a\":").empty());
  CHECK(table_members("").empty());
}
