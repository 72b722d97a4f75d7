// Where the data begins and ends: preambles, headers that come again, units, totals, and names with
// characters that nobody sees. And bytes that are in another encoding.
#include <doctest/doctest.h>

#include <string>

#include "plugins/csv/column_names.h"
#include "tests/plugins/csv/folder.h"

using namespace btb::test;

namespace {

std::string json(const std::string& id, const std::string& v) {
  return R"({"id":")" + id + R"(","v":")" + v + "\"}";
}

Rows rows(std::initializer_list<std::pair<const char*, const char*>> list) {
  Rows made;
  for (const auto& [id, v] : list) made[{"t", id}] = json(id, v);
  return made;
}

// What a file of this content becomes.
struct Read {
  Read(std::string_view text, const TestSettings::Values& more = {})
      : csv(with(folder, text), "a.csv", more) {}
  Folder folder;
  Csv csv;

 private:
  static const Folder& with(const Folder& folder, std::string_view text) {
    folder.replace("a.csv", text);
    return folder;
  }
};

}  // namespace

TEST_CASE("a header is found behind a preamble, whatever is in that") {
  for (const char* preamble : {"", "Report of today\n", "\"half a quote\nid\n\n;;\n",
                               "id,ward\nid\nv\n", "\r\n\r\nx,y,z\r\n"}) {
    CAPTURE(preamble);
    Read read(std::string(preamble) + "v,id\na,1\nb,2\n",
              {{"find_header", "true"}, {"select", List{"id", "v"}}});
    CHECK(read.csv.has(rows({{"1", "a"}, {"2", "b"}})));
  }
}

TEST_CASE("with delimiter auto a header is found with the delimiter that it has") {
  Read read("Report, of today\nmade; by a program\n\nid;v\n1;a\n",
            {{"find_header", "true"}, {"delimiter", "auto"}, {"select", List{"id", "v"}}});
  CHECK(read.csv.has(rows({{"1", "a"}})));
}

TEST_CASE("delimiter auto does not look at lines that are passed over") {
  Read read("a report, of, many, words\nid;v\n1;a\n2;b\n",
            {{"skip_rows", "1"}, {"delimiter", "auto"}});
  CHECK(read.csv.has(rows({{"1", "a"}, {"2", "b"}})));
}

TEST_CASE("a file without the header that is looked for is refused, with the names") {
  Read read("one\ntwo\nid,w\n1,a\n", {{"find_header", "true"}, {"types", List{"v", "text"}}});
  REQUIRE(read.csv.host.wait_for_state(BTB_STATE_DEGRADED, "is a header with all columns"));
  CHECK(read.csv.host.state().text.find("id, v") != std::string::npos);
}

TEST_CASE("a log whose preamble is still being written is waited for") {
  const Folder folder;
  folder.write("a.log", "program 1.0\n");
  Csv csv(folder, "a.log", {{"mode", "append"}, {"find_header", "true"}});
  folder.append("a.log", "started\nid,v\n1,a\n");
  REQUIRE(csv.has(rows({{"1", "a"}})));
}

TEST_CASE("a header that comes again is no row, also behind a byte order mark") {
  Read read("id,v\n1,a\n\xEF\xBB\xBFid,v\n2,b\n \"id\" , v \nid,V\n",
            {{"trim", "true"}, {"skipinitialspace", "true"}});
  REQUIRE(read.csv.has(rows({{"1", "a"}, {"2", "b"}, {"id", "V"}})));
  CHECK(read.csv.host.wait_for_state(BTB_STATE_LIVE, "3 rows of 1 file, 2 passed over"));
}

TEST_CASE("a header that comes again in a log is no row") {
  const Folder folder;
  folder.write("a.log", "id,v\n1,a\nid,v\n2,b\n");
  Csv csv(folder, "a.log", {{"mode", "append"}});
  REQUIRE(csv.has(rows({{"1", "a"}, {"2", "b"}})));
  CHECK(csv.host.letters().empty());
}

TEST_CASE("a value of the only column may be called like it") {
  Read read("id\n1\nid\n");
  REQUIRE(read.csv.host.wait_for([&] { return read.csv.host.table().size() == 2; }));
}

TEST_CASE("a row of units is passed over, and once more where it comes again") {
  Read read("id,v\n-,kg\n1,a\nid,v\n-,kg\n2,b\n", {{"skip_after_header", "1"}});
  REQUIRE(read.csv.has(rows({{"1", "a"}, {"2", "b"}})));
  CHECK(read.csv.host.letters().empty());
}

TEST_CASE("rows at the end are left out by their number") {
  Read read("id,v\n1,a\n2,b\nTotal,2\n\"made by\n\n,\n", {{"skip_footer", "2"}});
  REQUIRE(read.csv.has(rows({{"1", "a"}, {"2", "b"}})));
  CHECK(read.csv.host.letters().empty());
}

TEST_CASE("a footer that is longer than the file leaves nothing, and the guard sees that") {
  Read read("id,v\n1,a\n2,b\nx,y\nx,y\n", {{"skip_footer", "2"}});
  REQUIRE(read.csv.has(rows({{"1", "a"}, {"2", "b"}})));
  read.folder.replace("a.csv", "id,v\nx,y\n");
  REQUIRE(read.csv.host.wait_for_state(BTB_STATE_GUARD));
  CHECK(read.csv.host.table() == rows({{"1", "a"}, {"2", "b"}}));
}

TEST_CASE("rows are left out by what stands in a column") {
  Read read("id,v\n1,a\nSUM of ward,1\n2,b\n,3\n", {{"skip_where", List{"id", "sum*", "id", ""}}});
  REQUIRE(read.csv.has(rows({{"1", "a"}, {"2", "b"}})));
  CHECK(read.csv.host.wait_for_state(BTB_STATE_LIVE, "2 rows of 1 file, 2 passed over"));
  CHECK(read.csv.host.letters().empty());
}

TEST_CASE("rows are left out in capital and small letters of any alphabet") {
  Read read("id,v\n1,a\nÜBERTRAG,1\n2,b\nübertrag,3\n", {{"skip_where", List{"id", "Übertrag*"}}});
  REQUIRE(read.csv.has(rows({{"1", "a"}, {"2", "b"}})));
}

TEST_CASE("a row with an empty key is bad, or no data where that is said") {
  const char* text = "id,v\n1,a\n2,b\n,total\n";
  Read bad(text);
  REQUIRE(bad.csv.host.wait_for_state(
      BTB_STATE_DEGRADED, "1 of 3 rows cannot be read, the first: line 4: an empty key"));
  Read skipped(text, {{"empty_key", "skip"}});
  REQUIRE(skipped.csv.has(rows({{"1", "a"}, {"2", "b"}})));
  CHECK(skipped.csv.is_complete());  // nothing of an earlier run is kept for its sake
}

TEST_CASE("characters that nobody sees are taken out of names, and said") {
  Read read("\xE2\x80\x8Bid\xC2\xA0,\xEF\xBB\xBFv\xC2\xAD\n1,a\n", {{"select", List{"id", "v"}}});
  REQUIRE(read.csv.has(rows({{"1", "a"}})));
  const auto said = read.csv.host.logs();
  REQUIRE(said.size() >= 2);
  CHECK(said[0].find(
            "the name of column 1, \"id\", has characters that nobody sees (U+200B, U+00A0)") !=
        std::string::npos);
  CHECK(said[1].find("U+FEFF, U+00AD") != std::string::npos);
}

TEST_CASE("names are cleaned as people see them") {
  using btb::csv::clean_name;
  CHECK(clean_name(" a  b\t") == "a  b");
  CHECK(clean_name("unit\xC2\xA0price") == "unit price");
  CHECK(clean_name("\xE2\x80\x8F"
                   "a\xE2\x80\x8E\xE2\x80\xAC") == "a");
  CHECK(clean_name("\xE2\x80\x8D"
                   "a\xE2\x80\x8D"
                   "b\xE2\x80\x8D") ==
        "a\xE2\x80\x8D"
        "b");  // U+200D inside
  CHECK(clean_name("\xC2\xA0\xE2\x80\x8B") == "");
  CHECK(clean_name("Gr\xC3\xB6\xC3\x9F"
                   "e") ==
        "Gr\xC3\xB6\xC3\x9F"
        "e");
}

TEST_CASE("an option may name a column with a character that nobody sees") {
  Read read("id,v\n1,a\n", {{"key", List{"id\xE2\x80\x8B"}}});
  CHECK(read.csv.has(rows({{"1", "a"}})));
}

TEST_CASE("a column that is missing is answered with the nearest one") {
  Read read("Id,v\n1,a\n");
  CHECK(read.csv.host.wait_for_state(BTB_STATE_DEGRADED, "did you mean \"Id\"?"));
  CHECK(btb::csv::nearest_name("pirce", {"amount", "price"}) == "; did you mean \"price\"?");
  CHECK(btb::csv::nearest_name("bed", {"amount", "price"}).empty());
}

TEST_CASE("an encoding that fails is named, with the byte and another encoding") {
  Read read("id,v\n1,a\n2,5 \x96 6\n3,c\n");
  REQUIRE(read.csv.host.wait_for_state(BTB_STATE_DEGRADED,
                                       "1 of 3 rows cannot be read, the first: line 3: not valid "
                                       "UTF-8: byte 0x96, character 5; try encoding: "
                                       "windows-1252"));
  Read dos("id,v\n1,M\x81ller\n2,b\n");
  CHECK(dos.csv.host.wait_for_state(BTB_STATE_DEGRADED, "try encoding: cp850"));
  Read header(
      "id,Gr\xF6\xDF"
      "e\n1,a\n");
  CHECK(header.csv.host.wait_for_state(BTB_STATE_DEGRADED,
                                       "the name of column 2 is not valid UTF-8: byte 0xF6, "
                                       "character 3; try encoding: windows-1252"));
}

TEST_CASE("numbers and dates that do not fit are told with their line, and the others are read") {
  Read read("id,v\n1,7\n2,x\n3,8\n", {{"types", List{"v", "integer"}}});
  REQUIRE(read.csv.host.wait_for_state(
      BTB_STATE_DEGRADED, "1 of 3 rows cannot be read, the first: line 3: not an integer"));
  const auto letters = read.csv.host.letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].line == 3);
  CHECK(letters[0].column == 2);
  CHECK(read.csv.host.table().size() == 2);
}
