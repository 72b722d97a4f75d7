// Mode append and what a file looks like while it grows: room that was reserved, a header that is
// cut off, logs that begin alike, rows that cannot be read.
#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "tests/plugins/csv/append_mode.h"

using namespace btb::test;
namespace csv = btb::csv;

namespace {

constexpr size_t room_bytes = 3U << 20;  // more than max_row_bytes

void write_at(const Folder& folder, uint64_t offset, const std::string& text) {
  std::fstream file(folder.path("log.csv"), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file << text;
}

std::string utf16(const std::string& text, bool big_endian) {
  std::string bytes;
  for (const char c : text) bytes += big_endian ? std::string{'\0', c} : std::string{c, '\0'};
  return bytes;
}

}  // namespace

TEST_CASE("room of any size that was reserved behind a half line is waited for") {
  for (const char* max_row_bytes : {"64KiB", "1MiB", "16MiB"}) {
    CAPTURE(max_row_bytes);
    const Folder folder;
    Mode mode(TestSettings::Values{{"max_row_bytes", max_row_bytes}});
    folder.write("log.csv", "n\n1\n2" + std::string(room_bytes, '\0'));
    mode.take(folder, "log.csv");
    mode.take(folder, "log.csv");
    CHECK(rows(mode.host) == n({"1"}));
    write_at(folder, 5, "2\n33\n4");
    mode.take(folder, "log.csv");
    write_at(folder, 11, "4\n");
    mode.take(folder, "log.csv");
    CHECK(rows(mode.host) == n({"1", "22", "33", "44"}));
    CHECK(mode.host.letters().empty());
  }
}

TEST_CASE("reserved room is waited for in UTF-16 as well") {
  for (const bool big_endian : {false, true}) {
    CAPTURE(big_endian);
    const Folder folder;
    Mode mode;
    folder.write("log.csv", (big_endian ? "\xFE\xFF" : "\xFF\xFE") + utf16("n\n1\n2", big_endian) +
                                std::string(room_bytes, '\0'));
    mode.take(folder, "log.csv");
    write_at(folder, 12, utf16("2\n33\n", big_endian));
    mode.take(folder, "log.csv");
    write_at(folder, 22, utf16("44\n", big_endian));
    mode.take(folder, "log.csv");
    CHECK(rows(mode.host) == n({"1", "22", "33", "44"}));
    CHECK(mode.host.letters().empty());
  }
}

TEST_CASE("a long run of NUL bytes inside of a row is a bad row, not room") {
  const Folder folder;
  Mode mode;
  folder.write("log.csv", "n\n1\n2" + std::string(room_bytes, '\0') + "2\n3\n");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == n({"1", "3"}));
  CHECK(mode.host.letters().size() == 1);
}

TEST_CASE("a log that begins like an idle one is read although rows come all the time") {
  const Folder folder;
  Mode mode(TestSettings::Values{{"settle", "10s"}});
  mode.tick(1000);
  folder.write("a.csv", "n\n");
  mode.take(folder, "a.csv");
  folder.write("b.csv", "n\n1\n");
  CHECK(mode.take(folder, "b.csv").kind == csv::Outcome::Kind::undecided);
  folder.append("b.csv", "2\n");
  mode.tick(6000);
  CHECK(mode.take(folder, "b.csv").kind == csv::Outcome::Kind::undecided);
  folder.append("b.csv", "3\n");
  mode.tick(11'000);
  CHECK(mode.take(folder, "b.csv").kind == csv::Outcome::Kind::taken);
  CHECK(rows(mode.host) == n({"1", "2", "3"}));
}

TEST_CASE("a header that was found once is not looked for in a log that was cut off") {
  const Folder folder;
  const TestSettings::Values seeking{{"find_header", "true"}, {"select", List{"id", "v"}}};
  Mode mode(seeking);
  folder.write("log.csv", "made by x\nid,v\n1,a\n");
  mode.take(folder, "log.csv");
  folder.write("log.csv", "");
  mode.take(folder, "log.csv");
  folder.append("log.csv", "2,b\n");
  mode.take(folder, "log.csv");
  folder.append("log.csv", "3,c\n");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) ==
        List{R"({"id":"1","v":"a"})", R"({"id":"2","v":"b"})", R"({"id":"3","v":"c"})"});
  folder.write("log.csv", "made by x\n");  // one that writes it again
  mode.take(folder, "log.csv");
  folder.append("log.csv", "v,id\nd,4\n");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host).size() == 4);
  CHECK(rows(mode.host).back() == R"({"id":"4","v":"d"})");
  CHECK(mode.host.letters().empty());
}

TEST_CASE("a log of which much cannot be read is not well until enough of it can be") {
  const Folder folder;
  Mode mode;
  std::string text = "n\n";
  for (int i = 0; i < 9; ++i) text += "1\n";
  folder.write("log.csv", text);
  CHECK_FALSE(mode.take(folder, "log.csv").is_short);
  folder.append("log.csv", "2,3\n");
  CHECK(mode.take(folder, "log.csv").is_short);
  folder.append("log.csv", "4\n");
  CHECK_FALSE(mode.take(folder, "log.csv").is_short);
  folder.write("log.csv", "n\n5\n6,7\n");  // the good rows of what was cut off do not count
  CHECK(mode.take(folder, "log.csv").is_short);
}
