// Mode append, the whole source: a file that grows.
#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "tests/plugins/csv/folder.h"

using namespace btb::test;
using namespace std::chrono_literals;

namespace {

const TestSettings::Values append{{"mode", "append"}, {"key", List{}}};

TestSettings::Values with(const TestSettings::Values& more) {
  TestSettings::Values values = append;
  values.insert(values.end(), more.begin(), more.end());
  return values;
}

std::string json(int n) {
  return R"({"n":")" + std::to_string(n) + "\"}";
}

// The numbers published so far, in order.
std::vector<int> numbers(const FakeHost& host) {
  std::vector<int> all;
  for (const auto& message : host.messages()) all.push_back(std::stoi(message.payload.substr(6)));
  return all;
}

bool published(Csv& csv, const std::vector<int>& wanted) {
  return csv.host.wait_for([&] { return numbers(csv.host) == wanted; });
}

}  // namespace

TEST_CASE("rows are published as they are appended, a half line never") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n2");
  Csv csv(folder, "log.csv", append);
  REQUIRE(published(csv, {1}));
  CHECK(csv.host.messages()[0].payload == json(1));
  folder.append("log.csv", "0");
  CHECK_FALSE(csv.host.wait_for([&] { return csv.host.message_count() > 1; }, 100ms));
  folder.append("log.csv", "\n3\n");
  REQUIRE(published(csv, {1, 20, 3}));
}

TEST_CASE("a writer that writes byte by byte and keeps the file open is followed") {
  const Folder folder;
  std::ofstream file(folder.path("log.csv"));
  Csv csv(folder, "log.csv", with({{"rescan", "1h"}}));
  std::vector<int> wanted;
  for (const char c : std::string("n\r\n1\r\n22\r\n333\r\n")) file << c << std::flush;
  REQUIRE(published(csv, {1, 22, 333}));
}

TEST_CASE("a restart goes on behind the last row that was taken") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n2\n");
  std::string token;
  {
    Csv csv(folder, "log.csv", append);
    REQUIRE(published(csv, {1, 2}));
    token = csv.host.token();
  }
  folder.append("log.csv", "3\n4\n");
  Csv csv(folder, "log.csv", append, token);
  REQUIRE(published(csv, {3, 4}));
  folder.append("log.csv", "bad,row\n5\n");
  REQUIRE(published(csv, {3, 4, 5}));
  REQUIRE(csv.host.letters().size() == 1);
  CHECK(csv.host.letters()[0].line == 6);
  CHECK(csv.host.letters()[0].byte_offset == 10);
}

TEST_CASE("a restart at any batch of a long file repeats and loses nothing that matters") {
  const Folder folder;
  std::string text = "n\n";
  for (int i = 0; i < 60'000; ++i) text += std::to_string(i) + (i % 3 == 0 ? "\r\n" : "\n");
  folder.write("log.csv", text);
  std::vector<int> all;
  std::string token;
  for (int round = 0; round < 40 && all.size() < 60'000; ++round) {
    Csv csv(folder, "log.csv", append, token);
    csv.host.stop_in_publish(3);
    csv.host.wait_for(
        [&] { return csv.host.batches().size() >= 2 || csv.host.state().state == BTB_STATE_LIVE; });
    csv.end();
    REQUIRE(csv.host.failure().empty());
    const auto batches = csv.host.batches();
    for (const auto& batch : batches) {
      if (!batch.token.empty()) token = batch.token;
    }
    // What came behind the last token comes again.
    size_t kept = batches.size();
    while (kept > 0 && batches[kept - 1].token.empty()) --kept;
    for (size_t i = 0; i < kept; ++i) {
      for (const auto& message : batches[i].messages)
        all.push_back(std::stoi(message.payload.substr(6)));
    }
  }
  REQUIRE(all.size() == 60'000);
  for (int i = 0; i < 60'000; ++i) REQUIRE(all[static_cast<size_t>(i)] == i);
}

TEST_CASE("a file that is cut off is read from its beginning") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n2\n3\n");
  Csv csv(folder, "log.csv", append);
  REQUIRE(published(csv, {1, 2, 3}));
  folder.write("log.csv", "n\n4\n");
  REQUIRE(published(csv, {1, 2, 3, 4}));
  folder.append("log.csv", "5\n");
  REQUIRE(published(csv, {1, 2, 3, 4, 5}));
}

TEST_CASE("a file that is written anew and as long as before is read from its beginning") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n2\n");
  std::string token;
  {
    Csv csv(folder, "log.csv", append);
    REQUIRE(published(csv, {1, 2}));
    token = csv.host.token();
  }
  folder.write("log.csv", "n\n7\n8\n9\n");  // the same inode, longer than what was read
  Csv csv(folder, "log.csv", append, token);
  REQUIRE(published(csv, {7, 8, 9}));
}

TEST_CASE(
    "a file whose beginning stays and whose end was written anew is read from its beginning") {
  const Folder folder;
  std::string head = "n\n";
  for (int i = 0; i < 600; ++i) head += "1\n";
  folder.write("log.csv", head + "2\n");
  std::string token;
  {
    Csv csv(folder, "log.csv", append);
    REQUIRE(csv.host.wait_for([&] { return csv.host.message_count() == 601; }));
    token = csv.host.token();
  }
  folder.write("log.csv", head + "3\n4\n");  // the first 1024 bytes are what they were
  Csv csv(folder, "log.csv", append, token);
  REQUIRE(csv.host.wait_for([&] { return csv.host.message_count() == 602; }));
}

TEST_CASE("a file that is renamed away is read to its end before the new one") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n");
  Csv csv(folder, "log.csv", with({{"rescan", "1h"}}));
  REQUIRE(published(csv, {1}));
  csv.host.pause();
  folder.append("log.csv", "2\n");
  std::filesystem::rename(folder.path("log.csv"), folder.path("log.csv.1"));
  folder.write("log.csv", "n\n3\n");
  csv.host.resume();
  REQUIRE(published(csv, {1, 2, 3}));
}

TEST_CASE("a file that keeps matching after it was renamed is not read twice") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n");
  Csv csv(folder, "log*", append);
  REQUIRE(published(csv, {1}));
  std::filesystem::rename(folder.path("log.csv"), folder.path("log.csv.1"));
  folder.write("log.csv", "n\n2\n");
  REQUIRE(published(csv, {1, 2}));
  folder.append("log.csv.1", "3\n");
  REQUIRE(published(csv, {1, 2, 3}));
}

TEST_CASE("a first start at the end leaves out what was there") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n2\n3");
  Csv csv(folder, "log.csv", with({{"read_from", "end"}}));
  REQUIRE(csv.is_live());
  folder.append("log.csv", "0\n4\n");
  REQUIRE(published(csv, {30, 4}));
}

TEST_CASE("rows larger than a block are put together") {
  const Folder folder;
  const std::string large(700'000, '7');
  folder.write("log.csv", "n\n1\n" + large + "\n2\n");
  Csv csv(folder, "log.csv", append);
  REQUIRE(csv.host.wait_for([&] { return csv.host.message_count() == 3; }));
  CHECK(csv.host.messages()[1].payload.size() == large.size() + 8);
}

TEST_CASE("an endless line is one bad row and memory stays") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n" + std::string(3 << 20, 'x') + "\n2\n");
  Csv csv(folder, "log.csv", with({{"max_row_bytes", "64KiB"}}));
  REQUIRE(published(csv, {1, 2}));
  REQUIRE(csv.host.letters().size() == 1);
  CHECK(csv.host.letters()[0].reason == "longer than max_row_bytes");
}

TEST_CASE("with on_error stop it goes no further than the bad row") {
  const Folder folder;
  folder.write("log.csv", "n\n1\nx,y\n2\n");
  Csv csv(folder, "log.csv", with({{"on_error", "stop"}}));
  REQUIRE(csv.host.wait_for_state(BTB_STATE_DEGRADED, "line 3"));
  folder.append("log.csv", "3\n");
  CHECK(numbers(csv.host) == std::vector<int>{1});
  folder.replace("log.csv", "n\n1\n2\n");
  REQUIRE(published(csv, {1, 1, 2}));
}

TEST_CASE("a growing UTF-16 file is followed character by character") {
  const Folder folder;
  std::string bytes = "\xFF\xFE";
  for (const char c : std::string("n\n1\n22\n")) bytes += {c, '\0'};
  Csv csv(folder, "log.csv", append);
  for (const char c : bytes) folder.append("log.csv", std::string_view(&c, 1));
  REQUIRE(published(csv, {1, 22}));
}
