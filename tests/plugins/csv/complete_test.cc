// Mode snapshot, the whole source: when it says that all there is was published, upon which the
// broker deletes what an earlier run left behind. What is said too early costs rows.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "tests/plugins/csv/folder.h"

using namespace btb::test;

namespace {

// Nothing is waited for, so that the source has decided by the time it is live.
const TestSettings::Values at_once{{"settle", "0"}, {"rescan", "50ms"}};

TestSettings::Values with(TestSettings::Values values) {
  values.insert(values.begin(), at_once.begin(), at_once.end());
  return values;
}

}  // namespace

TEST_CASE("when every file was read it says once that this is all there is") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("b.csv", "id,v\n2,b\n");
  Csv csv(folder, "*.csv");
  REQUIRE(csv.is_complete());
  const auto batches = csv.host.batches();
  REQUIRE(batches.size() == 3);
  CHECK(batches[2].complete);  // behind the last row
  CHECK(batches[2].messages.empty());
  CHECK_FALSE(batches[2].more);
  folder.replace("a.csv", "id,v\n1,A\n");
  REQUIRE(csv.host.wait_for([&] { return csv.changes().size() == 3; }));
  folder.write("c.csv", "id,v\n3,c\n");
  REQUIRE(csv.host.wait_for([&] { return csv.changes().size() == 4; }));
  CHECK(csv.completions() == 1);
}

TEST_CASE("as long as there is no file nothing is complete") {
  const Folder folder;
  for (const char* pattern : {"a.csv", "*.csv"}) {
    CAPTURE(pattern);
    Csv csv(folder, pattern, at_once);
    REQUIRE(csv.host.wait_for([&] {
      return csv.host.state().state == BTB_STATE_LIVE ||
             csv.host.state().text.find("no file") != std::string::npos;
    }));
    CHECK(csv.host.batches().empty());
    folder.write("a.csv", "id,v\n1,a\n");
    CHECK(csv.is_complete());
    folder.remove("a.csv");
  }
}

TEST_CASE("rows that were not published make nothing complete until they are") {
  const Folder folder;
  const std::string good = "id,v\n1,a\n2,b\n3,c\n";
  folder.write("0.csv", "id,v\n9,z\n");
  for (const char* bad : {"id,v\n1,a\n2,b,x\n3,c\n", "id,v\n1,a\n2,b\n2,c\n", "id,v\n9,a\n2,b\n"}) {
    for (const char* on_error : {"dead_letter", "skip"}) {
      CAPTURE(bad);
      folder.replace("a.csv", bad);
      Csv csv(folder, "*.csv", with({{"on_error", on_error}}));
      REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "1 of "));
      folder.replace("a.csv", bad);  // the same once more is no better
      folder.write("other.csv", "id,v\n7,y\n");
      REQUIRE(csv.host.wait_for([&] { return csv.host.table().contains({"t", "7"}); }));
      REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "of 3 files"));
      CHECK(csv.host.state().text.find("1 of ") != std::string::npos);
      CHECK(csv.completions() == 0);
      folder.replace("a.csv", good);
      CHECK(csv.is_complete());
      folder.remove("other.csv");
    }
  }
}

TEST_CASE("files that are refused or cannot be read make nothing complete until they can") {
  const Folder folder;
  folder.write("good.csv", "id,v\n9,z\n");
  for (const char* bad : {"no,such\n1,2\n", "PK\x03\x04 and so on"}) {
    folder.replace("a.csv", bad);
    Csv csv(folder, "*.csv", at_once);
    REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED));
    CHECK(csv.completions() == 0);
    folder.replace("a.csv", "id,v\n1,a\n");
    CHECK(csv.is_complete());
  }
}

TEST_CASE("a file of which the newest version was not read makes nothing complete") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("b.csv", "id,v\n2\n");
  Csv csv(folder, "*.csv", with({{"max_file_bytes", "100"}, {"max_error_ratio", "1"}}));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "1 of 1 rows"));
  folder.replace("a.csv", "id,v\n1," + std::string(100, 'x') + "\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "max_file_bytes"));
  folder.replace("b.csv", "id,v\n2,b\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().contains({"t", "2"}); }));
  folder.write("c.csv", "id,v\n3,c\n");  // when that one is there, b.csv was dealt with
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().contains({"t", "3"}); }));
  CHECK(csv.completions() == 0);
  folder.replace("a.csv", "id,v\n1,a\n");
  CHECK(csv.is_complete());
}

TEST_CASE("what happens during the settle time does not put off the second look") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("a.csv.done", "");
  Csv csv(folder, "*.csv", {{"done_marker", "{file}.done"}, {"settle", "400ms"}, {"rescan", "1h"}});
  REQUIRE(csv.is_live());
  folder.write("noise", "");
  CHECK(csv.is_complete());
}

TEST_CASE("a message that the broker does not take makes nothing complete, and the state says so") {
  const Folder folder;
  Csv csv(folder, "a.csv", at_once);
  csv.host.refuse([](const FakeHost::Message& message) {
    return message.payload.find("poison") != std::string::npos ? "payload too large" : nullptr;
  });
  folder.replace("a.csv", "id,v\n1,poison\n2,b\n");
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE, "1 row was not taken by the broker"));
  CHECK(csv.completions() == 0);
  folder.replace("a.csv", "id,v\n1,a\n2,b\n");
  CHECK(csv.is_complete());
}

TEST_CASE("a name that leads nowhere makes nothing complete") {
  const Folder folder;
  folder.write("good.csv", "id,v\n9,z\n");
  std::filesystem::create_symlink("not-mounted/a.csv", folder.path("a.csv"));
  std::filesystem::create_directory(folder.path("directory.csv"));  // that one is no file
  Csv csv(folder, "*.csv", at_once);
  REQUIRE(csv.is_live());
  CHECK(csv.completions() == 0);
  std::filesystem::create_directory(folder.path("not-mounted"));
  folder.write("not-mounted/a.csv", "id,v\n1,a\n");
  CHECK(csv.is_complete());
}

TEST_CASE("a file that waits for its marker makes nothing complete") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("a.csv.done", "");
  folder.write("b.csv", "id,v\n2,b\n");
  Csv csv(folder, "*.csv", with({{"done_marker", "{file}.done"}}));
  REQUIRE(csv.is_live());
  CHECK(csv.completions() == 0);
  folder.write("b.csv.done", "");
  CHECK(csv.is_complete());
}

TEST_CASE("an empty file is complete only where empty files are believed") {
  const Folder folder;
  folder.write("a.csv", "id,v\n");
  folder.write("b.csv", "id,v\n2,b\n");
  {
    Csv csv(folder, "*.csv", at_once);
    REQUIRE(csv.is_live());
    CHECK(csv.completions() == 0);
  }
  Csv csv(folder, "*.csv", with({{"allow_empty", "true"}}));
  CHECK(csv.is_complete());
}

TEST_CASE("where rows of files that are gone are kept a list of files is never complete") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  {
    Csv csv(folder, "*.csv", with({{"removed_file", "keep"}}));
    REQUIRE(csv.is_live());
    CHECK(csv.completions() == 0);
  }
  Csv csv(folder, "a.csv", with({{"removed_file", "keep"}}));
  CHECK(csv.is_complete());
}

TEST_CASE("logs and lists of changes are never complete") {
  const Folder folder;
  folder.write("a.csv", "op,id,v\nput,1,a\n");
  Csv append(folder, "*.csv", with({{"mode", "append"}}));
  REQUIRE(append.is_live());
  CHECK(append.completions() == 0);
  Csv delta(folder, "*.csv", with({{"mode", "delta"}, {"op_column", "op"}}));
  REQUIRE(delta.is_live());
  CHECK(delta.completions() == 0);
}

TEST_CASE("a file that is just being replaced has the settle time to come back") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("a.csv.done", "");
  {
    Csv csv(folder, "*.csv", {{"done_marker", "{file}.done"}, {"settle", "1h"}});
    REQUIRE(csv.is_live());
    CHECK(csv.completions() == 0);
  }
  Csv csv(folder, "*.csv", {{"done_marker", "{file}.done"}, {"settle", "100ms"}, {"rescan", "1h"}});
  CHECK(csv.is_complete());
}

TEST_CASE("a row that cannot be read makes it unsure, once, and a confirmation makes it complete") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n2,b\n,total\n");
  folder.write("b.csv", "id,v\n3,c\n");
  Csv csv(folder, "*.csv", at_once);
  REQUIRE(csv.is_unsure());
  CHECK(csv.completions() == 0);
  folder.append("b.csv", "4,d\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 4; }));
  folder.write("b.csv.confirm", "");  // of a file that needs none
  folder.append("b.csv", "5,e\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 5; }));
  CHECK(csv.completions() == 0);
  folder.write("a.csv.confirm", "");
  CHECK(csv.is_complete());
  const auto batches = csv.host.batches();
  CHECK(std::count_if(batches.begin(), batches.end(),
                      [](const auto& batch) { return batch.unsure; }) == 1);
}

TEST_CASE("a file that is refused makes it not even unsure") {
  const Folder folder;
  folder.write("a.csv", "id,v\n1,a\n");
  folder.write("b.csv", "no,such\n3,c\n");
  Csv csv(folder, "*.csv", at_once);
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED));
  folder.append("a.csv", "2,b\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 2; }));
  for (const auto& batch : csv.host.batches()) CHECK_FALSE(batch.unsure);
}
