// What a reload says it does.
#include <algorithm>

#include "tests/broker/config/config_support.h"

using namespace btb;
using namespace btb::test;

namespace {

ConfigChanges changes_of(const std::string& before, const std::string& after) {
  return compare(*good("listen: [unix:a.sock]\n" + before),
                 *good("listen: [unix:a.sock]\n" + after));
}

std::string source(const std::string& name, const std::string& rest = {}) {
  return "{name: " + name + ", plugin: counter" + rest + "}";
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("the same configuration changes nothing, wherever its lines stand") {
  const std::string text = "sources: [" + source("a", ", options: {topic: x, count: 5}") + "]\n";
  const std::string moved =
      "\n\nsources:\n  - " + source("a", ", options: {count: 5, topic: x}") + "\n";
  const ConfigChanges changes = changes_of(text, moved);
  CHECK(changes.applied.empty());
  CHECK(changes.needs_restart.empty());
  CHECK(changes.sources_changed.empty());
}

TEST_CASE("limits and the broker's settings are applied, with old and new; its name is not") {
  const ConfigChanges changes = changes_of(
      "", "limits: {sessions: 5, keep_alive: 30s}\nbroker: {name: x, log_level: debug}\n");
  CHECK(changes.applied ==
        Lines{"broker: log_level info -> debug", "limits: sessions 16384 -> 5",
              "limits: keep_alive 1m -> 30s, for sessions that start from now on"});
  CHECK(changes.needs_restart == Lines{"broker: name \"here\" -> \"x\""});
}

TEST_CASE("sources are added, removed, started anew; what is not enabled does not run") {
  const std::string before = "sources: [" + source("gone") + ", " + source("same") + ", " +
                             source("changed") + ", " + source("off") + ", " +
                             source("on", ", enabled: no") + ", " +
                             source("sleeping", ", enabled: no") + "]\n";
  const std::string after =
      "sources: [" + source("same") + ", " + source("changed", ", options: {topic: other}") + ", " +
      source("off", ", enabled: no") + ", " + source("on") + ", " +
      source("sleeping", ", enabled: no, restart_delay: 1m") + ", " + source("new") + "]\n";
  const ConfigChanges changes = changes_of(before, after);
  CHECK(changes.sources_removed == Lines{"gone", "off"});
  CHECK(changes.sources_added == Lines{"on", "new"});
  CHECK(changes.sources_changed == Lines{"changed"});
  CHECK(changes.applied == Lines{"source gone: removed, stops", "source off: disabled, stops",
                                 "source changed: options changed, restarts",
                                 "source on: enabled, starts", "source new: added, starts"});
}

TEST_CASE("listeners are opened, closed, and get new rules; an open socket keeps its mode") {
  const auto before = good("listen: [unix:a.sock, unix:b.sock]\n");
  const auto after = good(
      "listen: [{endpoint: unix:b.sock, mode: '0600', publish: no}, {endpoint: tcp:localhost}]\n");
  const ConfigChanges changes = compare(*before, *after);
  REQUIRE(changes.listeners_removed.size() == 2);
  REQUIRE(changes.listeners_added.size() == 2);
  CHECK(changes.listeners_removed[0].endpoint == "unix:/etc/btbroker/a.sock");
  CHECK(changes.listeners_added[1].endpoint == "tcp:localhost:4712");
  CHECK(changes.applied ==
        Lines{"listen unix:/etc/btbroker/a.sock: closed, and the sessions that came in there",
              "listen unix:/etc/btbroker/b.sock: publish true -> false"});
  CHECK(changes.needs_restart ==
        Lines{"listen unix:/etc/btbroker/b.sock: the mode of a socket that is open is kept"});
}

TEST_CASE(
    "what waits for a restart is said again at the next reload, and no longer once it is undone") {
  const std::string written =
      "broker: {name: a}\nlisten: [{endpoint: unix:a.sock, mode: '0600'}]\n";
  const auto running = good(written);
  const auto fresh = good("broker: {name: b}\nlisten: [{endpoint: unix:a.sock, mode: '0660'}]\n");
  const ConfigChanges first = compare(*running, *fresh);
  CHECK(first.needs_restart.size() == 2);
  keep_what_runs(*running, *fresh);
  const auto same = good("broker: {name: b}\nlisten: [{endpoint: unix:a.sock, mode: '0660'}]\n");
  CHECK(compare(*fresh, *same).needs_restart == first.needs_restart);
  CHECK(compare(*fresh, *good(written)).needs_restart.empty());
}

TEST_CASE("rules of topics are applied") {
  const ConfigChanges changes = changes_of(
      "topics: [{filter: a, keep: {count: 5}}, {filter: b}, {filter: c, kind: state}, {filter: "
      "d}]\n",
      "topics: [{filter: b, kind: state}, {filter: a, keep: {count: 6}}, {filter: e}]\n");
  const auto says = [&](const std::string& line) {
    return std::count(changes.applied.begin(), changes.applied.end(), line) == 1;
  };
  CHECK(says("topics a: keep {count: 5, bytes: 4MiB, age: 0} -> {count: 6, bytes: 4MiB, age: 0}"));
  CHECK(says("topics c: rule removed"));
  CHECK(says("topics d: rule removed"));
  CHECK(says("topics e: rule added"));
  CHECK(says("topics: the order of the rules"));
  CHECK(std::any_of(changes.applied.begin(), changes.applied.end(), [](const std::string& line) {
    return line.starts_with("topics b: kind open -> state");
  }));
  CHECK(changes.needs_restart.empty());  // which topics have messages already, the router knows
}
