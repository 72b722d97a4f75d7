#include "sdk/cli/line_input.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

using namespace btb::cli;

namespace {

using Lines = std::vector<std::string>;

// What the lines of `text` are, if it comes in pieces of so many bytes: "NUMBER TEXT", or "NUMBER
// (BYTES)" if it is too long.
Lines lines_of(const std::string& text, size_t piece, size_t line_bytes_max) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  LineInput input(ends[0], line_bytes_max);
  Lines out;
  const auto take = [&] {
    while (const auto line = input.line()) {
      const std::string what =
          line->too_long ? "(" + std::to_string(line->bytes) + ")" : std::string(line->text);
      out.push_back(std::to_string(line->number) + " " + what);
      input.take_line();
    }
  };
  for (size_t at = 0; at < text.size(); at += piece) {
    const std::string part = text.substr(at, piece);
    REQUIRE(::write(ends[1], part.data(), part.size()) == static_cast<ssize_t>(part.size()));
    input.read_some();
    take();
  }
  ::close(ends[1]);
  while (!input.ended()) input.read_some();
  take();
  CHECK(!input.has_rest());
  CHECK(input.fault() == 0);
  ::close(ends[0]);
  return out;
}

}  // namespace

TEST_CASE("lines are the same however their bytes come, and the last one needs no end") {
  for (const size_t piece : {1, 2, 3, 7, 100}) {
    CAPTURE(piece);
    CHECK(lines_of("a\r\n\nbc\nd", piece, 10) == Lines{"1 a", "2 ", "3 bc", "4 d"});
    CHECK(lines_of("", piece, 10).empty());
    CHECK(lines_of("a\n", piece, 10) == Lines{"1 a"});
  }
}

TEST_CASE("of a line that is too long the length is known, and those behind it come") {
  for (const size_t piece : {1, 5, 6, 7, 8, 100}) {
    CAPTURE(piece);
    CHECK(lines_of("12345\n123456\n1234567890123\nb\n", piece, 5) ==
          Lines{"1 12345", "2 (6)", "3 (13)", "4 b"});
    CHECK(lines_of("a\n123456", piece, 5) == Lines{"1 a", "2 (6)"});
    CHECK(lines_of("12345\r\nb", piece, 5) == Lines{"1 12345", "2 b"});
  }
}

TEST_CASE("what cannot be read has ended, with the reason") {
  const int fd = ::open("/", O_RDONLY | O_CLOEXEC);
  LineInput input(fd, 5);
  input.read_some();
  CHECK(input.ended());
  CHECK(input.fault() == EISDIR);
  CHECK(!input.line());
  ::close(fd);
}
