#include "broker/routing/nearest_topic.h"

#include <doctest/doctest.h>

#include "tests/support/manual_clock.h"

namespace btb::test {
namespace {

struct Named {
  Named() {
    for (const char* name : {"ward/3A/medication", "ward/3A/beds", "ward/3B/medication", "log/door",
                             "$SYS/broker", "x"}) {
      (void)router.find_or_make(name);
    }
  }
  [[nodiscard]] std::string near(std::string_view filter) const {
    return nearest_topic(router, filter);
  }
  ManualClock clock;
  Router router{clock, 7,
                [](std::string_view, Publisher) { return std::make_shared<TopicOptions>(); }};
};

TEST_CASE("a name with a slip of the finger leads to the topic that was meant") {
  const Named topics;
  CHECK(topics.near("ward/3A/medicaton") == "ward/3A/medication");
  CHECK(topics.near("ward/3a/beds") == "ward/3A/beds");
  CHECK(topics.near("Ward/3A/Beds") == "ward/3A/beds");
  CHECK(topics.near("ward/medication") == "ward/3A/medication");  // a level was left out
  CHECK(topics.near("medication") == "ward/3A/medication");       // all but the last were
  CHECK(topics.near("3A/beds") == "ward/3A/beds");
}

TEST_CASE("wildcards stay where they were") {
  const Named topics;
  CHECK(topics.near("wrad/#") == "ward/#");
  CHECK(topics.near("ward/3a/#") == "ward/3A/#");
  CHECK(topics.near("ward/+/medcation") == "ward/+/medication");
  CHECK(topics.near("lgo/+") == "log/+");
}

TEST_CASE("what is near nothing leads nowhere, and only $ leads to $") {
  const Named topics;
  for (const char* filter : {"temperature", "y", "a/b/c", "#", "SYS/broker", "+", "+/+/+/+"}) {
    CAPTURE(filter);
    CHECK(topics.near(filter).empty());
  }
  CHECK(topics.near("$SYS/brokr") == "$SYS/broker");
  CHECK(topics.near(std::string(200, 'x')).empty());
}

TEST_CASE("with many topics the search ends before it has compared them all") {
  Named topics;
  for (int i = 0; i < 20'000; ++i) (void)topics.router.find_or_make("a/" + std::to_string(i));
  CHECK(topics.near("ward/3A/medicaton") == "ward/3A/medication");
  CHECK(topics.near("b/19999").starts_with("a/"));
  CHECK(topics.near("zzzzzzzz").empty());
}

}  // namespace
}  // namespace btb::test
