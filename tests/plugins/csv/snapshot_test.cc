// Mode snapshot, the whole source: what is published for which version of a file.
#include <doctest/doctest.h>

#include <string>

#include "tests/plugins/csv/folder.h"

using namespace btb::test;
using Message = FakeHost::Message;
using Messages = std::vector<Message>;

namespace {

std::string json(const std::string& id, const std::string& v) {
  return R"({"id":")" + id + R"(","v":")" + v + "\"}";
}

std::string table(int rows, const std::string& v = "x") {
  std::string text = "id,v\n";
  for (int i = 0; i < rows; ++i) text += std::to_string(i) + "," + v + "\n";
  return text;
}

}  // namespace

TEST_CASE("a table is published whole, and then exactly what changes in it") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n2,b\n3,c\n");
  Csv csv(folder, "a.csv");
  REQUIRE(csv.has(
      {{{"t", "1"}, json("1", "a")}, {{"t", "2"}, json("2", "b")}, {{"t", "3"}, json("3", "c")}}));
  REQUIRE(csv.is_live());
  CHECK(csv.host.state().text == "3 rows of 1 file");
  folder.replace("a.csv", "id,v\n1,a\n3,C\n4,d\n");
  REQUIRE(csv.host.wait_for([&] { return csv.changes().size() == 2; }));
  CHECK(csv.changes()[1].messages == Messages{{false, "t", "2", ""},
                                              {true, "t", "3", json("3", "C")},
                                              {true, "t", "4", json("4", "d")}});
}

TEST_CASE("what is written differently and means the same is not published again") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n2,b\n");
  Csv csv(folder, "a.csv");
  REQUIRE(csv.is_live());
  folder.replace("a.csv", "\xEF\xBB\xBFid,v\r\n\"1\",\"a\"\r\n2,b\r\n");
  folder.replace("a.csv", "id,v\n2,b\n1,a\n");
  folder.replace("a.csv", "id,v\n2,b\n1,a\n3,z\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 3; }));
  CHECK(csv.host.messages().size() == 3);
}

TEST_CASE("a large change is one batch in chunks") {
  const Folder folder;
  folder.replace("a.csv", table(20'000));
  Csv csv(folder, "a.csv");
  REQUIRE(csv.is_live());
  const auto batches = csv.changes();
  REQUIRE(batches.size() > 5);
  for (size_t i = 0; i < batches.size(); ++i) CHECK(batches[i].more == (i + 1 < batches.size()));
  CHECK(csv.host.table().size() == 20'000);
}

TEST_CASE("a row whose topic changes is deleted under the old one") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,7A\n");
  Csv csv(folder, "a.csv", {{"topic", "ward/{v}/beds"}});
  REQUIRE(csv.has({{{"ward/7A/beds", "1"}, json("1", "7A")}}));
  folder.replace("a.csv", "id,v\n1,7/B\n");
  REQUIRE(csv.has({{{"ward/7%2FB/beds", "1"}, json("1", "7/B")}}));
  CHECK(csv.host.messages().size() == 3);
}

TEST_CASE("a bad row goes to the dead letters with its place, and its neighbours are published") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n2,b,c\n3,\"x\"y\n4,\xFF\n5,e\n");
  Csv csv(folder, "a.csv");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "max_error_ratio"));  // 3 of 5: refused
  CHECK(csv.host.table().empty());
  folder.replace("a.csv", "id,v\n1,a\n2,b,c\n3,\"x\"y\n4,\xFF\n5,e\n6,f\n");
  REQUIRE(csv.has(
      {{{"t", "1"}, json("1", "a")}, {{"t", "5"}, json("5", "e")}, {{"t", "6"}, json("6", "f")}}));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "3 of 6 rows cannot be read"));
  const auto letters = csv.host.letters();
  REQUIRE(letters.size() == 3);  // told once, although the file was read twice
  CHECK(letters[0].reason == "more fields than columns");
  CHECK(letters[0].line == 3);
  CHECK(letters[0].column == 3);
  CHECK(letters[0].byte_offset == 9);
  CHECK(letters[0].raw == "2,b,c");
  CHECK(letters[0].location == folder.path("a.csv"));
  CHECK(letters[1].reason == "text behind a closing quote");
  CHECK(letters[2].reason == "not valid UTF-8: byte 0xFF, character 3; try encoding: windows-1252");
}

TEST_CASE("places of bad rows are those of the file whatever its encoding") {
  const Folder folder;
  std::string utf16 = "\xFF\xFE";
  for (const char c : std::string("id,v\n1,a\n2,b,c\n3,d\n4,e\n")) utf16 += {c, '\0'};
  folder.replace("a.csv", utf16);
  Csv csv(folder, "a.csv");
  REQUIRE(csv.told_letters(1));
  CHECK(csv.host.letters()[0].byte_offset == 2 + 9 * 2);
  CHECK(csv.host.letters()[0].raw.size() == 10);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "cannot be read"));
  CHECK(csv.host.table().size() == 3);
}

TEST_CASE("a row that turns bad keeps what was published of it") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,5\n2,6\n3,7\n");
  const TestSettings::Values numbers{{"types", List{"v", "integer"}}};
  Csv csv(folder, "a.csv", numbers);
  REQUIRE(csv.is_live());
  const Rows before = csv.host.table();
  folder.replace("a.csv", "id,v\n1,5\n2,six\n3,8\n");
  REQUIRE(csv.host.wait_for([&] { return csv.changes().size() == 2; }));
  CHECK(csv.changes()[1].messages == Messages{{true, "t", "3", R"({"id":"3","v":8})"}});
}

TEST_CASE("while a key cannot be read nothing is taken for deleted") {
  const Folder folder;
  folder.replace("a.csv", "v,id\na,1\nb,2\nc,3\n");
  Csv csv(folder, "a.csv");
  REQUIRE(csv.is_live());
  folder.replace("a.csv", "v,id\nA,1\nb\"\",2\n\"c,3\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "it is kept"));
  CHECK(csv.host.table().contains({"t", "3"}));
  folder.replace("a.csv", "v,id\nA,1\nb,2\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 2; }));
}

TEST_CASE("of two rows with one key the first is published and the second is told of") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n2,b\n1,c\n");
  Csv csv(folder, "a.csv");
  REQUIRE(csv.told_letters(1));
  CHECK(csv.host.letters()[0].line == 4);
  CHECK(csv.host.letters()[0].reason == "its key stands in an earlier row");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "cannot be read"));
  CHECK(csv.host.table()[{"t", "1"}] == json("1", "a"));
  folder.replace("a.csv", "id,v\n1,a\n2,b\n1,d\n3,x\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 3; }));
  CHECK(csv.host.messages().size() == 3);  // the row with two lines does not flap
}

TEST_CASE("a file that becomes empty stops at the guard until it is well again") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n2,b\n");
  Csv csv(folder, "a.csv");
  REQUIRE(csv.is_live());
  for (const char* empty : {"", "id,v\n", "id,v\n,\n"}) {
    folder.replace("a.csv", empty);
    REQUIRE(csv.host.wait_for_state(BTB_STATE_GUARD, "it has no rows any more, it had 2"));
    CHECK(csv.host.state().text.find("touch " + folder.path("a.csv.confirm")) != std::string::npos);
    CHECK(csv.host.table().size() == 2);
  }
  folder.replace("a.csv", "id,v\n1,a\n2,B\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE));
  CHECK(csv.host.messages().size() == 3);
}

TEST_CASE("a file that loses too many rows stops at the guard and an operator can mean it") {
  const Folder folder;
  folder.replace("a.csv", table(100));
  Csv csv(folder, "a.csv");
  REQUIRE(csv.is_live());
  folder.write("a.csv.confirm", "");  // an old one confirms nothing
  folder.replace("a.csv", table(60, "y"));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_GUARD, "it lost 40 of 100 rows (40 % > 30 %)"));
  CHECK(csv.host.messages().size() == 100);
  folder.remove("a.csv.confirm");
  folder.write("a.csv.confirm", "");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 60; }));
  REQUIRE(csv.is_live());
  CHECK(csv.host.messages().size() == 200);
}

TEST_CASE("a table may lose a few rows, and all of them where that is allowed") {
  const Folder folder;
  folder.replace("a.csv", table(100));
  Csv csv(folder, "a.csv", {{"allow_empty", "true"}});
  REQUIRE(csv.is_live());
  folder.replace("a.csv", table(70));
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 70; }));
  folder.replace("a.csv", "id,v\n");
  REQUIRE(csv.has({}));
}

TEST_CASE("a header without a column that is needed refuses the file and keeps its rows") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n");
  Csv csv(folder, "a.csv");
  REQUIRE(csv.is_live());
  folder.replace("a.csv", "id;v\n1;a\n2;b\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "is the delimiter `;`?"));
  CHECK(csv.host.messages().size() == 1);
  folder.replace("a.csv", "id,v\n1,a\n2,b\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE));
  CHECK(csv.host.messages().size() == 2);
}

TEST_CASE("files that are no tables are refused by name") {
  const Folder folder;
  folder.replace("a.csv", "PK\x03\x04 and so on");
  Csv csv(folder, "a.csv", {{"max_file_bytes", "1KiB"}});
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "Excel workbook"));
  folder.replace("a.csv", std::string(500, '\x01'));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "a binary file"));
  folder.replace("a.csv", std::string(2000, 'x'));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "max_file_bytes"));
}

TEST_CASE("an endless line is one bad row") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n2," + std::string(100'000, 'x') + "\n3,c\n");
  Csv csv(folder, "a.csv", {{"max_row_bytes", "1KiB"}});
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "cannot be read"));
  CHECK(csv.host.table().size() == 2);
  REQUIRE(csv.host.letters().size() == 1);
  CHECK(csv.host.letters()[0].reason == "longer than max_row_bytes");
}

TEST_CASE("on_error decides what becomes of bad rows") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n2\n3,c\n");
  Csv stop(folder, "a.csv", {{"on_error", "stop"}});
  REQUIRE(stop.host.wait_for_state(BTB_STATE_DEGRADED,
                                   "on_error is stop, and a row cannot be read: line 3"));
  CHECK(stop.host.messages().empty());
  Csv skip(folder, "a.csv", {{"on_error", "skip"}});
  REQUIRE(skip.host.wait_for_state(BTB_STATE_DEGRADED, "cannot be read"));
  CHECK(skip.host.table().size() == 2);
  CHECK(skip.host.letters().empty());
  CHECK(skip.host.state().text.find("1 of 3 rows cannot be read") != std::string::npos);
  Csv few(folder, "a.csv", {{"max_error_ratio", "0.1"}});
  REQUIRE(few.host.wait_for_state(BTB_STATE_DEGRADED, "max_error_ratio"));
}

TEST_CASE("max_errors refuses a file however many good rows there are") {
  const Folder folder;
  folder.replace("a.csv", table(100) + "x\ny\n");
  Csv csv(folder, "a.csv", {{"max_errors", "1"}});
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "more than max_errors allows"));
  CHECK(csv.host.message_count() == 0);
  folder.replace("a.csv", table(100) + "x\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE, "1 of 101 rows cannot be read"));
}

TEST_CASE("what cannot be read stays in the state when the same file comes once more") {
  const Folder folder;
  const std::string text = table(3) + "x\n";
  folder.replace("a.csv", text);
  Csv csv(folder, "*.csv", {{"key", List{"id", "v"}}});
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "1 of 4 rows cannot be read"));
  folder.replace("a.csv", text);
  folder.replace("b.csv", "id,v\n1,other\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "of 2 files"));
  CHECK(csv.host.state().text.find("1 of 4 rows cannot be read") != std::string::npos);
}

TEST_CASE("a message the broker does not take is told of and the others are published") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n2,poison\n3,c\n");
  Csv csv(folder, "a.csv", {}, "");
  csv.host.refuse([](const Message& message) {
    return message.payload.find("poison") != std::string::npos ? "payload too large" : nullptr;
  });
  folder.replace("a.csv", "id,v\n1,A\n2,poison!\n3,C\n");
  REQUIRE(csv.host.wait_for([&] {
    Rows rows = csv.host.table();
    rows.erase({"t", "2"});  // its first version may be there, its second may not
    return rows == Rows{{{"t", "1"}, json("1", "A")}, {{"t", "3"}, json("3", "C")}};
  }));
  REQUIRE(csv.told_letters(1));
  CHECK(csv.host.table()[{"t", "2"}] != json("2", "poison!"));
  CHECK(csv.host.letters()[0].reason == "payload too large");
}

TEST_CASE("delimiters are guessed where asked, and not where it is a guess") {
  const Folder folder;
  folder.replace("a.csv", "id;v\n1;a,b\n2;c,d\n");
  Csv csv(folder, "a.csv", {{"delimiter", "auto"}});
  REQUIRE(csv.has({{{"t", "1"}, json("1", "a,b")}, {{"t", "2"}, json("2", "c,d")}}));
  folder.replace("a.csv", "id;v,w\n1;a,b\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "delimiter: auto cannot tell"));
}

TEST_CASE("files without a header have numbered columns or those of the configuration") {
  const Folder folder;
  folder.replace("a.csv", "1,a\n2,b\n");
  Csv numbered(folder, "a.csv", {{"header", "false"}, {"key", List{"column_1"}}});
  REQUIRE(numbered.has({{{"t", "1"}, R"({"column_1":"1","column_2":"a"})"},
                        {{"t", "2"}, R"({"column_1":"2","column_2":"b"})"}}));
  Csv named(folder, "a.csv", {{"header", "false"}, {"columns", List{"id", "v"}}});
  REQUIRE(named.has({{{"t", "1"}, json("1", "a")}, {{"t", "2"}, json("2", "b")}}));
}

TEST_CASE("a source that is paused or finds the broker full publishes later, and all") {
  const Folder folder;
  folder.replace("a.csv", table(20'000));
  Csv csv(folder, "a.csv", {{"settle", "0"}});
  csv.host.be_full(7);
  csv.host.pause();
  folder.replace("a.csv", table(20'001));
  csv.host.resume();
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 20'001; }));
  CHECK(csv.host.failure().empty());
}

TEST_CASE("a source can be stopped at any call of publish") {
  const Folder folder;
  folder.replace("a.csv", table(20'000));
  for (int count = 0; count < 12; ++count) {
    Csv csv(folder, "a.csv");
    csv.host.stop_in_publish(count);
    csv.host.wait_for([&] { return csv.host.state().state == BTB_STATE_LIVE; },
                      std::chrono::milliseconds(30));
    csv.end();
    CHECK(csv.host.failure().empty());
  }
}

TEST_CASE("the line in which Excel tells the delimiter is no header") {
  const Folder folder;
  const Rows rows{{{"t", "1"}, json("1", "a,b")}};
  const TestSettings::Values all[] = {
      {}, {{"delimiter", "auto"}}, {{"delimiter", ";"}}, {{"skip_rows", "1"}}};
  folder.write("a.csv", "\xEF\xBB\xBFsep=;\r\nid;v\r\n1;a,b\r\n2;b;c\r\n");
  for (const TestSettings::Values& more : all) {
    Csv csv(folder, "a.csv", more);
    REQUIRE(csv.has(rows));
    REQUIRE(csv.told_letters(1));
    CHECK(csv.host.letters()[0].line == 4);
  }
  Csv csv(folder, "a.csv", {{"delimiter", "tab"}});
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "is the delimiter `;`?"));
}

TEST_CASE("a byte order mark is believed before the option, and the log says so") {
  const Folder folder;
  folder.write("a.csv", "\xEF\xBB\xBFid,v\n1,\xC3\xA4\n");
  Csv csv(folder, "a.csv", {{"encoding", "windows-1252"}});
  REQUIRE(csv.has({{{"t", "1"}, json("1", "\xC3\xA4")}}));
  const auto logs = csv.host.logs();
  CHECK(std::any_of(logs.begin(), logs.end(), [](const std::string& line) {
    return line.find("says that it is utf-8, not windows-1252") != std::string::npos;
  }));
}

TEST_CASE("a hole of NUL bytes is a bad row, and its neighbours are published") {
  const Folder folder;
  const std::string nuls(9000, '\0');
  folder.replace("a.csv", "id,v\n1,a\n" + nuls + "2,b\n3,c\n" + nuls);
  Csv csv(folder, "a.csv");
  REQUIRE(csv.has(
      {{{"t", "1"}, json("1", "a")}, {{"t", "2"}, json("2", "b")}, {{"t", "3"}, json("3", "c")}}));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "1 of 4 rows cannot be read"));
  REQUIRE(csv.host.letters().size() == 1);
  CHECK(csv.host.letters()[0].byte_offset == 9);
  folder.replace("a.csv", "id,v\n1,a\n" + nuls + "2,b\n");  // the third row may have lain there
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "1 row is missing"));
  CHECK(csv.host.table().contains({"t", "3"}));
  folder.replace("a.csv", nuls + "id,v\n1,A\n");  // a hole in front of a header hides no row
  REQUIRE(csv.has({{{"t", "1"}, json("1", "A")}}));
  folder.replace("a.csv", nuls);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "there are only NUL bytes in it"));
  std::string utf16;
  for (const char c : std::string("id,v\n1,a\n2,b\n")) utf16 += {c, '\0'};
  folder.replace("a.csv", utf16);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "UTF-16 without a mark"));
}

TEST_CASE("the end mark of DOS at the end of a table is no row and no part of one") {
  const Folder folder;
  Csv csv(folder, "a.csv");
  for (const char* end : {"\n\x1A", "\x1A", "\n\x1A\x1A\x1A\x1A\r\n"}) {
    CAPTURE(end);
    folder.replace("a.csv", "id,v\n1,a\n2,b\n");
    REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}, {{"t", "2"}, json("2", "b")}}));
    folder.replace("a.csv", std::string("id,v\n1,a\n2,c") + end);
    REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}, {{"t", "2"}, json("2", "c")}}));
  }
  CHECK(csv.host.letters().empty());
}

TEST_CASE("NUL bytes behind the last line end fill a block up, and rows of such a table can go") {
  const Folder folder;
  Csv csv(folder, "a.csv", {{"skip_footer", "1"}});
  const auto padded = [](std::string text) { return text.append(4096 - text.size(), '\0'); };
  const std::string utf8 = table(20) + "total,20\n";
  folder.replace("a.csv", padded(utf8));
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 20; }));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE, "20 rows of 1 file"));
  folder.replace("a.csv", padded(table(19) + "total,19\n"));
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 19; }));
  folder.replace("a.csv", table(18) + "total,18\n" +
                              std::string(1, '\0'));  // a single one, from a string of C
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 18; }));
  std::string utf16 = "\xFF\xFE";
  for (const char c : table(17) + "total,17\n") utf16 += {c, '\0'};
  folder.replace("a.csv", padded(utf16));
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 17; }));
  folder.replace("a.csv", table(16) + "total,16\n\x1A" + std::string(100, '\0'));
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 16; }));
  CHECK(csv.host.letters().empty());
}

TEST_CASE("NUL bytes behind half a line are a part of it, and its row is kept") {
  const Folder folder;
  folder.replace("a.csv", table(20));
  Csv csv(folder, "a.csv");
  REQUIRE(csv.is_live());
  std::string text = table(20);
  text.pop_back();
  folder.replace("a.csv", text + std::string(100, '\0'));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE, "1 of 20 rows cannot be read"));
  CHECK(csv.host.table().size() == 20);
}

TEST_CASE("an operator can say that rows are gone which a bad row may hide") {
  const Folder folder;
  const TestSettings::Values values{{"rescan", "1h"}};
  const auto swapped = [](int rows) {
    std::string text = "v,id\n";
    for (int i = 1; i <= rows; ++i) text += "x," + std::to_string(i) + "\n";
    return text + "total\n";
  };
  // Made long before: it says nothing of what comes. The file system's clock has ticks of some ms.
  folder.write("a.csv.confirm", "");
  folder.replace("a.csv", swapped(20));
  Csv csv(folder, "a.csv", values);
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 20; }));
  folder.replace("a.csv", swapped(19));
  const std::string confirm = folder.path("a.csv.confirm");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "touch " + confirm));
  CHECK(csv.host.state().text.find("1 row is missing") != std::string::npos);
  CHECK(csv.host.table().size() == 20);
  folder.write("a.csv.confirm", "");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 19; }));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE, "1 of 20 rows cannot be read"));
  CHECK(csv.host.state().text.find("touch") == std::string::npos);
  folder.replace("a.csv", swapped(17));  // the next time it is asked again
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "2 rows are missing"));
  CHECK(csv.host.table().size() == 19);
}

// On ext4 the new file gets the inode of the old one.
TEST_CASE(
    "a file that takes the place of one that was removed in the same breath is another table") {
  const Folder folder;
  const auto write = [&](int day) {
    std::string text = "id,v\n";
    for (int i = 0; i < 20; ++i)
      text += std::to_string(day) + "-" + std::to_string(i) + "," + std::string(i % 3, 'x') + "\n";
    folder.write("day" + std::to_string(day) + ".csv", text);
  };
  for (int day = 1; day <= 5; ++day) write(day);
  Csv csv(folder, "*.csv", {{"rescan", "1h"}});
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 100; }));
  for (int day = 6; day <= 9; ++day) {
    folder.remove("day" + std::to_string(day - 5) + ".csv");
    write(day);
    REQUIRE(csv.host.wait_for([&] {
      const Rows rows = csv.host.table();
      return rows.size() == 100 && rows.contains({"t", std::to_string(day) + "-0"});
    }));
    CHECK_FALSE(csv.host.table().contains({"t", std::to_string(day - 5) + "-0"}));
  }
  REQUIRE(csv.is_live());
}
