#include "sdk/client/finder.h"

#include <doctest/doctest.h>

using namespace btb;
using namespace btb::client;

namespace {

bluez::Found heard(const std::string& address, std::optional<bluez::Announcement> said,
                   int rssi = -50) {
  bluez::Found found;
  found.address = address;
  found.announcement = said;
  found.rssi = rssi;
  found.adapter = "hci1";
  return found;
}

std::string texts(const NearBroker& broker) {
  std::string out;
  for (const HeardWay& heard : broker.ways) {
    out += (out.empty() ? "" : " ") + to_string(heard.way.endpoint);
  }
  return out;
}

const std::string a = "02:BB:00:00:00:00", b = "02:BB:00:00:00:01";

}  // namespace

TEST_CASE("L2CAP is tried before LE, and each only where it is said to be") {
  const auto ways = [](const bluez::Announcement& said) {
    return texts(brokers_of({{heard(a, said), {}}}).at(0));
  };
  CHECK(ways({true, 128, 1, 0, 7}) == "l2cap:" + a + "/4097 le:" + a + "/128");
  CHECK(ways({false, 200, 1, 0, 7}) == "le:" + a + "/200");
}

TEST_CASE("a random address is one of LE only") {
  bluez::Found found = heard(a, bluez::Announcement{true, 128, 1, 0, 7});
  found.random_address = true;
  CHECK(texts(brokers_of({{found, {}}}).at(0)) == "le:" + a + "/128/random");
}

TEST_CASE("one broker on two adapters is one, the stronger first, a full one last") {
  const bluez::Announcement free{true, 0, 7, 3, 5};
  const auto two = brokers_of({{heard(a, free, -80), {}}, {heard(b, free, -40), {}}});
  REQUIRE(two.size() == 1);
  CHECK(texts(two[0]) == "l2cap:" + b + "/4097 l2cap:" + a + "/4097");
  CHECK(two[0].epochs == std::vector<uint8_t>{3, 3});
  CHECK(two[0].has_place());

  const bluez::Announcement full{true, 0, 7, 3, 0};
  const auto other = brokers_of({{heard(a, free, -80), {}}, {heard(b, full, -40), {}}});
  CHECK(texts(other.at(0)) == "l2cap:" + a + "/4097 l2cap:" + b + "/4097");
  CHECK_FALSE(brokers_of({{heard(a, full), {}}}).at(0).has_place());
}

TEST_CASE("two brokers of one name are two") {
  bluez::Found one = heard(a, bluez::Announcement{true, 0, 7, 0, 5});
  bluez::Found other = heard(b, bluez::Announcement{true, 0, 8, 0, 5});
  one.name = other.name = "ward";
  CHECK(brokers_of({{one, {}}, {other, {}}}).size() == 2);
}

TEST_CASE("a service record says the broker's own name and where it listens") {
  bluez::Found found = heard(a, std::nullopt);
  found.name = "the adapter's";
  const auto brokers = brokers_of({{found, {{"ward 3", 4101, 5, 7}}}});
  REQUIRE(brokers.size() == 1);
  CHECK(brokers[0].name == "ward 3");
  CHECK(brokers[0].site == 7);
  CHECK(texts(brokers[0]) == "l2cap:" + a + "/4101 rfcomm:" + a + "/5");
}

TEST_CASE("who says nothing of itself leads nowhere") {
  CHECK(brokers_of({{heard(a, std::nullopt), {}}}).empty());
}
