#include "sdk/cli/in_reach.h"

#include <doctest/doctest.h>

using namespace btb;
using namespace btb::cli;
using client::HeardWay;
using client::NearBroker;
using client::Way;

namespace {

Endpoint at(const std::string& text) {
  return *parse_endpoint(text);
}

HeardWay heard(const std::string& text, std::optional<uint8_t> places) {
  return {{at(text), {}, true}, -50, places};
}

NearBroker broker(const std::string& name, std::vector<HeardWay> ways) {
  return {name, 1, {}, std::move(ways)};
}

const std::string full = "l2cap:02:BB:00:00:00:00/4097", le = "le:02:BB:00:00:00:00/128";
const std::string other = "le:02:BB:00:00:00:01/128";

}  // namespace

TEST_CASE("who is in reach is told with the way and the places") {
  const std::vector<Way> tried{{at(full)}};
  CHECK(in_reach_text({broker("annexe", {heard(other, 5)})}, tried, true) ==
        "in reach: annexe at " + other + " (5 places free)");
  CHECK(in_reach_text({broker("", {heard(other, std::nullopt)})}, tried, true) ==
        "in reach: " + other);
}

TEST_CASE("a broker without places, or by ways that were tried, is not told") {
  const std::string nobody =
      "no other broker with a place was heard; `btctl scan --inquiry` looks longer";
  CHECK(in_reach_text({}, {{at(full)}}, true) == nobody);
  CHECK(in_reach_text({broker("a", {heard(other, 0)})}, {{at(full)}}, true) == nobody);
  CHECK(in_reach_text({broker("a", {heard(full, 3)})}, {{at(full)}}, true) == nobody);
  // A broker that said so means the whole adapter; an adapter means its links of this kind.
  const NearBroker two_ways = broker("a", {heard(full, 3), heard(le, 3)});
  CHECK(in_reach_text({two_ways}, {{at(full)}}, true) == nobody);
  CHECK(in_reach_text({two_ways}, {{at(full)}}, false) ==
        "in reach: a at " + le + " (3 places free)");
}

TEST_CASE("of many brokers four are told, and how many more there are") {
  std::vector<NearBroker> all;
  for (int i = 1; i <= 6; ++i) {
    all.push_back(broker("", {heard("le:02:BB:00:00:00:0" + std::to_string(i) + "/128", 1)}));
  }
  const std::string text = in_reach_text(all, {}, true);
  CHECK(text.find(":04/128 (1 place free)") != std::string::npos);
  CHECK(text.find(":05/128") == std::string::npos);
  CHECK(text.ends_with(" and 2 more, see `btctl scan`"));
}
