// Which file is which: an inode number alone does not tell, it is given away again.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "plugins/csv/append_mark.h"
#include "tests/plugins/csv/append_mode.h"

using namespace btb::test;
namespace csv = btb::csv;
namespace fs = std::filesystem;
using csv::Signature;

namespace {

Signature made(int64_t born_ns, uint64_t size) {
  Signature signature;
  signature.inode = 7;
  signature.size_bytes = size;
  signature.born_ns = born_ns;
  return signature;
}

}  // namespace

TEST_CASE("a file that got the inode of another is another one where births are known") {
  CHECK(made(1, 10).is_same_file(made(1, 20)));
  CHECK(made(1, 10).is_surely_same_file(made(1, 20)));
  CHECK_FALSE(made(1, 10).is_same_file(made(2, 10)));
  CHECK_FALSE(made(1, 10).is_same_content(made(2, 10)));
  CHECK_FALSE(made(1, 10).is_surely_same_file(made(2, 10)));
}

TEST_CASE("where a birth is not known only the same content is the same file for certain") {
  CHECK(made(0, 10).is_same_file(made(2, 20)));
  CHECK(made(0, 10).is_surely_same_file(made(2, 10)));
  CHECK_FALSE(made(0, 10).is_surely_same_file(made(2, 20)));
  CHECK_FALSE(made(0, 10).is_surely_same_file(made(0, 20)));
}

TEST_CASE("a file is told by its name as by a descriptor, with the numbers of stat") {
  const Folder folder;
  folder.write("a.csv", "n\n1\n");
  const csv::Descriptor fd(csv::open_file(folder.path("a.csv")));
  const auto named = csv::look_at(folder.path("a.csv"));
  REQUIRE(named);
  CHECK(csv::look_at(fd.get()) == named);
  struct stat info {};
  REQUIRE(stat(folder.path("a.csv").c_str(), &info) == 0);
  CHECK(named->device == info.st_dev);  // tokens of earlier runs have it
  CHECK(named->inode == info.st_ino);
  CHECK(named->size_bytes == 4);
  folder.append("a.csv", "2\n");
  fs::rename(folder.path("a.csv"), folder.path("b.csv"));
  const auto later = csv::look_at(folder.path("b.csv"));
  REQUIRE(later);
  CHECK(later->born_ns == named->born_ns);
  CHECK(later->is_same_file(*named));
  CHECK_FALSE(csv::look_at(folder.directory()));
  CHECK_FALSE(csv::look_at(folder.path("no.csv")));
}

namespace {

// What an earlier run left that read a.csv, as if that had had the inode of b.csv.
std::string token_for_inode_of_b(const Folder& folder, const std::string& name, bool birth_known) {
  Mode mode;
  folder.write(name, "time,temp\n08:00,21\n");
  mode.take(folder, name);
  csv::AppendToken token = csv::read_token(mode.host.token());
  REQUIRE(token.marks.size() == 1);
  folder.write("b.csv", "ort,druck\nx,1013\n");
  const auto info = csv::look_at(folder.path("b.csv"));
  REQUIRE(info);
  token.marks[0].inode = info->inode;
  token.marks[0].born_ns = birth_known ? static_cast<uint64_t>(info->born_ns) - 1 : 0;
  return csv::write_token(token);
}

}  // namespace

TEST_CASE("a new log that got the inode of a deleted one has its own columns") {
  for (const bool birth_known : {true, false}) {
    CAPTURE(birth_known);
    const Folder folder;
    const std::string token = token_for_inode_of_b(folder, "a.csv", birth_known);
    Mode mode({}, token);
    mode.take(folder, "b.csv");
    CHECK(rows(mode.host) == List{R"({"ort":"x","druck":"1013"})"});
  }
}

TEST_CASE("where births are not known a log of the same name keeps its columns") {
  const Folder folder;
  csv::AppendToken token;
  folder.write("log.csv", "n,m\n1,a\n");
  {
    Mode mode;
    mode.take(folder, "log.csv");
    token = csv::read_token(mode.host.token());
  }
  REQUIRE(token.marks.size() == 1);
  token.marks[0].born_ns = 0;
  folder.write("log.csv", "2,b\n");
  Mode mode({}, csv::write_token(token));
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == List{R"({"n":"2","m":"b"})"});
}

TEST_CASE("a token of a version without births and names is read") {
  const Folder folder;
  folder.write("log.csv", "n\n1\n");
  std::string text;
  {
    Mode mode;
    mode.take(folder, "log.csv");
    text = mode.host.token();
  }
  for (int numbers = 0; numbers < 2; ++numbers) text.resize(text.rfind('.'));  // as it was
  REQUIRE(text.starts_with("a2 "));
  CHECK(csv::read_token(text).marks.size() == 1);
  CHECK(csv::read_token(text).marks[0].born_ns == 0);
  folder.append("log.csv", "2\n");
  Mode mode({}, text);
  mode.take(folder, "log.csv");
  CHECK(rows(mode.host) == n({"2"}));
}
