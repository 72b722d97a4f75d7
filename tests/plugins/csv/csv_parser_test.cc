#include "plugins/csv/csv_parser.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <vector>

using btb::csv::Dialect;
using btb::csv::Field;
using btb::csv::Parser;

namespace {

// What a parser said about one row, as text that can be compared.
struct Seen {
  bool bad = false;
  uint64_t line = 0;
  size_t offset = 0;
  std::string raw;
  std::vector<std::string> fields;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  out << (seen.bad ? "bad " : "row ") << seen.line << '@' << seen.offset << " [" << seen.raw << ']';
  for (const std::string& field : seen.fields) out << " <" << field << '>';
  return out;
}

std::string marked(std::string_view text, bool quoted) {
  return (quoted ? "q:" : "p:") + std::string(text);
}

Seen seen_row(const Parser& parser, bool bad, size_t window_offset) {
  Seen seen{
      bad, parser.row_line(), window_offset + parser.row_position(), std::string(parser.raw()), {}};
  for (const Field& field : parser.fields()) {
    if (!bad) seen.fields.push_back(marked(field.text, field.quoted));
  }
  return seen;
}

// Feeds `text` in pieces whose sizes `cut` gives.
template <class Cut>
std::vector<Seen> parse(const std::string& text, const Dialect& dialect, Cut cut) {
  std::vector<Seen> rows;
  Parser parser(dialect);
  size_t begin = 0;
  size_t end = 0;
  for (;;) {
    end = std::min(text.size(), end + cut());
    const bool final = end == text.size();
    // A copy of its own: reading behind the window is seen by the address sanitizer.
    const std::string window = text.substr(begin, end - begin);
    parser.feed(window, final);
    for (;;) {
      const Parser::Step step = parser.next();
      if (step == Parser::Step::end) {
        REQUIRE(final);
        CHECK(begin + parser.position() == text.size());
        return rows;
      }
      if (step == Parser::Step::need_more) break;
      rows.push_back(seen_row(parser, step == Parser::Step::bad_row, begin));
    }
    REQUIRE(!final);
    begin += parser.position();
  }
}

std::vector<Seen> parse_whole(const std::string& text, const Dialect& dialect = {}) {
  return parse(text, dialect, [&] { return text.size() + 1; });
}

std::vector<std::vector<std::string>> fields_of(const std::string& text,
                                                const Dialect& dialect = {}) {
  std::vector<std::vector<std::string>> all;
  for (const Seen& seen : parse_whole(text, dialect)) {
    std::vector<std::string> fields{seen.bad ? "BAD" : "row"};
    for (const std::string& field : seen.fields) fields.push_back(field.substr(2));
    all.push_back(fields);
  }
  return all;
}

// --- the reference: one character at a time, nothing clever ---

struct Reference {
  const std::string& text;
  Dialect dialect;
  size_t at = 0;
  uint64_t line = 1;

  bool more() const { return at < text.size(); }
  bool is_end(size_t i) const { return text[i] == '\n' || text[i] == '\r'; }
  void take_end() {
    if (more() && text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') ++at;
    if (more()) ++at;
    ++line;
  }
  void take_line() {
    while (more() && !is_end(at)) ++at;
    take_end();
  }

  // The character at `at` as it is; a line end of two characters is one.
  void take_escaped(std::string& field) {
    if (is_end(at)) ++line;
    field += text[at];
    if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') field += text[++at];
  }

  // The fields of the row at `at`, or nothing if its quotes are wrong.
  std::optional<std::vector<std::string>> take_row() {
    std::vector<std::string> fields;
    for (;;) {
      std::string field;
      const bool quoted = dialect.quote != '\0' && more() && text[at] == dialect.quote;
      if (quoted) {
        ++at;
        for (;; ++at) {
          if (!more()) return std::nullopt;
          if (text[at] == dialect.quote) {
            if (at + 1 < text.size() && text[at + 1] == dialect.quote) {
              ++at;
            } else {
              break;
            }
          } else if (dialect.escape != '\0' && text[at] == dialect.escape) {
            if (++at == text.size()) return std::nullopt;
            take_escaped(field);
            continue;
          } else if (text[at] == '\n' ||
                     (text[at] == '\r' && !(at + 1 < text.size() && text[at + 1] == '\n'))) {
            ++line;
          }
          field += text[at];
        }
        ++at;
        if (more() && text[at] != dialect.delimiter && !is_end(at)) return std::nullopt;
      } else {
        while (more() && text[at] != dialect.delimiter && !is_end(at)) {
          if (dialect.escape != '\0' && text[at] == dialect.escape) {
            if (++at == text.size()) break;
            take_escaped(field);
            ++at;
            continue;
          }
          field += text[at++];
        }
      }
      fields.push_back(marked(field, quoted));
      if (!more() || is_end(at)) return fields;
      ++at;
    }
  }

  std::vector<Seen> run() {
    std::vector<Seen> rows;
    while (more()) {
      if (is_end(at)) {
        take_end();
      } else if (dialect.comment != '\0' && text[at] == dialect.comment) {
        take_line();
      } else {
        Seen seen{false, line, at, "", {}};
        const size_t begin = at;
        if (const auto fields = take_row()) {
          seen.raw = text.substr(begin, at - begin);
          seen.fields = *fields;
          take_end();
        } else {
          seen.bad = true;
          at = begin;
          line = seen.line;
          take_line();
          seen.raw = text.substr(begin, text.find_first_of("\r\n", begin) - begin);
        }
        rows.push_back(seen);
      }
    }
    return rows;
  }
};

std::string random_text(std::mt19937& random, std::string_view alphabet, size_t size_max) {
  std::string text(std::uniform_int_distribution<size_t>(0, size_max)(random), ' ');
  for (char& c : text)
    c = alphabet[std::uniform_int_distribution<size_t>(0, alphabet.size() - 1)(random)];
  return text;
}

}  // namespace

TEST_CASE("rows are cut at delimiters and at all three kinds of line end") {
  CHECK(fields_of("a,b\nc,\r\n,d\re") ==
        std::vector<std::vector<std::string>>{
            {"row", "a", "b"}, {"row", "c", ""}, {"row", "", "d"}, {"row", "e"}});
}

TEST_CASE("quotes may hold delimiters, line ends and doubled quotes") {
  CHECK(fields_of("\"a,b\",\"c\nd\",\"say \"\"hi\"\"\"\nx,y,z\n") ==
        std::vector<std::vector<std::string>>{{"row", "a,b", "c\nd", "say \"hi\""},
                                              {"row", "x", "y", "z"}});
}

TEST_CASE("a quote in the middle of a field is a character like any other") {
  CHECK(fields_of("5\" tape,2\n") ==
        std::vector<std::vector<std::string>>{{"row", "5\" tape", "2"}});
}

TEST_CASE("a bad quote costs one row and not the rest of the file") {
  const auto rows = parse_whole("a,b\n\"c\"d,e\nf,\"g\nh,i\n");
  REQUIRE(rows.size() == 4);
  CHECK(rows[1].bad);
  CHECK(rows[1].raw == "\"c\"d,e");
  CHECK(rows[2].bad);
  CHECK(rows[2].raw == "f,\"g");
  CHECK(rows[2].line == 3);
  CHECK(rows[3] == Seen{false, 4, 16, "h,i", {"p:h", "p:i"}});
}

TEST_CASE("the line and the offset of a row count line ends inside of quotes") {
  const auto rows = parse_whole("a\n\"b\r\nc\"\nd\n");
  REQUIRE(rows.size() == 3);
  CHECK(rows[1].line == 2);
  CHECK(rows[2].line == 4);
  CHECK(rows[2].offset == 9);
}

TEST_CASE("comments and blank lines are passed over and counted as lines") {
  Dialect dialect;
  dialect.comment = '#';
  const auto rows = parse_whole("# one\n\na\n#\"two\nb#\n", dialect);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].line == 3);
  CHECK(rows[1].raw == "b#");
}

TEST_CASE("a row longer than allowed is a bad one and the next is read") {
  Dialect dialect;
  dialect.row_bytes_max = 16;
  for (const size_t step : {1, 5, 1000}) {
    CAPTURE(step);
    const auto rows = parse(std::string(100, 'x') + "\nok\n", dialect, [&] { return step; });
    REQUIRE(rows.size() == 2);
    CHECK(rows[0].bad);
    CHECK(rows[1].raw == "ok");
    CHECK(rows[1].line == 2);
  }
  CHECK_FALSE(parse_whole(std::string(16, 'x') + "\n", dialect)[0].bad);
  CHECK_FALSE(parse_whole(std::string(16, 'x'), dialect)[0].bad);
  CHECK(parse_whole(std::string(17, 'x'), dialect)[0].bad);
}

TEST_CASE("an endless quote is given up at the limit and the line behind it is read") {
  Dialect dialect;
  dialect.row_bytes_max = 16;
  for (const size_t step : {1, 7, 1000}) {
    CAPTURE(step);
    const auto rows = parse("a,\"b\n" + std::string(10, 'x') + "\nyy\n" + std::string(9, 'z'),
                            dialect, [&] { return step; });
    REQUIRE(rows.size() == 4);
    CHECK(rows[0].bad);
    CHECK(rows[0].raw == "a,\"b");
    CHECK(rows[1].raw == std::string(10, 'x'));
    CHECK(rows[3].line == 4);
  }
}

TEST_CASE("a row with too many columns is a bad one") {
  Dialect dialect;
  dialect.columns_max = 3;
  const auto rows = parse_whole("a,b,c,\"d\ne\"\nx,y,z\n", dialect);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].bad);
  CHECK(rows[1].raw == "x,y,z");
}

TEST_CASE("an escape takes the next character as it is") {
  Dialect dialect;
  dialect.escape = '\\';
  CHECK(fields_of("a\\,b,\"c\\\"d\"\n", dialect) ==
        std::vector<std::vector<std::string>>{{"row", "a,b", "c\"d"}});
}

TEST_CASE("an escaped line end belongs to its field, also one of two characters") {
  Dialect dialect;
  dialect.escape = '\\';
  CHECK(fields_of("a\\\r\nb,c\r\nd,e\n", dialect) ==
        std::vector<std::vector<std::string>>{{"row", "a\r\nb", "c"}, {"row", "d", "e"}});
  CHECK(parse_whole("a\\\nb\nc\n", dialect)[1].line == 3);
}

TEST_CASE("letters behind an escape are the control characters of MySQL and PostgreSQL") {
  Dialect dialect;
  dialect.delimiter = '\t';
  dialect.quote = '\0';
  dialect.escape = '\\';
  dialect.escapes = btb::csv::Escapes::letters;
  CHECK(fields_of(R"(a\tb\nc\\d)"
                  "\t"
                  R"(\r\b\f\v\Z\x\"\0)"
                  "\n",
                  dialect) == std::vector<std::vector<std::string>>{
                                  {"row", "a\tb\nc\\d", std::string("\r\b\f\v\x1Ax\"\0", 8)}});
}

TEST_CASE("the null of MySQL stays as it is, and is no text that looks like it") {
  Dialect dialect;
  dialect.escape = '\\';
  dialect.escapes = btb::csv::Escapes::letters;
  CHECK(fields_of("\\N,N,\"\\N\",\\NN,\\\\N\n", dialect) ==
        std::vector<std::vector<std::string>>{{"row", "\\N", "N", "N", "NN", "\\N"}});
  Parser parser(dialect);
  parser.feed("\\N,\\\\N,\"a\"\"b\"\n", true);
  REQUIRE(parser.next() == Parser::Step::row);
  CHECK(parser.fields()[0].written == "\\N");
  CHECK(parser.fields()[1].written == "\\\\N");
  CHECK(parser.fields()[2].written == "a\"\"b");
}

TEST_CASE("an escape that is for quotes alone leaves all else as it stands") {
  Dialect dialect;
  dialect.escape = '\\';
  dialect.escapes = btb::csv::Escapes::quotes;
  CHECK(fields_of("C:\\new,\"say \\\"x\\\" \\\\ C:\\new\",\\N\n", dialect) ==
        std::vector<std::vector<std::string>>{{"row", "C:\\new", "say \"x\" \\ C:\\new", "\\N"}});
}

TEST_CASE("spaces in front of a field and around its quotes are passed over where asked") {
  Dialect dialect;
  dialect.skip_initial_space = true;
  CHECK(fields_of("a,  \"b, c\" , d \n \"x\"\t,\t\"\"  \n", dialect) ==
        std::vector<std::vector<std::string>>{{"row", "a", "b, c", "d "}, {"row", "x", ""}});
  CHECK(fields_of("a, \"b\" c\n", dialect)[0][0] == "BAD");
  dialect.delimiter = '\t';
  CHECK(fields_of(" a\t\t b\n", dialect) ==
        std::vector<std::vector<std::string>>{{"row", "a", "", "b"}});
}

TEST_CASE("spaces and escapes do not depend on how the text was cut") {
  std::mt19937 random(11);
  Dialect dialect;
  dialect.escape = '\\';
  dialect.skip_initial_space = true;
  for (int round = 0; round < 20'000; ++round) {
    dialect.escapes = static_cast<btb::csv::Escapes>(round % 3);
    dialect.row_bytes_max = round % 2 == 0 ? 14 : 1000;
    const std::string text = random_text(random, "aN,\"\\ \n\r", 60);
    const auto expected = parse_whole(text, dialect);
    CAPTURE(text);
    REQUIRE(parse(text, dialect, [&] { return 1 + random() % 5; }) == expected);
    REQUIRE(parse(text, dialect, [] { return size_t{1}; }) == expected);
  }
}

TEST_CASE("lines at the top can be passed over whatever is in them") {
  Parser parser{Dialect()};
  const std::string text = "\"junk\r\nmore\nid\n";
  parser.feed(text, true);
  REQUIRE(parser.skip_lines(2));
  REQUIRE(parser.next() == Parser::Step::row);
  CHECK(parser.fields()[0].text == "id");
  CHECK(parser.row_line() == 3);
  CHECK_FALSE(parser.skip_lines(1));
}

TEST_CASE("any text gives the rows of the reference, however it is cut") {
  std::mt19937 random(20261122);
  Dialect plain;
  Dialect odd;
  odd.delimiter = ';';
  odd.quote = '\'';
  odd.escape = '\\';
  odd.comment = '#';
  Dialect bare;
  bare.quote = '\0';
  for (int round = 0; round < 30'000; ++round) {
    const Dialect& dialect = round % 3 == 0 ? odd : round % 3 == 1 ? plain : bare;
    const std::string_view alphabet = round % 3 == 0 ? "a;'\\#\n\r" : "ab,\"\n\r";
    const std::string text = random_text(random, alphabet, round % 10 == 0 ? 300 : 24);
    const auto expected = Reference{text, dialect}.run();
    CAPTURE(text);
    REQUIRE(parse_whole(text, dialect) == expected);
    REQUIRE(parse(text, dialect, [&] { return 1 + random() % 9; }) == expected);
    if (round % 8 == 0) REQUIRE(parse(text, dialect, [] { return size_t{1}; }) == expected);
  }
}

TEST_CASE("with tight limits the rows do not depend on how the text was cut") {
  std::mt19937 random(7);
  Dialect dialect;
  dialect.row_bytes_max = 12;
  dialect.columns_max = 3;
  dialect.comment = '#';
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = random_text(random, "abc,\"\n\r#", 80);
    const auto expected = parse_whole(text, dialect);
    CAPTURE(text);
    REQUIRE(parse(text, dialect, [&] { return 1 + random() % 5; }) == expected);
    REQUIRE(parse(text, dialect, [] { return size_t{1}; }) == expected);
  }
}
