#include "broker/config/topic_kinds.h"

#include <doctest/doctest.h>

#include <string>

#include "broker/config/topic_rules.h"
#include "tests/broker/config/config_support.h"

using namespace btb;
using wire::TopicKind;

namespace {

// Rules as they are written, and one source that declares `filter` of `kind`.
Config with(const std::string& rules, const std::string& filter, TopicKind kind) {
  auto config = test::good("listen: [\"tcp:127.0.0.1:1\"]\ntopics:\n" + rules);
  SourceConfig source;
  source.name = "beds";
  source.topics = {{filter, kind}};
  config->sources.push_back(source);
  return *config;
}

TopicKind kind_of(const Config& config, const char* topic) {
  return TopicRules(config).options_of(topic)->kind;
}

}  // namespace

TEST_CASE("a topic without a rule is of the kind that its source declares") {
  const Config config = with("  []\n", "ward/+/beds", TopicKind::state);
  CHECK(kind_of(config, "ward/3A/beds") == TopicKind::state);
  CHECK(TopicRules(config).options_of("ward/3A/beds")->overflow == Overflow::skip_dead);
  CHECK(kind_of(config, "ward/3A/notes") == TopicKind::events);
  CHECK(kind_of(config, "$dead/beds") == TopicKind::events);
}

TEST_CASE("a rule that names no kind leaves it to the source, one that does so decides") {
  const char* open = "  - {filter: \"ward/#\", priority: alert, keep: {bytes: 1MiB}}\n";
  const Config left = with(open, "ward/+/beds", TopicKind::state);
  CHECK(kind_of(left, "ward/3A/beds") == TopicKind::state);
  const TopicRules rules(left);
  CHECK(rules.options_of("ward/3A/beds")->priority == wire::Priority::alert);
  CHECK(rules.options_of("ward/3A/beds")->state_bytes_max == 1U << 20);
  CHECK(kind_of(left, "ward/notes") == TopicKind::events);
  for (const char* named : {"kind: events", "overflow: disconnect", "keep: {count: 5}"}) {
    CAPTURE(named);
    const std::string rule = "  - {filter: \"ward/#\", " + std::string(named) + "}\n";
    const Config decided = with(rule, "ward/+/beds", TopicKind::state);
    CHECK(kind_of(decided, "ward/3A/beds") == TopicKind::events);
  }
}

TEST_CASE("what a source declares does not reach the topics of others") {
  Config config = with("  []\n", "#", TopicKind::state);
  SourceConfig log;
  log.name = "log";
  config.sources.push_back(log);
  const auto kind = [&](const char* topic, const char* maker) {
    return TopicRules(config).options_of(topic, maker)->kind;
  };
  CHECK(kind("stock", "beds") == TopicKind::state);
  CHECK(kind("machine/log", "log") == TopicKind::events);
  CHECK(kind("alarms/fire", "") == TopicKind::events);
  config.sources[0].topics = {{"+/beds", TopicKind::state}};
  CHECK(kind("log/beds", "beds") == TopicKind::state);
  CHECK(kind("log/beds", "") == TopicKind::events);
}

TEST_CASE("of several declarations a source's own counts, and the narrowest") {
  Config config = with("  []\n", "ward/#", TopicKind::state);
  SourceConfig calls;
  calls.name = "calls";
  calls.topics = {{"ward/+/calls", TopicKind::events}};
  config.sources.push_back(calls);
  const TopicRules rules(config);
  CHECK(rules.options_of("ward/3/calls")->kind == TopicKind::events);
  CHECK(rules.options_of("ward/3/calls", "beds")->kind == TopicKind::state);
  CHECK(rules.options_of("ward/3/calls", "calls")->kind == TopicKind::events);
  CHECK(rules.options_of("ward/3/beds", "calls")->kind == TopicKind::state);
}

TEST_CASE("a source that is not enabled declares nothing") {
  Config config = with("  []\n", "ward/+/beds", TopicKind::state);
  config.sources[0].enabled = false;
  CHECK(kind_of(config, "ward/3A/beds") == TopicKind::events);
}

TEST_CASE("a rule that says another kind than a source is told, with what comes of it") {
  const auto table = disagreements_of_kinds(
      with("  - {filter: \"ward/#\", kind: events}\n", "ward/+/beds", TopicKind::state));
  REQUIRE(table.size() == 1);
  CHECK(table[0].rule == 0);
  CHECK(table[0].text.find("the source beds makes `ward/+/beds` as state: its deletions will be "
                           "refused") != std::string::npos);
  const auto log =
      disagreements_of_kinds(with("  - {filter: \"#\", kind: state}\n", "log", TopicKind::events));
  REQUIRE(log.size() == 1);
  CHECK(log[0].text.find("without a key will replace each other") != std::string::npos);
  const auto agreed = [](const char* rules) {
    return disagreements_of_kinds(with(rules, "ward/+/beds", TopicKind::state)).empty();
  };
  CHECK(agreed("  - {filter: \"ward/#\", kind: state}\n"));
  CHECK(agreed("  - {filter: \"ward/#\"}\n"));
  CHECK(agreed("  - {filter: \"shop/#\", kind: events}\n"));
  CHECK(agreed("  - {filter: \"ward/+/beds\", kind: state}\n  - {filter: \"#\", kind: events}\n"));
  CHECK_FALSE(
      agreed("  - {filter: \"ward/3A/beds\", kind: state}\n  - {filter: \"#\", kind: events}\n"));
}

TEST_CASE("two sources that make one topic as different kinds are told, unless a rule decides") {
  const auto told = [](const std::string& rules, const std::string& filter, TopicKind kind) {
    Config config = with(rules, "ward/+/beds", TopicKind::state);
    SourceConfig log;
    log.name = "log";
    log.topics = {{filter, kind}};
    config.sources.push_back(log);
    return disagreements_of_sources(config);
  };
  const auto found = told("  []\n", "ward/3A/+", TopicKind::events);
  REQUIRE(found.size() == 1);
  CHECK(found[0].source == 1);
  for (const char* words : {"the source log makes `ward/3A/+` as events",
                            "the source beds makes `ward/+/beds` as state"})
    CHECK(found[0].text.find(words) != std::string::npos);
  CHECK(told("  []\n", "ward/3A/+", TopicKind::state).empty());
  CHECK(told("  []\n", "ward/3A/notes", TopicKind::events).empty());
  const char* kindless = "  - {filter: \"ward/#\", priority: alert}\n";
  CHECK(told(kindless, "ward/3A/+", TopicKind::events).size() == 1);
  CHECK(told("  - {filter: \"ward/#\", kind: state}\n", "ward/3A/+", TopicKind::events).empty());
}

TEST_CASE("filters overlap if one name fits both") {
  CHECK(overlap("a/+/c", "a/b/+"));
  CHECK(overlap("a/#", "a"));
  CHECK(overlap("#", "a/b"));
  CHECK(overlap("+/b", "a/#"));
  CHECK_FALSE(overlap("a/+", "a"));
  CHECK_FALSE(overlap("a/+", "a/b/c"));
  CHECK_FALSE(overlap("a/b", "a/c"));
  CHECK_FALSE(overlap("#", "$SYS/x"));
}
