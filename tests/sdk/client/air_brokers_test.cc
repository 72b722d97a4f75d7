#include "sdk/client/air_brokers.h"

#include <doctest/doctest.h>

using namespace btb;
using client::endpoints_of;

namespace {

std::string texts(const bluez::Found& found) {
  std::string out;
  for (const Endpoint& endpoint : endpoints_of(found)) {
    out += (out.empty() ? "" : " ") + to_string(endpoint);
  }
  return out;
}

bluez::Found heard(std::optional<bluez::Announcement> said) {
  bluez::Found found;
  found.address = "02:BB:00:00:00:00";
  found.announcement = said;
  return found;
}

}  // namespace

TEST_CASE("L2CAP is tried before LE, and each only where it is said to be") {
  CHECK(texts(heard(bluez::Announcement{true, 128, 0, 0, 7})) ==
        "l2cap:02:BB:00:00:00:00/4097 le:02:BB:00:00:00:00/128");
  CHECK(texts(heard(bluez::Announcement{false, 200, 0, 0, 7})) == "le:02:BB:00:00:00:00/200");
  CHECK(texts(heard(bluez::Announcement{false, 0, 0, 0, 7})).empty());
  CHECK(texts(heard(std::nullopt)).empty());
}

TEST_CASE("a random address is one of LE alone") {
  bluez::Found found = heard(bluez::Announcement{true, 128, 0, 0, 7});
  found.random_address = true;
  CHECK(texts(found) == "le:02:BB:00:00:00:00/128/random");
}

TEST_CASE("who answered an inquiry is tried at the usual PSM") {
  bluez::Found found = heard(std::nullopt);
  found.classic = true;
  CHECK(texts(found) == "l2cap:02:BB:00:00:00:00/4097");
}
