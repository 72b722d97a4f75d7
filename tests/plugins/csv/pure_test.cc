// The small pure parts: topic templates, the guard, marks of growing files.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "plugins/csv/append_mark.h"
#include "plugins/csv/guard.h"
#include "plugins/csv/name_template.h"

using namespace btb::csv;

TEST_CASE("a topic template is text and placeholders") {
  const NameTemplate name("ward/{ward}/{stem}/{column:stem}/{{x}}");
  REQUIRE(name.parts().size() == 7);
  CHECK(name.parts()[1].text == "ward");
  CHECK(name.parts()[3].kind == NameTemplate::Part::Kind::stem);
  CHECK(name.parts()[5].text == "stem");
  CHECK(name.parts()[6].text == "/{x}");
  CHECK(name.file_part("d/a.csv") == "d/a");
  CHECK_FALSE(name.is_constant());
  CHECK(stem_of("a.b.csv") == "a.b");
  CHECK(stem_of(".csv") == ".csv");
  CHECK(stem_of("a.d/b") == "a.d/b");
  CHECK(stem_of("a.d/b.csv") == "a.d/b");
  CHECK(stem_of("a/.csv") == "a/.csv");
}

TEST_CASE("a topic template that cannot become a topic is refused") {
  for (const char* wrong :
       {"", "a/{b", "a}b", "a/{}", "a//b", "/a", "a/", "a/+/b", "#", "$SYS/x", "a\nb"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(NameTemplate{wrong}, std::invalid_argument);
  }
  CHECK_THROWS_AS(NameTemplate{std::string(256, 'a')}, std::invalid_argument);
}

TEST_CASE("the guard objects to a table that loses too much, or everything") {
  Config config;
  CHECK_FALSE(guard_objection(config, {100, 30, false}));
  REQUIRE(guard_objection(config, {100, 31, false}));
  CHECK(guard_objection(config, {100, 31, false})->find("31 of 100") != std::string::npos);
  CHECK_FALSE(guard_objection(config, {9, 8, false}));  // small tables may shrink
  CHECK(guard_objection(config, {9, 9, true}));         // but not to nothing
  CHECK_FALSE(guard_objection(config, {0, 0, true}));
  config.allow_empty = true;
  CHECK_FALSE(guard_objection(config, {9, 9, true}));
  config.delete_ratio_max = 1;
  CHECK_FALSE(guard_objection(config, {100, 100, false}));
}

TEST_CASE("marks and headers come back out of a token, and garbage gives none") {
  AppendToken token;
  const Heading odd{{"a,b.c %", "d\n", ""}, ';', "utf-16le"};
  token.headings[odd.hash()] = odd;
  token.headings[1] = {{"nobody names it"}, ',', "utf-8"};
  for (uint64_t i = 1; i <= 200; ++i)
    token.marks.push_back({2049, ~uint64_t{0} - i, i << 32, i, ~i, i * 77, i % 2 * odd.hash()});
  const std::string text = write_token(token);
  CHECK(text.size() <= 4096);
  const AppendToken back = read_token(text);
  REQUIRE(back.marks.size() >= 20);
  for (size_t i = 0; i < back.marks.size(); ++i) CHECK(back.marks[i] == token.marks[i]);
  REQUIRE(back.headings.size() == 1);
  CHECK(back.headings.at(odd.hash()) == odd);
  CHECK(read_token("").marks.empty());
  CHECK(read_token("d1abcdef").marks.empty());
  CHECK(read_token("a2 1.2.x").marks.empty());
  CHECK(read_token(text.substr(0, text.size() - 3)).marks.size() >= back.marks.size() - 1);
}

TEST_CASE("a token of the first version is understood") {
  const AppendToken token = read_token("a1 801.2a.10.3.ff.fe 801.2b.20.4.fd.fc");
  REQUIRE(token.marks.size() == 2);
  CHECK(token.marks[1] == AppendMark{0x801, 0x2b, 0x20, 4, 0xfd, 0xfc, 0});
}

TEST_CASE("a template becomes the filter of all topics that it can make") {
  const auto filter = [](const char* text, bool deep) {
    return btb::csv::NameTemplate(text).filter(deep);
  };
  CHECK(filter("ward/{ward}/beds", false) == "ward/+/beds");
  CHECK(filter("ward-{ward}/{{x}}/{stem}", false) == "+/{x}/+");
  CHECK(filter("t/x", true) == "t/x");
  CHECK(filter("t/{stem}/x", true) == "t/#");
  CHECK(filter("{file}", true) == "#");
}
