#include "sdk/base/nearest_word.h"

#include <doctest/doctest.h>

using namespace btb;

TEST_CASE("the nearest word is one that a slip of the finger away, or none") {
  const std::vector<std::string> words{"listen", "sources", "topics", "limits", "keep_alive", "on"};
  CHECK(nearest_word("sorces", words) == "sources");
  CHECK(nearest_word("topcis", words) == "topics");
  CHECK(nearest_word("Listen", words) == "listen");
  CHECK(nearest_word("keep-alive", words) == "keep_alive");
  CHECK(nearest_word("keepalive", words) == "keep_alive");
  CHECK(nearest_word("banana", words).empty());
  CHECK(nearest_word("xy", words).empty());
  CHECK(nearest_word("", words).empty());
  CHECK(nearest_word(std::string(100'000, 'x'), words).empty());
}
