// Which links are taken for lost, and when.
#include "broker/admission/lost_links.h"

#include <doctest/doctest.h>

using namespace btb;
using bluetooth::ClassicLink;

namespace {

ClassicLink link(const std::string& device, uint16_t handle = 1) {
  return {"A", device, handle, true, false};
}

std::vector<std::string> devices(const std::vector<ClassicLink>& links) {
  std::vector<std::string> all;
  for (const ClassicLink& link : links) all.push_back(link.device);
  return all;
}

using Devices = std::vector<std::string>;

}  // namespace

TEST_CASE("a link that carries nothing for its time is lost, and again after as long") {
  LostLinks lost;
  CHECK(lost.due({link("x")}, 1'000).empty());
  CHECK(lost.due({link("x"), link("y")}, 20'999).empty());
  CHECK(devices(lost.due({link("x"), link("y")}, 21'000)) == Devices{"x"});
  CHECK(lost.due({link("x"), link("y")}, 40'998).size() == 0);
  CHECK(devices(lost.due({link("x"), link("y")}, 40'999)) == Devices{"y"});
  CHECK(devices(lost.due({link("x"), link("y")}, 41'000)) == Devices{"x"});
}

TEST_CASE("one that is encrypted or that we opened is not") {
  ClassicLink encrypted = link("x");
  encrypted.encrypted = true;
  ClassicLink ours = link("y");
  ours.incoming = false;
  LostLinks lost;
  CHECK(lost.due({encrypted, ours}, 0).empty());
  CHECK(lost.due({encrypted, ours}, 100'000).empty());
}

TEST_CASE("who used its link in between, or has another one, has all the time again") {
  LostLinks lost;
  lost.due({link("x"), link("y", 7)}, 0);
  lost.due({link("y", 7)}, 10'000);  // x has a session
  CHECK(lost.due({link("x"), link("y", 8)}, 20'000).empty());
  CHECK(lost.due({link("x"), link("y", 8)}, 39'999).empty());
  CHECK(lost.due({link("x"), link("y", 8)}, 40'000).size() == 2);
}
