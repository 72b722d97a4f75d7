#include "broker/app/event_log.h"

#include <doctest/doctest.h>

namespace btb {

TEST_CASE("what comes from outside cannot steer a terminal") {
  CHECK(printable("ward 3A, bed 2") == "ward 3A, bed 2");
  CHECK(printable("J. Brand\xC3\xA3o") == "J. Brand\xC3\xA3o");
  CHECK(printable("a\x1B[2Jb\nc\td") == "a?[2Jb?c?d");
  CHECK(printable("a\xC2\x9B"
                  "31mb") == "a?31mb");  // C1, as UTF-8
  CHECK(printable("a\x9B"
                  "31mb") == "a?31mb");  // C1, as a byte
  CHECK(printable("a\xE2\x80\xAE"
                  "txt.exe") == "a?txt.exe");  // text from right to left
  CHECK(printable("Caf\xE9") == "Caf?");       // Latin-1
}

}  // namespace btb
