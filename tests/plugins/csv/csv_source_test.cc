// Watching: real files, real inotify, and the ways in which people write files.
#include "plugins/csv/csv_source.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "tests/plugins/csv/folder.h"

using namespace btb::test;
using namespace std::chrono_literals;

namespace {

std::string json(const std::string& id, const std::string& v) {
  return R"({"id":")" + id + R"(","v":")" + v + "\"}";
}

// Only inotify can be the reason for what is seen.
const TestSettings::Values no_rescan{{"rescan", "1h"}};

TestSettings::Values with(TestSettings::Values values, const TestSettings::Values& more) {
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

}  // namespace

TEST_CASE("a slow writer's half of a table is never published") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n2,b\n");
  Csv csv(folder, "a.csv", {{"rescan", "50ms"}, {"settle", "100ms"}});
  REQUIRE(csv.is_live());
  const auto begun = std::chrono::steady_clock::now();
  bool came = false;
  {
    std::ofstream file(folder.path("a.csv"), std::ios::trunc);
    file << "id,v\n1,A\n2,B\n3," << std::flush;
    // The writer pauses for longer than the settle time. It is still at it.
    came = csv.host.wait_for([&] { return csv.host.messages().size() > 2; }, 300ms);
    file << "C\n";
  }
  // On a machine that stood still for so long it may have come, and was right to.
  if (std::chrono::steady_clock::now() - begun >= 100 * 100ms) return;
  CHECK_FALSE(came);
  REQUIRE(csv.has(
      {{{"t", "1"}, json("1", "A")}, {{"t", "2"}, json("2", "B")}, {{"t", "3"}, json("3", "C")}}));
  CHECK(csv.changes().size() == 2);
  CHECK(csv.host.letters().empty());
}

TEST_CASE("a line that is half written is not published while its writer is at it") {
  // Without a writer it would be published after ten times `settle`, with one after a hundred
  // times.
  constexpr auto patience = 100 * 100ms;
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n2,b\n");
  Csv csv(folder, "a.csv", with(no_rescan, {{"settle", "100ms"}}));
  REQUIRE(csv.is_live());
  const auto begun = std::chrono::steady_clock::now();
  {
    std::ofstream file(folder.path("a.csv"), std::ios::app);
    file << "3,half" << std::flush;
    csv.host.wait_for([&] { return csv.host.message_count() > 2; }, 1500ms);
    file << " and whole\n";
  }
  // On a machine that stood still for so long it may have come, and was right to.
  const bool in_time = std::chrono::steady_clock::now() - begun < patience;
  const Rows whole{{{"t", "1"}, json("1", "a")},
                   {{"t", "2"}, json("2", "b")},
                   {{"t", "3"}, json("3", "half and whole")}};
  REQUIRE(csv.has(whole));
  if (in_time) CHECK(csv.host.messages().size() == 3);
  folder.append("a.csv", "4,closed without an end");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 4; }));
}

TEST_CASE("a line that is half written at the start waits, and is taken in the end") {
  const Folder folder;
  std::ofstream file(folder.path("a.csv"));
  file << "id,v\n1,a\n2,half" << std::flush;
  const auto written = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - written < 400ms) std::this_thread::yield();
  const auto begun = std::chrono::steady_clock::now();
  Csv csv(folder, "a.csv", with(no_rescan, {{"settle", "600ms"}}));
  REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}, {{"t", "2"}, json("2", "half")}}));
  CHECK(std::chrono::steady_clock::now() - begun >= 600ms);
}

TEST_CASE("the advice in the log is about what is wrong now") {
  const Folder folder;
  folder.replace("a.csv", "id,v\n1,a\n");
  Csv csv(folder, "a.csv", no_rescan);
  REQUIRE(csv.is_live());
  folder.replace("a.csv", "id,v\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_GUARD, "touch "));
  folder.replace("a.csv", "article,v\n1,a\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "no column"));
  const auto logs = csv.host.logs();
  const auto with_text = [&](const char* text) {
    return std::count_if(logs.begin(), logs.end(), [&](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  };
  CHECK(with_text("touch ") == 1);
  CHECK(with_text("no column \"id\"") == 1);
  CHECK(with_text("is kept") == 1);
}

TEST_CASE("a file that is cut off and written anew is taken when it is closed") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  Csv csv(folder, "a.csv", no_rescan);
  REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}}));
  folder.write("a.csv", "id,v\n1,b\n");
  REQUIRE(csv.has({{{"t", "1"}, json("1", "b")}}));
}

TEST_CASE("a file that is deleted and made again goes on where it was") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n2,b\n");
  Csv csv(folder, "a.csv", no_rescan);
  REQUIRE(csv.is_live());
  folder.remove("a.csv");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "it is gone, its 2 rows are kept"));
  folder.write("a.csv", "id,v\n1,a\n2,c\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE));
  CHECK(csv.host.messages().size() == 3);
}

TEST_CASE("a file that is not there yet is waited for") {
  const Folder folder;
  Csv csv(folder, "a.csv", no_rescan);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "there is no file " + folder.path("a.csv")));
  folder.replace("a.csv", "id,v\n1,a\n");
  REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}}));
  REQUIRE(csv.is_live());
}

TEST_CASE("until the first file is taken the state says what is waited for") {
  const Folder folder;
  const TestSettings::Values slow = with(no_rescan, {{"settle", "1h"}});
  {
    Csv csv(folder, "**/*.csv", slow);
    const std::string text = "no file fits " + folder.path("**/*.csv");
    REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, text));
  }
  folder.write("a.csv", "id,v\n1,a\n");
  {
    Csv csv(folder, "*.csv", slow);
    REQUIRE(csv.host.wait_for_state(BTB_STATE_SNAPSHOT, "waiting for a.csv to settle"));
  }
  folder.write("b.csv", "id,v\n1,b\n");
  folder.write("b.csv.done", "");
  Csv csv(folder, "*.csv", with(no_rescan, {{"done_marker", "{file}.done"}}));
  const std::string text = "1 row of 1 file; a.csv waits for a.csv.done";
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE, text));
}

TEST_CASE("a relative path that leads nowhere is told with the directory it was looked for in") {
  FakeHost host;
  const RunningSource<btb::csv::CsvSource> source(
      host, {{"path", "./no_such.csv"}, {"topic", "t"}, {"key", List{"id"}}});
  const std::string path = std::filesystem::current_path() / "no_such.csv";
  REQUIRE(host.wait_for_state(BTB_STATE_DEGRADED, "there is no file " + path));
}

TEST_CASE("a directory that is missing, comes, goes and comes again loses nothing") {
  const Folder folder;
  std::filesystem::create_directory(folder.path("elsewhere"));
  const TestSettings::Values quick{{"rescan", "50ms"}};
  Csv csv(folder, "in/a.csv", quick);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "cannot be read"));
  std::filesystem::create_directory(folder.path("in"));
  folder.write("in/a.csv", "id,v\n1,a\n");
  REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}}));
  std::filesystem::rename(folder.path("in"), folder.path("elsewhere/in"));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "cannot be read"));
  CHECK(csv.host.table().size() == 1);
  std::filesystem::create_directory(folder.path("in"));
  folder.write("in/a.csv", "id,v\n1,b\n");
  REQUIRE(csv.has({{{"t", "1"}, json("1", "b")}}));
  REQUIRE(csv.is_live());
}

TEST_CASE("without inotify the directory is looked at in time") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  Csv csv(folder, "a.csv", {{"watch", "poll"}, {"rescan", "50ms"}});
  REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}}));
  folder.replace("a.csv", "id,v\n1,b\n");
  REQUIRE(csv.has({{{"t", "1"}, json("1", "b")}}));
}

TEST_CASE("a file behind a link is followed when the link is changed") {
  const Folder folder;
  folder.write("one", "id,v\n1,a\n");
  folder.write("two", "id,v\n1,b\n");
  std::filesystem::create_symlink("one", folder.path("a.csv"));
  Csv csv(folder, "a.csv", no_rescan);
  REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}}));
  std::filesystem::create_symlink("two", folder.path("next"));
  std::filesystem::rename(folder.path("next"), folder.path("a.csv"));
  REQUIRE(csv.has({{{"t", "1"}, json("1", "b")}}));
}

TEST_CASE("a marker says when a file is complete") {
  const Folder folder;
  Csv csv(folder, "*.csv", with(no_rescan, {{"done_marker", "{file}.done"}, {"settle", "1h"}}));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "no file fits " + folder.path("*.csv")));
  folder.write("a.csv", "id,v\n1,a\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "a.csv waits for a.csv.done"));
  CHECK_FALSE(csv.host.wait_for([&] { return csv.host.message_count() > 0; }, 150ms));
  folder.write("a.csv.done", "");
  REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}}));
}

TEST_CASE("a glob takes many files, each with rows of its own") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("b.csv", "id,v\n1,b\n");
  folder.write("b.csv.bak", "id,v\n9,x\n");
  folder.write("old.csv", "id,v\n1,x\n");
  Csv csv(folder, "*.csv", with(no_rescan, {{"topic", "stock/{stem}"}, {"exclude", List{"old*"}}}));
  REQUIRE(csv.has({{{"stock/a", "1"}, json("1", "a")}, {{"stock/b", "1"}, json("1", "b")}}));
  REQUIRE(csv.is_live());
  CHECK(csv.host.state().text == "2 rows of 2 files");
  folder.write("c.csv", "id,v\n1,c\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 3; }));
}

TEST_CASE("rows of a file that is gone go with it, under the guard") {
  const Folder folder;
  std::string rows = "id,v\n";
  for (int i = 1; i <= 12; ++i) rows += std::to_string(i) + ",x\n";
  folder.write("large.csv", rows);
  for (const char* name : {"a", "b"}) {
    folder.write(std::string(name) + ".csv", "id,v\n1,x\n2,y\n");
  }
  Csv csv(folder, "*.csv", with(no_rescan, {{"topic", "stock/{stem}"}}));
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 16; }));
  folder.remove("a.csv");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 14; }));
  REQUIRE(csv.is_live());
  folder.remove("large.csv");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_GUARD, "are gone"));
  CHECK(csv.host.table().size() == 14);
  folder.write("large.csv.confirm", "");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 2; }));
  REQUIRE(csv.is_live());
}

TEST_CASE("removed_file decides what a file that is gone means for its rows") {
  const Folder folder;
  for (const char* what : {"keep", "delete"}) {
    folder.write("a.csv", "id,v\n1,a\n");
    folder.write("b.csv", "id,v\n2,b\n");
    Csv csv(folder, "*.csv", with(no_rescan, {{"removed_file", what}}));
    REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 2; }));
    folder.remove("a.csv");
    if (std::string(what) == "keep") {
      REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "it is gone, its row is kept"));
      CHECK(csv.host.table().size() == 2);
    } else {
      REQUIRE(csv.has({{{"t", "2"}, json("2", "b")}}));
    }
  }
}

TEST_CASE("a row that moves from one file to another is not lost") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,x\n2,y\n");
  folder.write("b.csv", "id,v\n3,z\n");
  Csv csv(folder, "*.csv", no_rescan);
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 3; }));
  REQUIRE(csv.is_live());
  folder.replace("b.csv", "id,v\n3,z\n1,x\n4,w\n");
  REQUIRE(csv.told_letters(1));
  CHECK(csv.host.letters()[0].reason == "its key belongs to another file");
  folder.replace("a.csv", "id,v\n2,y\n");
  REQUIRE(csv.has({{{"t", "1"}, json("1", "x")},
                   {{"t", "2"}, json("2", "y")},
                   {{"t", "3"}, json("3", "z")},
                   {{"t", "4"}, json("4", "w")}}));
  REQUIRE(csv.is_live());
}

// The source stands still inside of publish, so that nobody takes the events and their queue runs
// over. Of those that fit into it none is a reason to look at the directory.
TEST_CASE("a storm of other files does not make a change go unseen") {
  const Folder folder;
  size_t queue = 0;
  std::ifstream("/proc/sys/fs/inotify/max_queued_events") >> queue;
  REQUIRE(queue > 0);
  REQUIRE_MESSAGE(queue < 1'000'000, "the queue of this machine is too long to be filled");
  std::ofstream noise[] = {std::ofstream(folder.path("x")), std::ofstream(folder.path("y"))};
  folder.write("a.csv", "id,v\n1,old\n");
  Csv csv(folder, "a.csv", no_rescan);
  REQUIRE(csv.is_complete());  // it does not look by itself any more
  std::promise<void> entered, left;
  std::shared_future<void> may_leave = left.get_future().share();
  csv.host.refuse([&, first = true](const FakeHost::Message&) mutable {
    if (first) entered.set_value();
    if (std::exchange(first, false)) may_leave.wait();
    return nullptr;
  });
  folder.replace("a.csv", "id,v\n1,a\n");
  const bool stands = entered.get_future().wait_for(patience) == std::future_status::ready;
  for (size_t i = 0; i <= queue; ++i) noise[i % 2] << '.' << std::flush;  // in turn: each is told
  folder.replace("a.csv", "id,v\n1,b\n");
  left.set_value();
  REQUIRE(stands);
  REQUIRE(csv.has({{{"t", "1"}, json("1", "b")}}));
}

TEST_CASE("a table declares state, a log without keys events, and a log with keys neither") {
  const auto declared = [](const TestSettings::Values& more) {
    TestSettings::Values values{{"path", "/data/a.csv"}, {"topic", "ward/{stem}"}};
    values.insert(values.end(), more.begin(), more.end());
    const TestSettings settings(btb::csv::CsvSource::options(), values);
    List kinds;
    for (const auto& topics : btb::csv::CsvSource::topics(settings.view()))
      kinds.push_back(topics.filter + (topics.kind == BTB_KIND_STATE ? " state" : " events"));
    return kinds;
  };
  const List key{"id"};
  CHECK(declared({{"key", key}}) == List{"ward/+ state"});
  CHECK(declared({{"key", key}, {"mode", "delta"}, {"op_column", "op"}}) == List{"ward/+ state"});
  CHECK(declared({{"mode", "append"}}) == List{"ward/+ events"});
  CHECK(declared({{"mode", "append"}, {"key", key}}).empty());
}

TEST_CASE("a file that may not be read is tried again") {
  const Folder folder;
  std::filesystem::create_symlink("loop", folder.path("loop"));
  std::filesystem::create_directory(folder.path("a.csv"));
  Csv csv(folder, "a.csv", {{"rescan", "50ms"}});
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "there is no file"));
  std::filesystem::remove(folder.path("a.csv"));
  folder.write("a.csv", "id,v\n1,a\n");
  REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}}));
}
