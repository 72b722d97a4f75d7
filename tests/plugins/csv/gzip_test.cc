// Files that are packed with gzip.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "plugins/csv/file_reader.h"
#include "tests/plugins/csv/folder.h"
#include "tests/plugins/csv/packed.h"

using namespace btb::test;
using Status = btb::csv::ReadFile::Status;

namespace {

std::string table(int rows) {
  std::string text = "id,v\n";
  for (int i = 0; i < rows; ++i) text += std::to_string(i) + ",x\n";
  return text;
}

Rows rows_of(const std::string& topic) {
  return {{{topic, "1"}, R"({"id":"1","v":"a"})"}};
}

}  // namespace

TEST_CASE("a packed file is unpacked, member by member, padding left out") {
  const Folder folder;
  const std::string text = table(50'000);
  for (const std::string& bytes :
       {packed(text), packed(text.substr(0, 100)) + packed("") + packed(text.substr(100)),
        packed(text) + std::string(700, '\0')}) {
    folder.write("a.gz", bytes);
    const auto read = btb::csv::read_whole(folder.path("a.gz"), 1 << 20);
    REQUIRE(read.status == Status::ok);
    CHECK(read.bytes.view() == text);
    CHECK(read.signature.size_bytes == bytes.size());
  }
}

TEST_CASE("a packed file that is cut off, damaged or a bomb is told with its place") {
  const Folder folder;
  const std::string bytes = packed(table(50'000));
  const auto read = [&](const std::string& what) {
    folder.write("a.gz", what);
    return btb::csv::read_whole(folder.path("a.gz"), 1 << 20);
  };
  for (const size_t size : {size_t{2}, size_t{9}, size_t{5000}, bytes.size() - 1}) {
    const auto cut = read(bytes.substr(0, size));
    CHECK(cut.status == Status::incomplete);
    CHECK(cut.text.find("ends in its middle, at byte " + std::to_string(size)) !=
          std::string::npos);
  }
  std::string damaged = bytes;
  damaged[damaged.size() - 6] ^= 1;  // the checksum
  CHECK(read(damaged).status == Status::damaged);
  damaged = bytes;
  for (size_t at = 6000; at < 6100; ++at) damaged[at] = '\xFF';
  CHECK(read(damaged).status == Status::damaged);
  CHECK(read(bytes + "behind it").status == Status::damaged);
  const auto bomb = read(packed(std::string(64 << 20, 'x')));
  CHECK(bomb.status == Status::too_large);
  CHECK(bomb.text.find("max_file_bytes") != std::string::npos);
}

TEST_CASE("a packed table is read like any other, under the stem of what is in it") {
  const Folder folder;
  folder.write("stock.csv.gz", packed("id,v\n1,a\n"));
  Csv csv(folder, "*.csv.gz", {{"topic", "t/{stem}"}});
  REQUIRE(csv.has(rows_of("t/stock")));
  folder.replace("stock.csv.gz", packed("id,v\n1,a\n2,b\n").substr(0, 30));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "damaged gzip: it ends in its middle"));
  CHECK(csv.host.table() == rows_of("t/stock"));
  folder.replace("stock.csv.gz", packed("id,v\n1,a\n2,b\n"));
  REQUIRE(csv.host.wait_for([&] { return csv.host.table().size() == 2; }));
  REQUIRE(csv.is_live());
}

TEST_CASE("a log that is packed when it was rotated is not read again") {
  const Folder folder;
  const TestSettings::Values append{{"mode", "append"}, {"key", List{}}};
  folder.write("log.csv", "n\n1\n");
  Csv csv(folder, "log.csv*", append);
  REQUIRE(csv.host.wait_for([&] { return csv.host.message_count() == 1; }));
  folder.write("log.csv.1.gz", packed("n\n1\n"));
  folder.remove("log.csv");
  folder.write("log.csv", "n\n2\n");
  REQUIRE(csv.host.wait_for([&] { return csv.host.message_count() == 2; }));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_LIVE, "; 1 packed with gzip are passed over"));
  CHECK(csv.host.message_count() == 2);
}
