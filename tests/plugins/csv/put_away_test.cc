// Files that are moved or deleted when they were dealt with.
#include "plugins/csv/put_away.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/plugins/csv/folder.h"

using namespace btb::test;
namespace csv = btb::csv;
namespace fs = std::filesystem;

namespace {

std::string json(const std::string& id, const std::string& v) {
  return R"({"id":")" + id + R"(","v":")" + v + "\"}";
}

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

const TestSettings::Values moving{
    {"after", "move"}, {"finished_dir", "done"}, {"error_dir", "bad"}, {"rescan", "1h"}};

struct Drop {
  Drop() {
    fs::create_directory(folder.path("done"));
    fs::create_directory(folder.path("bad"));
  }
  bool arrives(Csv& source, const std::string& name) const {
    return source.host.wait_for([&] { return fs::exists(folder.path(name)); });
  }
  Folder folder;
};

}  // namespace

TEST_CASE("a file goes to finished_dir when its rows are published, and they stay") {
  const Drop drop;
  drop.folder.write("a.csv", "id,v\n1,a\n2,b\n");
  Csv source(drop.folder, "*.csv", moving);
  REQUIRE(drop.arrives(source, "done/a.csv"));
  CHECK(source.host.table().size() == 2);
  CHECK_FALSE(fs::exists(drop.folder.path("a.csv")));
  REQUIRE(source.is_live());
  drop.folder.replace("b.csv", "id,v\n2,B\n3,c\n");  // takes a row over
  REQUIRE(drop.arrives(source, "done/b.csv"));
  CHECK(source.host.table() == Rows{{{"t", "1"}, json("1", "a")},
                                    {{"t", "2"}, json("2", "B")},
                                    {{"t", "3"}, json("3", "c")}});
  CHECK(source.host.letters().empty());
  drop.folder.replace("b.csv", "id,v\n2,B\n4,d\n");  // the same table again: it says what is gone
  REQUIRE(drop.arrives(source, "done/b.csv.1"));
  CHECK(source.host.table() == Rows{{{"t", "1"}, json("1", "a")},
                                    {{"t", "2"}, json("2", "B")},
                                    {{"t", "4"}, json("4", "d")}});
  CHECK(text_of(drop.folder.path("done/b.csv")) == "id,v\n2,B\n3,c\n");
  REQUIRE(source.is_live());
}

// Its writer may open it again.
TEST_CASE("a file that is to go away has to settle, also when it was closed") {
  const Drop drop;
  Csv stays(drop.folder, "*.csv", {{"settle", "1h"}, {"rescan", "1h"}});
  auto values = moving;
  values.emplace_back("settle", "1h");
  Csv source(drop.folder, "*.csv", values);
  REQUIRE(stays.host.wait_for_state(BTB_STATE_DEGRADED, "no file fits"));
  REQUIRE(source.host.wait_for_state(BTB_STATE_DEGRADED, "no file fits"));
  drop.folder.write("a.csv", "id,v\n1,a\n");
  REQUIRE(stays.has({{{"t", "1"}, json("1", "a")}}));
  REQUIRE(source.host.wait_for_state(BTB_STATE_DEGRADED, "waiting for a.csv to settle"));
  CHECK_FALSE(source.host.wait_for([&] { return source.host.message_count() > 0; },
                                   std::chrono::milliseconds(200)));
  CHECK(fs::exists(drop.folder.path("a.csv")));
}

TEST_CASE("a file that is refused goes to error_dir, and the state says which and why") {
  const Drop drop;
  drop.folder.write("a.csv", "article,v\n1,a\n");
  Csv source(drop.folder, "*.csv", moving);
  REQUIRE(drop.arrives(source, "bad/a.csv"));
  REQUIRE(source.host.wait_for([&] {
    return source.host.state().text.find(
               "1 file was moved to error_dir, the last: a.csv: no "
               "column") != std::string::npos;
  }));
  CHECK_FALSE(fs::exists(drop.folder.path("done/a.csv")));
}

TEST_CASE("files can be deleted when they are done, their markers with them") {
  const Drop drop;
  drop.folder.write("a.csv", "id,v\n1,a\n");
  drop.folder.write("b.csv", "id,v\n2,b\n");
  drop.folder.write("a.csv.done", "");
  Csv source(drop.folder, "*.csv", {{"after", "delete"}, {"done_marker", "{file}.done"}});
  REQUIRE(source.host.wait_for([&] { return !fs::exists(drop.folder.path("a.csv.done")); }));
  CHECK_FALSE(fs::exists(drop.folder.path("a.csv")));
  CHECK(fs::exists(drop.folder.path("b.csv")));
  CHECK(source.host.table().size() == 1);
}

TEST_CASE("lists of changes go away in their order and are not undone") {
  const Drop drop;
  drop.folder.write("1.csv", "op,id,v\nput,1,a\nput,2,b\n");
  drop.folder.write("2.csv", "op,id,v\ndelete,1,\n");
  auto values = moving;
  values.insert(values.end(), {{"mode", "delta"}, {"op_column", "op"}});
  Csv source(drop.folder, "*.csv", values);
  REQUIRE(drop.arrives(source, "done/2.csv"));
  CHECK(fs::exists(drop.folder.path("done/1.csv")));
  CHECK(source.host.table() == Rows{{{"t", "2"}, json("2", "b")}});
}

TEST_CASE("a list that was put away is carried out again when it comes again") {
  const Drop drop;
  for (const char* after : {"move", "delete"}) {
    CAPTURE(after);
    TestSettings::Values values{
        {"mode", "delta"}, {"op_column", "op"}, {"after", after}, {"rescan", "1h"}};
    if (std::string(after) == "move") values.emplace_back("finished_dir", "done");
    std::string token;
    {
      Csv source(drop.folder, "changes.csv", values);
      REQUIRE(source.host.wait_for_state(BTB_STATE_DEGRADED, "there is no file"));
      uint64_t count = 0;
      for (const char* state : {"occupied", "free", "occupied"}) {
        drop.folder.write("changes.csv", std::string("op,id,v\nput,42,") + state + "\n");
        ++count;
        REQUIRE(source.host.wait_for([&] { return source.host.message_count() == count; }));
        REQUIRE(source.host.wait_for([&] { return !fs::exists(drop.folder.path("changes.csv")); }));
        REQUIRE(source.host.wait_for([&] { return source.host.token() == "d1"; }));
        REQUIRE(source.host.wait_for_state(BTB_STATE_LIVE, "1 rows after"));  // none is missing
      }
      CHECK(source.host.table() == Rows{{{"t", "42"}, json("42", "occupied")}});
      token = source.host.token();
    }
    Csv source(drop.folder, "changes.csv", values, token);
    REQUIRE(source.is_live());
    drop.folder.write("changes.csv", "op,id,v\nput,42,occupied\n");
    REQUIRE(source.host.wait_for([&] { return source.host.message_count() == 1; }));
    REQUIRE(source.host.wait_for([&] { return !fs::exists(drop.folder.path("changes.csv")); }));
  }
}

TEST_CASE("a list that was carried out and not put away yet is put away after a restart") {
  const Drop drop;
  std::string token;
  TestSettings::Values values{{"mode", "delta"}, {"op_column", "op"}};
  drop.folder.write("a.csv", "op,id,v\nput,1,a\n");
  {
    Csv source(drop.folder, "a.csv", values);
    REQUIRE(source.is_live());
    token = source.host.token();
  }
  values.emplace_back("after", "delete");
  Csv source(drop.folder, "a.csv", values, token);
  REQUIRE(source.host.wait_for([&] { return !fs::exists(drop.folder.path("a.csv")); }));
  REQUIRE(source.host.wait_for([&] { return source.host.token() == "d1"; }));
  CHECK(source.host.message_count() == 0);
}

TEST_CASE("rows that the broker does not take keep their file where it is") {
  const Drop drop;
  Csv source(drop.folder, "*.csv", moving);
  source.host.refuse([](const FakeHost::Message& message) {
    return message.payload.find("poison") != std::string::npos ? "payload too large" : nullptr;
  });
  drop.folder.replace("a.csv", "id,v\n1,poison\n");
  REQUIRE(source.host.wait_for_state(BTB_STATE_LIVE, "1 row was not taken by the broker"));
  drop.folder.replace("b.csv", "id,v\n2,b\n");
  REQUIRE(drop.arrives(source, "done/b.csv"));
  CHECK(fs::exists(drop.folder.path("a.csv")));
}

TEST_CASE("a directory that is not there is told, and nothing is read twice for it") {
  const Drop drop;
  fs::remove(drop.folder.path("done"));
  drop.folder.write("a.csv", "id,v\n1,a\n");
  auto values = moving;
  values.back().second = "50ms";
  Csv source(drop.folder, "*.csv", values);
  REQUIRE(source.host.wait_for_state(BTB_STATE_DEGRADED, "a.csv was dealt with and cannot be put"));
  fs::create_directory(drop.folder.path("done"));
  REQUIRE(drop.arrives(source, "done/a.csv"));
  REQUIRE(source.is_live());
  CHECK(source.host.messages().size() == 1);
}

TEST_CASE("with ** files that were put away are not read again") {
  const Drop drop;
  fs::create_directory(drop.folder.path("x"));
  drop.folder.write("done/old.csv", "id,v\n9,old\n");
  drop.folder.write("x/a.csv", "id,v\n1,a\n");
  Csv source(drop.folder, "**/*.csv", moving);
  REQUIRE(drop.arrives(source, "done/a.csv"));
  REQUIRE(source.is_live());
  CHECK(source.host.table() == Rows{{{"t", "1"}, json("1", "a")}});
}

TEST_CASE("putting away writes over nothing and takes no version that was not read") {
  const Drop drop;
  const std::string path = drop.folder.path("a.csv");
  drop.folder.write("a.csv", "old");
  const auto read = *csv::look_at(path);
  drop.folder.replace("a.csv", "newer");
  CHECK(csv::move_away(path, drop.folder.path("done"), read).status ==
        csv::PutAway::Status::replaced);
  CHECK(csv::delete_away(path, read).status == csv::PutAway::Status::replaced);
  CHECK(text_of(path) == "newer");
  drop.folder.write("done/a.csv", "taken");
  const auto moved = csv::move_away(path, drop.folder.path("done"), *csv::look_at(path));
  CHECK(moved.status == csv::PutAway::Status::done);
  CHECK(moved.text == drop.folder.path("done/a.csv.1"));
  CHECK(text_of(drop.folder.path("done/a.csv")) == "taken");
  fs::create_symlink("done/a.csv", path);
  CHECK(csv::delete_away(path, *csv::look_at(path)).status == csv::PutAway::Status::failed);
}
