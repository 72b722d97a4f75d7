#include "plugins/csv/charset.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace btb::csv;
using namespace std::string_literals;

namespace {

std::string utf16le(std::string_view ascii) {
  std::string out;
  for (const char c : ascii) out += {c, '\0'};
  return out;
}

}  // namespace

TEST_CASE("a byte order mark tells the encoding and is no part of the text") {
  const Encoding automatic("auto");
  CHECK(automatic.find("\xEF\xBB\xBFid").name == "utf-8");
  CHECK(automatic.find("\xEF\xBB\xBFid").mark_bytes == 3);
  CHECK(automatic.find("\xFF\xFEi\0"s).name == "utf-16le");
  CHECK(automatic.find("\xFE\xFF\0i"s).name == "utf-16be");
  CHECK(automatic.find("id,x").mark_bytes == 0);
  const auto overruled = Encoding("windows-1252").find("\xEF\xBB\xBFid");
  CHECK(overruled.name == "utf-8");
  CHECK(overruled.mark_bytes == 3);
  CHECK(overruled.overruled);
  CHECK(Encoding("windows-1252").find("\xFF\xFEid").mark_bytes == 0);
  CHECK_FALSE(automatic.find("\xEF\xBB\xBFid").overruled);
  CHECK(Encoding("utf-16").find("i\0d\0"s).name == "utf-16le");
}

TEST_CASE("an encoding nobody knows is refused with a word on what there is") {
  CHECK_THROWS_AS(Encoding("windows-9999"), std::invalid_argument);
  CHECK_THROWS_AS(Encoding("utf-8//IGNORE"), std::invalid_argument);
}

TEST_CASE("windows-1252 becomes UTF-8 and places are found again") {
  const Encoding::Found found{"windows-1252", 0, 1};
  const std::string bytes = "k\xF6ln,5 \x80\nb\n";
  const Text text(bytes, found, true);
  CHECK(text.utf8() == "k\xC3\xB6ln,5 \xE2\x82\xAC\nb\n");
  CHECK(text.byte_offset(text.utf8().find('b')) == bytes.find('b'));
  CHECK(text.bytes_of(0, 5) == "k\xF6ln");
}

TEST_CASE("places in a long UTF-16 text are found again") {
  std::string ascii;
  for (int i = 0; i < 20'000; ++i) ascii += static_cast<char>('a' + i % 26);
  const std::string bytes = utf16le(ascii);
  const Text text(bytes, {"utf-16le", 2, 2}, true);
  REQUIRE(text.utf8() == ascii);
  for (const size_t at : {0, 1, 2047, 2048, 2049, 19'999, 20'000})
    CHECK(text.byte_offset(at) == at * 2);
}

TEST_CASE("what means nothing in its encoding spoils its place and no other") {
  std::string bytes =
      utf16le("a,b\n") + "\x00\xD8"s + utf16le("x\nc,d\n");  // half a surrogate pair
  const Text text(bytes, {"utf-16le", 0, 2}, true);
  CHECK(text.utf8() == "a,b\n\xFFx\nc,d\n");
  CHECK(text.byte_offset(text.utf8().find('c')) == 14);
}

TEST_CASE("half a character at the end waits for its other half unless nothing more comes") {
  const std::string bytes = utf16le("ab") + "c";
  CHECK(Text(bytes, {"utf-16le", 0, 2}, false).utf8() == "ab");
  CHECK(Text(bytes, {"utf-16le", 0, 2}, true).utf8() == "ab\xFF");
}

TEST_CASE("files that are no tables are called by their names") {
  const Encoding::Found utf8{"utf-8", 0, 1};
  CHECK(not_a_table("id,name\n1,x\n", utf8) == nullptr);
  CHECK(not_a_table("", utf8) == nullptr);
  CHECK(std::string(not_a_table("\x1F\x8B\x08", utf8)).find("gzip") != std::string::npos);
  CHECK(std::string(not_a_table("PK\x03\x04", utf8)).find("Excel") != std::string::npos);
  CHECK(std::string(not_a_table(utf16le("id,name"), utf8)).find("UTF-16") != std::string::npos);
  CHECK(not_a_table(std::string(100, '\x02'), utf8) != nullptr);
  CHECK(not_a_table("id,name\n1,a\0b\n2,cccccccccccc\n"s, utf8) ==
        nullptr);  // one NUL spoils one row
}
