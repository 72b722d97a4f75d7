// Rows that an earlier run of a source published, and this one no longer has.
#include "tests/broker/source/source_world.h"

namespace btb::test {
namespace {

uint32_t rows(SourceWorld& world) {
  return world.router.find("s")->log.keys();
}

// The same, of a topic that may not be there yet.
uint32_t rows_in_all(SourceWorld& world) {
  return world.router.find("s") == nullptr ? 0 : rows(world);
}

// Until the second run has said all it has, and the broker has done what follows from it.
bool second_run_settled(SourceWorld& world, const std::string& name) {
  return world.run_until([&] {
    const Source& source = world.source(name);
    return source.counters().restarts == 1 && source.plugin_state() == BTB_STATE_LIVE &&
           !source.deleting();
  });
}

TEST_CASE(
    "rows that are gone when a source has started anew are deleted, and subscribers hear it") {
  SourceWorld world;
  world.add_puppet("p", "lose_some");
  CHECK(second_run_settled(world, "p"));
  CHECK(rows(world) == 15);
  CHECK(world.last_seq("s") == 20 + 15 + 5);
  CHECK(world.source("p").counters().leftovers_deleted == 5);
  CHECK(world.source("p").state_name() == "live");
  CHECK(world.told("5 of 20 rows"));
}

TEST_CASE("if most of them are gone, they are kept until an operator says so") {
  SourceWorld world;
  struct Case {
    std::string act;
    uint32_t left;
  };
  for (const Case& loss : {Case{"lose_most", 5}, Case{"lose_all", 0}}) {
    const std::string& act = loss.act;
    const uint32_t left = loss.left;
    CAPTURE(act);
    world.add_puppet(act, act);
    CHECK(second_run_settled(world, act));
    CHECK(rows(world) == 20);
    Source& source = world.source(act);
    CHECK(source.state_name() == "guard");
    CHECK(source.state_text().find("btctl resume") != std::string::npos);
    CHECK(source.counters().leftovers_held == 20 - left);

    source.set_paused(false);
    CHECK(world.run_until([&] { return !source.deleting(); }));
    CHECK(rows(world) == left);
    CHECK(source.state_name() == "live");
    CHECK(source.counters().leftovers_held == 0);
    world.sources.remove(act);
    CHECK(world.run_until([&] { return rows(world) == 0; }));
    world.router.find("s")->publisher = no_publisher;  // as new, for the next one
  }
}

TEST_CASE(
    "rows that may be among those a source could not read are kept until an operator says so") {
  SourceWorld world;
  world.add_puppet("p", "lose_some_unsure");
  CHECK(second_run_settled(world, "p"));
  CHECK(rows(world) == 20);
  Source& source = world.source("p");
  CHECK(source.state_name() == "guard");
  CHECK(source.counters().leftovers_held == 1);
  CHECK(source.state_text().find("1 of 20 rows") != std::string::npos);
  CHECK(source.state_text().find("it could not read all rows, and they may be among those") !=
        std::string::npos);
  CHECK(source.state_text().find("btctl resume p") != std::string::npos);
  source.set_paused(false);
  CHECK(world.run_until([&] { return !source.deleting(); }));
  CHECK(rows(world) == 19);
  CHECK(source.state_name() == "live");
}

TEST_CASE("a source that could not read all, and brought all rows again, holds nothing") {
  SourceWorld world;
  world.add_puppet("p", "lose_none_unsure");
  CHECK(second_run_settled(world, "p"));
  CHECK(rows(world) == 20);
  CHECK(world.source("p").state_name() == "live");
  CHECK(world.source("p").counters().leftovers_held == 0);
}

TEST_CASE("where somebody else publishes too, nothing is deleted") {
  SourceWorld world;
  Message message;
  message.key = as_bytes("by a client");
  world.router.publish(*world.router.find_or_make("s"), message);
  world.add_puppet("p", "lose_all");
  CHECK(second_run_settled(world, "p"));
  CHECK(rows(world) == 21);
  world.sources.remove("p");
  CHECK(world.run_until([&] {
    int left = 0;
    world.sources.for_each([&](const Source&) { ++left; });
    return left == 0;
  }));
  CHECK(rows(world) == 21);
}

TEST_CASE("the rows of a source that is removed go with it, those of one that is replaced stay") {
  SourceWorld world;
  world.add_puppet("p", "many_keys");
  CHECK(world.run_until([&] { return world.source("p").plugin_state() == BTB_STATE_LIVE; }));
  CHECK(rows(world) == 50);
  world.add_puppet("p", "blocked");
  CHECK(world.run_until([&] {
    return world.sources.find("p") != nullptr && world.source("p").plugin_state() == BTB_STATE_LIVE;
  }));
  CHECK(rows(world) == 50);
  world.sources.remove("p");
  CHECK(world.run_until([&] { return rows(world) == 0; }));
}

TEST_CASE("rows that the topic refused to take again are not taken for gone") {
  SourceWorld world;
  world.state_bytes_max = 1'000;
  world.add_puppet("p", "too_large_again");
  CHECK(second_run_settled(world, "p"));
  CHECK(rows(world) == 3);
  CHECK(world.told("messages of it were refused"));
  CHECK(world.source("p").state_name() == "degraded");
  CHECK(world.source("p").state_text().find("by s: topic_full") != std::string::npos);
}

TEST_CASE("where somebody else began to publish after the start, nothing is deleted either") {
  SourceWorld world;
  world.restart_delay_ms = 100;
  world.add_puppet("p", "lose_some");
  REQUIRE(world.run_until([&] { return world.source("p").state() == Source::State::failed; }));
  world.source("p").set_paused(true);
  REQUIRE(world.run_until([&] { return world.source("p").state() == Source::State::running; }));
  Message message;
  message.key = as_bytes("by a client");
  world.router.publish(*world.router.find("s"), message);
  world.source("p").set_paused(false);
  CHECK(second_run_settled(world, "p"));
  CHECK(rows(world) == 21);
}

TEST_CASE("a source that is removed while it stops for another one takes its rows along") {
  SourceWorld world;
  world.add_puppet("p", "many_keys");
  REQUIRE(world.run_until([&] { return world.source("p").plugin_state() == BTB_STATE_LIVE; }));
  world.add_puppet("p", "blocked");  // waits for the first one's end
  world.sources.remove("p");
  CHECK(world.run_until([&] { return rows(world) == 0; }));
  CHECK(world.sources.find("p") == nullptr);
}

TEST_CASE("a source under a new name leaves nothing behind of the old one") {
  SourceWorld world;
  world.add_puppet("old", "lose_rows_20");
  REQUIRE(world.run_until([&] { return world.source("old").plugin_state() == BTB_STATE_LIVE; }));
  world.sources.remove("old");
  Message message;  // of the new one, which is quicker than the old one's end
  message.key = as_bytes("19");
  world.router.publish(*world.router.find("s"), message, 77);
  CHECK(world.run_until([&] { return rows(world) == 1; }));
}

TEST_CASE("a source that comes back while its rows are being deleted begins at its beginning") {
  SourceWorld world;
  world.keys_max = 100'000;
  world.restart_delay_ms = 60'000;
  world.add_puppet("p", "rows_in_thousands");
  REQUIRE(world.run_until([&] { return rows_in_all(world) == 20'000; }));
  world.sources.remove("p");
  REQUIRE(world.run_until([&] { return rows(world) < 20'000; }));
  REQUIRE(rows(world) > 0);
  world.add_puppet("p", "resume_token");
  REQUIRE(world.run_until([&] { return world.last_seq("a") == 1; }));
  CHECK(world.newest("a") == "first");
}

}  // namespace
}  // namespace btb::test
