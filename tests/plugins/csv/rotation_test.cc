// Mode append and the ways in which logs are rotated: rename and create, copy and truncate,
// deletion under an open writer, compression by somebody else.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/plugins/csv/append_mode.h"

using namespace btb::test;
using namespace std::chrono_literals;
namespace csv = btb::csv;
namespace fs = std::filesystem;

namespace {

const TestSettings::Values append{{"mode", "append"}, {"key", List{}}, {"rescan", "1h"}};

}  // namespace

TEST_CASE("what a writer still writes to a renamed file is read") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n");
  fs::create_directory(folder.path("elsewhere"));
  Csv source(folder, "log.csv", append);
  REQUIRE(published(source, n({"1"})));
  std::ofstream writer(folder.path("log.csv"), std::ios::app);
  fs::rename(folder.path("log.csv"), folder.path("elsewhere/log.csv.1"));
  folder.write("log.csv", "");
  writer << "2\n" << std::flush;
  REQUIRE(published(source, n({"1", "2"})));
  folder.append("log.csv", "n\n4\n");
  REQUIRE(published(source, n({"1", "2", "4"})));
  writer << "3\n" << std::flush;
  REQUIRE(published(source, n({"1", "2", "4", "3"})));
}

TEST_CASE("what a writer still writes to a deleted file is read, also before a new one is made") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n");
  Csv source(folder, "log.csv", append);
  REQUIRE(published(source, n({"1"})));
  std::ofstream writer(folder.path("log.csv"), std::ios::app);
  folder.remove("log.csv");
  REQUIRE(source.host.wait_for_state(BTB_STATE_DEGRADED, "there is no file"));
  writer << "2\n" << std::flush;
  REQUIRE(published(source, n({"1", "2"})));
  folder.write("log.csv", "3\n");  // a writer that wrote its header once
  REQUIRE(published(source, n({"1", "2", "3"})));
}

TEST_CASE("a file that is renamed within the glob goes on under its new name") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n2\n");
  Csv source(folder, "log.csv*", append);
  REQUIRE(published(source, n({"1", "2"})));
  fs::rename(folder.path("log.csv"), folder.path("log.csv.1"));
  REQUIRE(source.host.wait_for_state(BTB_STATE_LIVE, "2 rows read from 1 file"));
  folder.write("log.csv", "n\n3\n");
  folder.append("log.csv.1", "4\n");
  REQUIRE(published(source, n({"1", "2", "3", "4"})));
}

TEST_CASE("names move on by one with each rotation and no row comes twice") {
  const Folder folder;
  Csv source(folder, "log.csv*", append);
  List wanted;
  for (int round = 0; round < 5; ++round) {
    for (int i = 5; i > 0; --i) {
      const std::string from = "log.csv" + (i == 1 ? "" : "." + std::to_string(i - 1));
      if (fs::exists(folder.path(from)))
        fs::rename(folder.path(from), folder.path("log.csv." + std::to_string(i)));
    }
    folder.write("log.csv", "n\n" + std::to_string(round) + "\n");
    wanted.push_back(n(std::to_string(round)));
    REQUIRE(published(source, wanted));
  }
  folder.append("log.csv.4", "9\n");
  wanted.push_back(n("9"));
  REQUIRE(published(source, wanted));
}

TEST_CASE("a file with two names is read once") {
  const Folder folder;
  folder.write("a.csv", "n\n1\n");
  fs::create_hard_link(folder.path("a.csv"), folder.path("b.csv"));
  Csv source(folder, "*.csv", append);
  REQUIRE(source.is_live());
  folder.append("b.csv", "2\n");
  REQUIRE(published(source, n({"1", "2"})));
  folder.remove("a.csv");
  folder.append("b.csv", "3\n");
  REQUIRE(published(source, n({"1", "2", "3"})));
}

TEST_CASE("behind copytruncate the known header goes on, and the copy is not read") {
  const Folder folder;
  folder.write("log.csv", "n,m\n1,a\n2,b\n");
  Csv source(folder, "log.csv*", with(append, {{"settle", "1h"}}));
  const auto row = [](const char* a, const char* b) {
    return std::string(R"({"n":")") + a + R"(","m":")" + b + "\"}";
  };
  REQUIRE(published(source, {row("1", "a"), row("2", "b")}));
  fs::copy_file(folder.path("log.csv"), folder.path("log.csv.1"));
  fs::resize_file(folder.path("log.csv"), 0);
  folder.append("log.csv", "3,c\n");
  REQUIRE(published(source, {row("1", "a"), row("2", "b"), row("3", "c")}));
  folder.append("log.csv", "4,d\n");
  REQUIRE(published(source, {row("1", "a"), row("2", "b"), row("3", "c"), row("4", "d")}));
  REQUIRE(source.host.wait_for([&] {
    const auto logs = source.host.logs();
    return std::any_of(logs.begin(), logs.end(), [](const std::string& line) {
      return line.find("log.csv.1 is a copy") != std::string::npos;
    });
  }));
}

TEST_CASE("a copy has the rows that were cut off before they were read") {
  const Folder folder;
  Mode mode;
  folder.write("log.csv", "n\n1\n");
  mode.take(folder, "log.csv");
  folder.append("log.csv", "2\n");
  fs::copy_file(folder.path("log.csv"), folder.path("log.csv.1"));
  folder.write("log.csv", "3\n");
  mode.take(folder, "log.csv");
  mode.take(folder, "log.csv.1");
  CHECK(rows(mode.host) == n({"1", "3", "2"}));
}

TEST_CASE("a copy that is still being made is waited for") {
  const Folder folder;
  Mode mode;
  std::string text = "n\n";
  List wanted;
  for (int i = 1000; i < 1600; ++i) {
    text += std::to_string(i) + "\n";
    wanted.push_back(n(std::to_string(i)));
  }
  folder.write("log.csv", text);
  mode.take(folder, "log.csv");
  folder.write("log.csv.1", text.substr(0, 5));
  CHECK(mode.take(folder, "log.csv.1").kind == csv::Outcome::Kind::undecided);
  folder.write("log.csv.1", text.substr(0, 2000));
  mode.take(folder, "log.csv.1", 1'000'000);
  folder.write("log.csv.1", text);
  mode.take(folder, "log.csv.1", 1'000'000);
  CHECK(rows(mode.host) == wanted);
  folder.append("log.csv.1", "7\n");  // it may be written to, too
  mode.take(folder, "log.csv.1");
  wanted.push_back(n("7"));
  CHECK(rows(mode.host) == wanted);
}

TEST_CASE("a new log that begins like another is read, and at once when it differs") {
  const Folder folder;
  Mode mode;
  folder.write("mon.csv", "n\n1\n2\n");
  mode.take(folder, "mon.csv");
  folder.write("tue.csv", "n\n1\n");
  CHECK(mode.take(folder, "tue.csv").kind == csv::Outcome::Kind::undecided);
  folder.write("wed.csv", "n\n1\n5\n");
  mode.take(folder, "wed.csv");
  CHECK(rows(mode.host) == n({"1", "2", "1", "5"}));
  CHECK(mode.take(folder, "tue.csv", 1000).kind == csv::Outcome::Kind::taken);
  CHECK(rows(mode.host) == n({"1", "2", "1", "5", "1"}));
}

TEST_CASE("a copy that was made while the source was away is not read again") {
  const Folder folder;
  std::string token;
  {
    Mode mode;
    folder.write("log.csv", "n\n1\n2\n");
    mode.take(folder, "log.csv");
    token = mode.host.token();
  }
  fs::copy_file(folder.path("log.csv"), folder.path("log.csv.1"));
  folder.append("log.csv.1", "3\n");
  folder.write("log.csv", "4\n");
  Mode mode({}, token);
  mode.take(folder, "log.csv");
  mode.take(folder, "log.csv.1");
  CHECK(rows(mode.host) == n({"4", "3"}));
}

TEST_CASE("a file without its header keeps its columns over a restart") {
  const Folder folder;
  std::string token;
  {
    Mode mode;
    folder.write("log.csv", "n\n1\n");
    mode.take(folder, "log.csv");
    folder.write("log.csv", "2\n");
    mode.take(folder, "log.csv");
    token = mode.host.token();
  }
  folder.append("log.csv", "3\n");
  Mode mode({}, token);
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == n({"3"}));
}

TEST_CASE("a header that is written again, or changed, is one") {
  const Folder folder;
  Mode mode;
  folder.write("log.csv", "n,m\n1,a\n");
  mode.take(folder, "log.csv");
  folder.write("log.csv", "n,m\n2,b\n");
  mode.take(folder, "log.csv");
  folder.write("log.csv", "n,x,m\n3,c,d\n");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) ==
        List{R"({"n":"1","m":"a"})", R"({"n":"2","m":"b"})", R"({"n":"3","x":"c","m":"d"})"});
}

TEST_CASE("a preamble that is not there any more is not waited for") {
  const Folder folder;
  Mode mode(TestSettings::Values{{"skip_rows", "2"}});
  folder.write("log.csv", "made by x\non monday\nn\n1\n");
  mode.take(folder, "log.csv");
  folder.write("log.csv", "2\n3\n4\n5\n");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == n({"1", "2", "3", "4", "5"}));
}

TEST_CASE("a renamed file is given up when it is quiet and another took its place") {
  const Folder folder;
  Mode mode;
  mode.tick(1000);
  folder.write("log.csv", "n\n1\n");
  mode.take(folder, "log.csv");
  fs::rename(folder.path("log.csv"), folder.path("old"));
  mode.gone("log.csv");
  CHECK(mode.mode().due_in());  // somebody has to look
  mode.tick(1'000'000);
  folder.append("old", "2\n");
  mode.tick(2'000'000);
  CHECK(rows(mode.host) == n({"1", "2"}));
  folder.write("log.csv", "n\n5\n");
  mode.take(folder, "log.csv");
  mode.tick(2'059'000);
  folder.append("old", "3\n");
  mode.tick(2'059'500);
  mode.tick(2'119'000);
  folder.append("old", "4\n");
  mode.tick(2'119'400);
  CHECK(rows(mode.host) == n({"1", "2", "5", "3", "4"}));
  mode.tick(2'179'500);
  CHECK_FALSE(mode.mode().due_in());
  folder.append("old", "6\n");
  mode.tick(2'180'000);
  CHECK(rows(mode.host).size() == 5);
}

TEST_CASE("a renamed file that nothing replaces is given up after an hour, a deleted one sooner") {
  const Folder folder;
  Mode mode;
  mode.tick(0);
  folder.write("a.csv", "n\n1\n");
  folder.write("b.csv", "n\n2\n");
  mode.take(folder, "a.csv");
  mode.take(folder, "b.csv");
  fs::rename(folder.path("a.csv"), folder.path("old"));
  folder.remove("b.csv");
  mode.gone("a.csv");
  mode.gone("b.csv");
  mode.tick(61'000);
  CHECK(mode.mode().summary().find("and 1 that went away") != std::string::npos);
  mode.tick(3'601'000);
  CHECK_FALSE(mode.mode().due_in());
}

TEST_CASE("what was written to a file that was renamed while the source was away is read") {
  const Folder folder;
  std::string token;
  folder.write("log.csv", "n\n1\n");
  {
    Csv source(folder, "log.csv", append);
    REQUIRE(published(source, n({"1"})));
    token = source.host.token();
  }
  folder.append("log.csv", "2\n");
  fs::rename(folder.path("log.csv"), folder.path("log.csv.1"));
  folder.write("log.csv", "n\n3\n");
  Csv source(folder, "log.csv", append, token);
  REQUIRE(published(source, n({"2", "3"})));
}

TEST_CASE("a hole that copytruncate leaves is one bad row, and what comes behind it is read") {
  const Folder folder;
  std::string text = "n,m\n";
  for (int i = 0; i < 40; ++i) text += std::to_string(i) + ",before\n";
  for (const uint64_t hole : {uint64_t{4}, uint64_t{400}, uint64_t{5} << 30}) {
    CAPTURE(hole);
    Mode mode;
    folder.write("log.csv", text);
    mode.take(folder, "log.csv");
    REQUIRE(rows(mode.host).size() == 40);
    fs::resize_file(folder.path("log.csv"), 0);
    mode.take(folder, "log.csv");
    fs::resize_file(folder.path("log.csv"), hole);
    mode.take(folder, "log.csv");
    folder.append("log.csv", "\n100,after\n101,after\n");
    mode.take(folder, "log.csv");
    CHECK(rows(mode.host).back() == R"({"n":"101","m":"after"})");
    CHECK(rows(mode.host).size() >= 41);
    CHECK(mode.host.letters().size() == 1);
    folder.remove("log.csv");
  }
}

TEST_CASE("NUL bytes at the end of a log are waited for, in its middle they are a bad row") {
  const Folder folder;
  Mode mode;
  folder.write("log.csv", "n\n1\n2" + std::string(5000, '\0'));  // room that was reserved
  mode.take(folder, "log.csv");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == n({"1"}));
  {
    std::fstream file(folder.path("log.csv"), std::ios::in | std::ios::out);
    file.seekp(5);
    file << "2\n33\n";
  }
  mode.take(folder, "log.csv");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == n({"1", "22", "33"}));
  CHECK(mode.host.letters().empty());
  folder.append("log.csv", "4\n");  // behind what a crash left
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == n({"1", "22", "33", "4"}));
  REQUIRE(mode.host.letters().size() == 1);
  CHECK(mode.host.letters()[0].byte_offset == 10);
}

TEST_CASE("a stray quote costs its row when whole rows have stood behind it for a while") {
  const Folder folder;
  Mode mode;
  mode.tick(0);
  folder.write("log.csv", "id,n\n1,ok\n2,\"19 inch rack\n3,row\n");
  CHECK(mode.take(folder, "log.csv").text.empty());
  CHECK(mode.mode().due_in() == 5000);
  mode.tick(4000);
  folder.append("log.csv", "4,row\n");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host).size() == 1);
  mode.tick(5000);
  CHECK(mode.mode().due_in() == 0);
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host).size() == 3);
  REQUIRE(mode.host.letters().size() == 1);
  CHECK(mode.host.letters()[0].reason == "unclosed quote");
  CHECK(mode.host.letters()[0].line == 3);
  CHECK_FALSE(mode.mode().due_in());
}

TEST_CASE("a text of several lines is waited for, and the state says so") {
  const Folder folder;
  Mode mode;
  mode.tick(0);
  folder.write("log.csv", "id,n\n1,\"first\nsecond\n");
  CHECK(mode.take(folder, "log.csv").text.empty());
  mode.tick(60'000);
  const std::string text = mode.take(folder, "log.csv").text;
  CHECK(text.find("the quote in line 2 is not closed") != std::string::npos);
  CHECK_FALSE(mode.mode().due_in());
  folder.append("log.csv", "third\"\n2,x\n");
  CHECK(mode.take(folder, "log.csv").text.empty());
  CHECK(rows(mode.host) ==
        List{R"({"id":"1","n":"first\nsecond\nthird"})", R"({"id":"2","n":"x"})"});
  CHECK(mode.host.letters().empty());
}

TEST_CASE("the end mark of DOS is no row, wherever it stands between rows") {
  const Folder folder;
  Mode mode;
  folder.write("log.csv", "n\n1\n\x1A");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == n({"1"}));
  folder.append("log.csv", "2\n");
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == n({"1", "2"}));
  CHECK(mode.host.letters().empty());
}

TEST_CASE("a name that leads to one of many files that are followed on does not end the others") {
  const Folder folder;
  Mode mode;
  const auto name = [](int i) { return "a" + std::to_string(i) + ".csv"; };
  for (int i = 10; i < 75; ++i) {
    folder.write(name(i), "n\n" + std::to_string(i) + "\n");
    mode.take(folder, name(i), 1000);
  }
  for (int i = 10; i < 74; ++i) {
    fs::rename(folder.path(name(i)), folder.path(name(i) + ".1"));
    mode.gone(name(i));
  }
  fs::rename(folder.path("a10.csv.1"), folder.path("a74.csv"));
  folder.append("a74.csv", "100\n");
  CHECK(mode.take(folder, "a74.csv").kind == csv::Outcome::Kind::taken);
  CHECK(rows(mode.host).size() == 66);
  CHECK(rows(mode.host).back() == n("100"));
}

TEST_CASE(
    "of more files than are followed on the first are given up, and go on when they come back") {
  const Folder folder;
  Mode mode;
  const auto name = [](int i) { return "a" + std::to_string(i) + ".csv"; };
  for (int i = 10; i < 80; ++i) {
    folder.write(name(i), "n\n" + std::to_string(i) + "\n");
    mode.take(folder, name(i), 1000);
    fs::rename(folder.path(name(i)), folder.path(name(i) + ".1"));
    mode.gone(name(i));
  }
  CHECK(mode.mode().summary().find("and 64 that went away") != std::string::npos);
  folder.append("a10.csv.1", "100\n");  // given up
  folder.append("a79.csv.1", "179\n");  // followed on
  mode.tick(1000);
  CHECK(rows(mode.host).size() == 71);
  CHECK(rows(mode.host).back() == n("179"));
  fs::rename(folder.path("a10.csv.1"), folder.path("a10.csv"));
  mode.take(folder, "a10.csv");
  CHECK(rows(mode.host).size() == 72);
  CHECK(rows(mode.host).back() == n("100"));
}
