#include "broker/admission/unused_links.h"

#include <doctest/doctest.h>

#include <set>

namespace btb::test {
namespace {

struct TestRadio final : UnusedLinks::Radio {
  void drop_link(const std::string&, const std::string& device) override {
    dropped.push_back(device);
  }
  void drop_link_of_stranger(const std::string&, const std::string& device,
                             std::function<bool()> still) override {
    if (still()) dropped.push_back(device);
  }
  std::vector<std::string> dropped;
};

using Dropped = std::vector<std::string>;

TEST_CASE("the LE link of a session that ended is dropped, unless its device came back") {
  std::set<std::string> in_use;
  UnusedLinks links(
      [&](const std::string&, const std::string& device) { return in_use.contains(device); });
  TestRadio radio;
  links.le_session_ended("A", "gone", 1'000);
  links.le_session_ended("A", "back", 1'000);
  in_use.insert("back");
  links.end_le_links(&radio, 2'900);
  CHECK(radio.dropped.empty());
  links.end_le_links(&radio, 3'000);
  CHECK(radio.dropped == Dropped{"gone"});
  in_use.clear();
  links.end_le_links(&radio, 4'900);  // its time began anew at 3'000
  CHECK(radio.dropped.size() == 1);
  links.end_le_links(&radio, 5'000);
  CHECK(radio.dropped == Dropped{"gone", "back"});
}

TEST_CASE("a link that its device has lost is dropped, but not while somebody may be pairing") {
  UnusedLinks links([](const std::string&, const std::string&) { return false; });
  TestRadio radio;
  bluetooth::ClassicLink link;
  link.adapter = "A";
  link.device = "D";
  link.incoming = true;
  links.end_lost_links({link}, false, radio, 0);
  links.end_lost_links({link}, true, radio, LostLinks::after_ms);
  CHECK(radio.dropped.empty());
  links.end_lost_links({link}, false, radio, LostLinks::after_ms);
  links.end_lost_links({link}, false, radio, 2 * LostLinks::after_ms);
  CHECK(radio.dropped == Dropped{"D"});
}

}  // namespace
}  // namespace btb::test
