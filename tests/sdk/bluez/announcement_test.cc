#include "sdk/bluez/announcement.h"

#include <doctest/doctest.h>

using namespace btb::bluez;

namespace {

std::optional<Announcement> decoded(const std::array<uint8_t, 6>& bytes) {
  return decode_announcement(std::as_bytes(std::span(bytes)));
}

}  // namespace

TEST_CASE("an announcement is six bytes, laid out as the protocol's page says") {
  const Announcement said{true, 128, 0xBEEF, 7, 6};
  const std::array<uint8_t, 6> expected{0x11, 128, 0xEF, 0xBE, 7, 6};
  CHECK(encode(said) == expected);
  CHECK(decoded(expected) == said);
}

TEST_CASE("what is no announcement of this version is none") {
  CHECK_FALSE(decoded({0x21, 128, 0, 0, 0, 7}));
  CHECK_FALSE(decoded({0x01, 128, 0, 0, 0, 7}));
  const std::array<uint8_t, 5> cut{0x11, 128, 0, 0, 0};
  CHECK_FALSE(decode_announcement(std::as_bytes(std::span(cut))));
  CHECK_FALSE(decode_announcement({}));
}

TEST_CASE("the same name is the same site, another one most likely another") {
  CHECK(site_of("ward 3") == site_of("ward 3"));
  CHECK(site_of("ward 3") != site_of("ward 4"));
}
