// Files in directories below: real directories, real inotify.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "plugins/csv/watcher.h"
#include "tests/plugins/csv/folder.h"

using namespace btb::test;
namespace fs = std::filesystem;

namespace {

std::string json(const std::string& id, const std::string& v) {
  return R"({"id":")" + id + R"(","v":")" + v + "\"}";
}

// Only inotify can be the reason for what is seen.
const TestSettings::Values no_rescan{{"rescan", "1h"}, {"topic", "t/{stem}"}};

}  // namespace

TEST_CASE("files in directories below are read, and the directories are levels of the topic") {
  const Folder folder;
  fs::create_directories(folder.path("2026/a b"));
  fs::create_directories(folder.path(".hidden"));
  fs::create_directories(folder.path("archive"));
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("2026/a b/b.csv", "id,v\n1,b\n");
  folder.write(".hidden/c.csv", "id,v\n1,c\n");
  folder.write("archive/d.csv", "id,v\n1,d\n");
  fs::create_directory_symlink("..", folder.path("2026/loop"));
  Csv csv(folder, "**/*.csv",
          {{"rescan", "1h"}, {"topic", "t/{stem}"}, {"exclude", List{"archive"}}});
  REQUIRE(csv.has({{{"t/a", "1"}, json("1", "a")}, {{"t/2026/a b/b", "1"}, json("1", "b")}}));
  CHECK(csv.is_complete());
  CHECK(csv.host.wait_for_state(BTB_STATE_LIVE, "2 rows of 2 files"));
}

TEST_CASE("directories that come are read and watched however fast they are filled") {
  const Folder folder;
  Csv csv(folder, "**/*.csv", no_rescan);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "no file fits"));
  Rows rows;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "d" + std::to_string(i);
    fs::create_directories(folder.path(name + "/deep/er"));
    folder.write(name + "/deep/er/a.csv", "id,v\n1,a\n");
    rows[{"t/" + name + "/deep/er/a", "1"}] = json("1", "a");
  }
  REQUIRE(csv.has(rows));
  folder.write("d7/deep/er/a.csv", "id,v\n1,b\n");
  folder.write("d8/deep/b.csv", "id,v\n1,c\n");
  rows[{"t/d7/deep/er/a", "1"}] = json("1", "b");
  rows[{"t/d8/deep/b", "1"}] = json("1", "c");
  REQUIRE(csv.has(rows));
}

TEST_CASE("rows move with a directory that is renamed, and it is watched under its new name") {
  const Folder folder;
  fs::create_directories(folder.path("old/deep"));
  folder.write("old/deep/a.csv", "id,v\n1,a\n");
  folder.write("b.csv", "id,v\n1,b\n");
  Csv csv(folder, "**/*.csv", no_rescan);
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 2; }));
  fs::rename(folder.path("old"), folder.path("new"));
  REQUIRE(csv.has({{{"t/new/deep/a", "1"}, json("1", "a")}, {{"t/b", "1"}, json("1", "b")}}));
  folder.write("new/deep/a.csv", "id,v\n1,A\n");
  REQUIRE(csv.has({{{"t/new/deep/a", "1"}, json("1", "A")}, {{"t/b", "1"}, json("1", "b")}}));
  fs::create_directories(folder.path("old/deep"));
  folder.write("old/deep/a.csv", "id,v\n1,c\n");
  REQUIRE(csv.has({{{"t/new/deep/a", "1"}, json("1", "A")},
                   {{"t/old/deep/a", "1"}, json("1", "c")},
                   {{"t/b", "1"}, json("1", "b")}}));
}

TEST_CASE("rows go with a directory that is removed, or moved out of the tree, and come with it") {
  const Folder folder;
  for (const char* name : {"in/x", "in/y", "out"}) fs::create_directories(folder.path(name));
  folder.write("in/a.csv", "id,v\n1,a\n");
  folder.write("in/x/a.csv", "id,v\n1,x\n");
  folder.write("in/y/a.csv", "id,v\n1,y\n");
  Csv csv(folder, "in/**/*.csv", no_rescan);
  const Rows all{{{"t/a", "1"}, json("1", "a")},
                 {{"t/x/a", "1"}, json("1", "x")},
                 {{"t/y/a", "1"}, json("1", "y")}};
  REQUIRE(csv.has(all));
  fs::rename(folder.path("in/x"), folder.path("out/x"));
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 2; }));
  fs::rename(folder.path("out/x"), folder.path("in/x"));
  REQUIRE(csv.has(all));
  fs::remove_all(folder.path("in/y"));
  REQUIRE(csv.has({{{"t/a", "1"}, json("1", "a")}, {{"t/x/a", "1"}, json("1", "x")}}));
}

TEST_CASE("without inotify directories below are looked at in time") {
  const Folder folder;
  Csv csv(folder, "**", {{"rescan", "50ms"}, {"topic", "t/{file}"}, {"watch", "poll"}});
  fs::create_directories(folder.path("x"));
  folder.write("x/a", "id,v\n1,a\n");
  REQUIRE(csv.has({{{"t/x/a", "1"}, json("1", "a")}}));
}

TEST_CASE("events behind the move of a directory are not taken for those of its old name") {
  const Folder folder;
  fs::create_directories(folder.path("a"));
  btb::csv::Watcher watcher(folder.directory(), true, [](const std::string&) { return true; });
  REQUIRE(watcher.look());
  folder.write("a/x", "1");
  auto taken = watcher.take_events();
  REQUIRE_FALSE(taken.events.empty());
  CHECK(taken.events[0].name == "a/x");
  fs::rename(folder.path("a"), folder.path("b"));
  folder.write("b/x", "2");
  taken = watcher.take_events();
  CHECK(taken.look_again);
  for (const auto& event : taken.events) CHECK(event.name != "a/x");
  REQUIRE(watcher.look()->names == List{"b/x"});
  folder.write("b/x", "3");
  taken = watcher.take_events();
  REQUIRE_FALSE(taken.events.empty());
  CHECK(taken.events.back().name == "b/x");
  CHECK(watcher.complaint().empty());
}

// Deeper than a path may be long: nobody can list that, whoever he is.
TEST_CASE("a directory below that cannot be read is told, and the others are read") {
  const Folder folder;
  const std::string name(200, 'd');
  std::vector<int> open_directories{open(folder.directory().c_str(), O_DIRECTORY | O_CLOEXEC)};
  for (int i = 0; i < 30; ++i) {
    REQUIRE(mkdirat(open_directories.back(), name.c_str(), 0700) == 0);
    open_directories.push_back(
        openat(open_directories.back(), name.c_str(), O_DIRECTORY | O_CLOEXEC));
  }
  folder.write("a.csv", "id,v\n1,a\n");
  {
    Csv csv(folder, "**/*.csv", {{"settle", "0"}, {"watch", "poll"}});
    REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "cannot be read"));
    REQUIRE(csv.has({{{"t", "1"}, json("1", "a")}}));
    CHECK(csv.completions() == 0);
  }
  while (open_directories.size() > 1) {
    close(open_directories.back());
    open_directories.pop_back();
    unlinkat(open_directories.back(), name.c_str(), AT_REMOVEDIR);
  }
  close(open_directories.back());
}
