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
