#include "plugins/csv/row_layout.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace btb::csv;

namespace {

using Names = std::vector<std::string>;

// A row made from CSV text, read by a layout.
struct Read {
  Config config;
  Names names{"id", "ward", "name"};
  std::string file = "beds.csv";

  RowLayout layout() const {
    std::vector<std::string> remarks;
    return {config, names, file, remarks};
  }
  // The payload, or "!" and the reason, or "!COLUMN reason".
  std::string payload(const std::string& line) const {
    Parser parser(config.dialect);
    parser.feed(line, true);
    REQUIRE(parser.next() == Parser::Step::row);
    const RowLayout made = layout();
    std::string out;
    RowFault fault = made.check(parser.fields(), parser.raw());
    if (!fault) fault = made.payload(parser.fields(), out);
    return fault ? "!" + std::to_string(fault.column) + " " + fault.reason : out;
  }
  std::string key(const std::string& line) const {
    Parser parser(config.dialect);
    parser.feed(line, true);
    REQUIRE(parser.next() == Parser::Step::row);
    std::string scratch;
    std::string_view key;
    const RowFault fault = layout().key(parser.fields(), scratch, key);
    return fault ? "!" + std::string(fault.reason) : std::string(key);
  }
  std::string topic(const std::string& line) const {
    Parser parser(config.dialect);
    parser.feed(line, true);
    REQUIRE(parser.next() == Parser::Step::row);
    std::string out;
    const RowFault fault = layout().topic(parser.fields(), out);
    return fault ? "!" + std::string(fault.reason) : out;
  }
};

}  // namespace

TEST_CASE("a row becomes a JSON object with the columns in their order") {
  Read read;
  read.config.types["id"] = *parse_column_type("integer");
  CHECK(read.payload("007,\"7 \"\"A\"\"\",M\xC3\xBCller\n") ==
        R"({"id":7,"ward":"7 \"A\"","name":"Müller"})");
}

TEST_CASE("an empty field is null, a quoted empty one is an empty text") {
  Read read;
  CHECK(read.payload("1,,\"\"\n") == R"({"id":"1","ward":null,"name":""})");
  read.config.null_values = {"NULL"};
  CHECK(read.payload("1,,NULL\n") == R"({"id":"1","ward":"","name":null})");
  CHECK(read.payload("1,\"NULL\",x\n") == R"({"id":"1","ward":"NULL","name":"x"})");
}

TEST_CASE("a null is told as it stands in the file, before escapes are taken out") {
  Read read;
  read.config.dialect.escape = '\\';
  read.config.null_values = {"\\N"};
  const char* expected = R"({"id":"1","ward":null,"name":"N"})";
  CHECK(read.payload("1,\\N,N\n") == expected);
  read.config.dialect.escapes = Escapes::letters;
  CHECK(read.payload("1,\\N,N\n") == expected);
  read.config.null_values = {""};
  CHECK(read.payload("1,\\N,N\n") == expected);
  CHECK(read.payload("1,\"\\N\",\n") == R"({"id":"1","ward":"N","name":null})");
  read.config.key = {"id"};
  CHECK(read.key("\\N,x,\n") == "\\N");  // no other row is called so
  read.config.types["ward"] = *parse_column_type("integer");
  CHECK(read.payload("1,\\N,N\n") == expected);
  read.config.trim = true;
  CHECK(read.payload("1, \\N ,N\n") == expected);
}

TEST_CASE("where everything is quoted an empty field that is no text is null") {
  Read read;
  read.config.types["ward"] = *parse_column_type("integer");
  CHECK(read.payload("\"1\",\"\",\"\"\n") == R"({"id":"1","ward":null,"name":""})");
  read.config.null_values = {"NULL"};
  CHECK(read.payload("1,\"NULL\",\"NULL\"\n") == R"({"id":"1","ward":null,"name":"NULL"})");
  CHECK(read.payload("1,\"\",x\n") == "!2 not an integer");
}

TEST_CASE("columns can be selected, left out and renamed") {
  Read read;
  read.config.select = {"name", "id"};
  read.config.rename["name"] = "patient \"x\"";
  CHECK(read.payload("1,2,3\n") == R"({"patient \"x\"":"3","id":"1"})");
  Read other;
  other.config.omit = {"ward"};
  CHECK(other.payload("1,2,3\n") == R"({"id":"1","name":"3"})");
}

TEST_CASE("two columns never go into the payload under one name") {
  Read read;
  read.config.rename["ward"] = "name";
  CHECK_THROWS_WITH_AS(read.layout(),
                       doctest::Contains("\"ward\" and \"name\" would both be called \"name\""),
                       FileRefused);
  read.config.omit = {"name"};
  CHECK(read.payload("1,2,3\n") == R"({"id":"1","name":"2"})");
}

TEST_CASE("ragged rows are bad, filled up, or also cut off") {
  Read read;
  CHECK(read.payload("1,2\n") == "!2 fewer fields than columns");
  CHECK(read.payload("1,2,3,4\n") == "!4 more fields than columns");
  read.config.ragged = Ragged::pad;
  CHECK(read.payload("1,2\n") == R"({"id":"1","ward":"2","name":null})");
  CHECK(read.payload("1,2,3,4\n").starts_with("!"));
  read.config.ragged = Ragged::truncate;
  CHECK(read.payload("1,2,3,4\n") == R"({"id":"1","ward":"2","name":"3"})");
}

TEST_CASE("a fault names its column") {
  Read read;
  read.config.types["ward"] = *parse_column_type("integer");
  CHECK(read.payload("1,x,y\n") == "!2 not an integer");
  CHECK(read.payload(std::string("1,2,a\0b\n", 8)) == "!3 a NUL byte");
  CHECK(read.payload("\xFF,2,3\n") ==
        "!1 not valid UTF-8: byte 0xFF, character 1; try encoding: windows-1252");
}

TEST_CASE("keys of several columns never meet") {
  Read read;
  read.config.key = {"id"};
  CHECK(read.key("a|b,,\n") == "a|b");
  CHECK(read.key(",x,\n") == "!an empty key");
  CHECK(read.key(std::string(1025, 'k') + ",x,\n") == "!a key longer than 1024 bytes");
  read.config.key = {"id", "ward"};
  CHECK(read.key("a,b,\n") == "a|b");
  CHECK(read.key("a|b,c,\n") == "a\\|b|c");
  CHECK(read.key("a,b|c,\n") == "a|b\\|c");
  CHECK(read.key("a\\,b,\n") == "a\\\\|b");
  CHECK(read.key(",b,\n") == "|b");
  CHECK(read.key(",,x\n") == "!an empty key");
}

TEST_CASE("a topic takes levels from columns and from the name of the file") {
  Read read;
  read.config.topic = NameTemplate("{stem}/{ward}/x");
  CHECK(read.topic("1,7A/2,n\n") == "beds/7A%2F2/x");
  CHECK(read.topic("1,,n\n") == "beds/%00/x");
  CHECK(read.topic("1," + std::string(300, 'w') + ",n\n") == "!its topic is longer than 255 bytes");
  read.file = "2026/$x+/beds.csv";
  CHECK(read.topic("1,7A,n\n") == "2026/%24x%2B/beds/7A/x");
}

TEST_CASE("spaces are trimmed where asked, outside of quotes") {
  Read read;
  read.config.trim = true;
  read.config.key = {"id"};
  CHECK(read.key(" 1 ,x,y\n") == "1");
  CHECK(read.payload(" 1 ,\" x \",\t\n") == R"({"id":"1","ward":" x ","name":null})");
}

TEST_CASE("a header with odd names is made usable and told of") {
  Config config;
  std::vector<std::string> remarks;
  const RowLayout layout(config, {"id", " id ", ""}, "f", remarks);
  CHECK(layout.names() == Names{"id", "id_2", "column_3"});
  CHECK(remarks.size() == 2);
}

TEST_CASE("a column that is missing is named, with a guess at the delimiter") {
  Read read;
  read.config.key = {"sku"};
  CHECK_THROWS_WITH_AS(
      read.layout(),
      doctest::Contains("no column \"sku\", which `key` names; there are: id, ward, name"),
      FileRefused);
  read.names = {"sku;name;price"};
  CHECK_THROWS_WITH_AS(read.layout(), doctest::Contains("is the delimiter `;`?"), FileRefused);
}

TEST_CASE("the words of the operation column are read in any case") {
  Read read;
  read.config.op_column = "ward";
  read.config.op_delete = {"gone"};
  const auto op = [&](const std::string& line) {
    Parser parser(read.config.dialect);
    parser.feed(line, true);
    REQUIRE(parser.next() == Parser::Step::row);
    return read.layout().op(parser.fields());
  };
  CHECK(op("1,Gone,\n") == RowLayout::Op::erase);
  CHECK(op("1,,\n") == RowLayout::Op::put);
  read.config.op_put = {"new"};
  CHECK(op("1,,\n") == RowLayout::Op::unknown);
  CHECK(read.payload("1,new,x\n") == R"({"id":"1","name":"x"})");
}
