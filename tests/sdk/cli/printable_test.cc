#include "sdk/cli/printable.h"

#include <doctest/doctest.h>

using namespace btb::cli;

TEST_CASE("what people write stays as it is") {
  for (const char* text : {"", "plain ASCII ~", "ärztlich Ωμ 日本語 🚑", "back\\slash \"quotes\""}) {
    CHECK(printable(text) == text);
  }
}

TEST_CASE("what a terminal might obey is written out") {
  CHECK(printable("\x1b[2J\x07") == "\\x1b[2J\\x07");
  CHECK(printable("a\nb\rc\td") == "a\\nb\\rc\\td");
  CHECK(printable("\x7f") == "\\x7f");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\u009b31m");        // CSI in one character (C1)
  CHECK(printable("\xc2\x85") == "\\u0085");      // NEL
  CHECK(printable("\xe2\x80\xa8") == "\\u2028");  // a line separator
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("what turns the direction of text around is written out") {
  CHECK(printable("user\xe2\x80\xaetxt.exe") == "user\\u202etxt.exe");
  CHECK(printable("\xe2\x81\xa6x\xe2\x81\xa9") == "\\u2066x\\u2069");
  CHECK(printable("\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f\xef\xbb\xbf") ==
        "\\u061c\\u200e\\u200f\\ufeff");
}

TEST_CASE("bytes that are not UTF-8 are written out one by one") {
  CHECK(printable("\xff\xfe") == "\\xff\\xfe");
  CHECK(printable("\x9b"
                  "31m") == "\\x9b31m");  // CSI for a terminal in 8 bits
  CHECK(printable("a\xc3") == "a\\xc3");
  CHECK(printable("\xc0\x9b") == "\\xc0\\x9b");  // overlong
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");
}

TEST_CASE("no text of any bytes has a control character left") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const char bytes[] = {static_cast<char>(first), static_cast<char>(second), '['};
      for (const char c : printable({bytes, 3})) {
        CHECK_UNARY(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
      }
    }
  }
}

TEST_CASE("text is cut to columns, whole characters at a time") {
  CHECK(cut("äöü", 3) == "äöü");
  CHECK(cut("äöüß", 3) == "äö…");
  CHECK(width("äöü") == 3);
}

TEST_CASE("wide characters take two columns and combining marks none, in any locale") {
  CHECK(width("漢字") == 4);
  CHECK(width("한글") == 4);
  CHECK(width("😀!") == 3);
  CHECK(width("e\xcc\x81") == 1);  // a combining accent
  CHECK(width("ｱ") == 1);          // half of a column by design
  CHECK(width("°→é") == 3);        // ambiguous ones are narrow
  CHECK(cut("漢字漢字", 8) == "漢字漢字");
  CHECK(cut("漢字漢字", 7) == "漢字漢…");
  CHECK(cut("漢字漢字", 6) == "漢字…");  // half a character does not stand there
  CHECK(cut("e\xcc\x81xy", 2) == "e\xcc\x81…");
  CHECK(cut("ab", 0).empty());
  CHECK(cut("ab", 1) == "…");
}
