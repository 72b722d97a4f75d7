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

TEST_CASE("marks come back out of a token, the newest first, and garbage gives none") {
  std::vector<AppendMark> marks;
  for (uint64_t i = 1; i <= 200; ++i)
    marks.push_back({2049, ~uint64_t{0} - i, i << 32, i, ~i, i * 77});
  const std::string token = write_marks(marks);
  CHECK(token.size() <= 4096);
  const auto back = read_marks(token);
  REQUIRE(back.size() >= 20);
  for (size_t i = 0; i < back.size(); ++i) CHECK(back[i] == marks[i]);
  CHECK(read_marks("").empty());
  CHECK(read_marks("d1abcdef").empty());
  CHECK(read_marks("a1 1.2.x").empty());
  CHECK(read_marks(token.substr(0, token.size() - 3)).size() >= back.size() - 1);
}
