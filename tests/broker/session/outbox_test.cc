#include "broker/session/outbox.h"

#include <doctest/doctest.h>

#include <string>

namespace btb::test {
namespace {

std::string text_of(const Outbox& outbox) {
  const Bytes bytes = outbox.unsent();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void add(Outbox& outbox, const std::string& text) {
  outbox.add_bytes({reinterpret_cast<const std::byte*>(text.data()), text.size()});
}

TEST_CASE("bytes leave an outbox in the order they came, and only once") {
  Outbox outbox;
  add(outbox, "one ");
  add(outbox, "two");
  outbox.sent(5);
  CHECK(text_of(outbox) == "wo");
  add(outbox, " three");
  CHECK(text_of(outbox) == "wo three");
  outbox.sent(8);
  CHECK(outbox.empty());
}

TEST_CASE("an outbox gives memory back, also if some of it is never sent") {
  Outbox outbox;
  add(outbox, std::string(1 << 20, 'x'));
  outbox.sent(1 << 20);
  CHECK(outbox.capacity() <= 1024);
  for (int i = 0; i < 1'000; ++i) {
    add(outbox, std::string(1'000, 'y'));
    outbox.sent(i == 0 ? 999 : 1'000);  // the last byte always waits
  }
  CHECK(outbox.size() == 1);
  CHECK(outbox.capacity() < 256 << 10);
}

}  // namespace
}  // namespace btb::test
