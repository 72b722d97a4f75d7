// Sources that fail, throw, flood, hang and talk rubbish; and that the others are served all the
// same.
#include "tests/broker/source/source_world.h"

namespace btb::test {
namespace {

TEST_CASE("a source that fails is started again, each time later, and says why") {
  SourceWorld world;
  world.add("t", "throws_in_run");
  CHECK(world.run_until([&] { return world.source("t").counters().restarts >= 4; }));
  for (const char* delay : {"in 5 ms", "in 10 ms", "in 20 ms", "in 40 ms"}) {
    CHECK(world.told(delay));
  }
  CHECK(world.told("the file is gone"));
  CHECK(world.source("t").state_name() == "failed");
}

TEST_CASE("a source that throws in create, or fails without a word, has failed") {
  SourceWorld world;
  world.add("t", "throws_in_create");
  world.add("s", "silent_failure");
  CHECK(world.run_until([&] {
    return world.source("t").counters().restarts > 0 && world.source("s").counters().restarts > 0;
  }));
  CHECK(world.told("t: an exception escaped from create: no database today"));
  CHECK(world.told("s: failed without a word"));
}

TEST_CASE("a create that gives half a source has failed, and says what is missing") {
  SourceWorld world;
  world.add("r", "no_run");
  world.add("s", "small_source");
  CHECK(world.run_until([&] {
    return world.source("r").counters().restarts > 0 && world.source("s").counters().restarts > 0;
  }));
  CHECK(world.told("r: create gave a source without run or destroy"));
  CHECK(world.told("s: create gave a source that is too small for ABI 1"));
}

TEST_CASE("a source whose interrupt throws ends all the same, and that is said") {
  SourceWorld world;
  world.add("i", "throws_in_interrupt");
  CHECK(world.run_until([&] { return world.source("i").state_name() == "live"; }));
  world.sources.remove("i");
  CHECK(world.run_until(
      [&] { return world.told("an exception escaped from interrupt: there is nothing"); }));
  CHECK(world.sources.abandoned() == 0);
}

TEST_CASE("an interrupt that blocks holds up its own source only") {
  SourceWorld world;
  world.sources.stop_timeout_ms = 50;
  world.add("b", "blocks_in_interrupt");
  CHECK(world.run_until([&] { return world.source("b").state_name() == "live"; }));
  world.sources.remove("b");
  world.add_puppet("p", "batch_over_topics");
  CHECK(
      world.run_until([&] { return world.sources.abandoned() == 1 && world.last_seq("a") == 2; }));
}

TEST_CASE("a source that throws when it is told of a pause has failed") {
  SourceWorld world;
  world.restart_delay_ms = 60'000;
  world.add("p", "throws_in_pause");
  CHECK(world.run_until([&] { return world.source("p").state_name() == "live"; }));
  world.source("p").set_paused(true);
  CHECK(world.run_until([&] { return world.source("p").state() == Source::State::failed; }));
  CHECK(world.told("p: an exception escaped from pause: the transaction is lost"));
}

TEST_CASE("a source that is stopped while it waits to be started again stays stopped") {
  SourceWorld world;
  world.restart_delay_ms = 60'000;
  world.add("t", "throws_in_run");
  CHECK(world.run_until([&] { return world.source("t").state() == Source::State::failed; }));
  world.sources.remove("t");
  int left = 0;
  world.sources.for_each([&](const Source&) { ++left; });
  CHECK(left == 0);
}

TEST_CASE("a source that floods is held back, and the others are served") {
  SourceWorld world;
  world.limits.mailbox_bytes = 50'000;
  world.add("f", "floods");
  world.add_puppet("p", "batch_over_topics");
  CHECK(
      world.run_until([&] { return world.last_seq("flood") > 5'000 && world.last_seq("a") == 2; }));
  // "flood" and "water", with what a batch and a message cost beside.
  CHECK(world.most_in_a_turn < limits::source_drain_budget_bytes / 30);
}

TEST_CASE("a flood of batches that are empty does not hold the loop") {
  SourceWorld world;
  world.add_puppet("e", "empty_batches");
  uint64_t turns = 0;
  CHECK(
      world.run_until([&] { return ++turns > 20 && world.source("e").counters().batches > 100; }));
}

TEST_CASE("a source that never stops is given up, its library stays, and that is said") {
  SourceWorld world;
  world.sources.stop_timeout_ms = 50;
  world.add("n", "never_stops");
  CHECK(world.run_until([&] { return world.last_seq("stubborn") == 1; }));
  world.sources.remove("n");
  CHECK(world.run_until([&] { return world.sources.abandoned() == 1; }));
  CHECK(world.told("n: did not stop when asked"));
  CHECK(host::PluginLibrary::is_loaded(std::string(BTB_FIXTURES) + "/never_stops.so"));
}

TEST_CASE("a batch that a source left open when it was given up is ended") {
  SourceWorld world;
  world.sources.stop_timeout_ms = 50;
  world.add_puppet("p", "open_batch_then_hang");
  CHECK(world.run_until([&] { return world.last_seq("a") == 1; }));
  CHECK(world.router.find("a")->batch_open);
  world.sources.remove("p");
  CHECK(world.run_until([&] { return world.sources.abandoned() == 1; }));
  CHECK_FALSE(world.router.find("a")->batch_open);
}

TEST_CASE("a batch that a source left open when it failed is ended") {
  SourceWorld world;
  world.restart_delay_ms = 60'000;
  world.add_puppet("p", "open_batch_then_fail");
  CHECK(world.run_until([&] { return world.source("p").state() == Source::State::failed; }));
  CHECK(world.told("lost the thread"));
  CHECK_FALSE(world.router.find("a")->batch_open);
}

TEST_CASE("a source that hangs in its start is given up when it is stopped, not before") {
  SourceWorld world;
  world.add("h", "hangs_in_start");
  world.add_puppet("p", "batch_over_topics");
  CHECK(world.run_until([&] { return world.last_seq("a") == 2; }));
  CHECK(world.source("h").state_name() == "starting");
  // The other one has all the time it needs to end.
  world.sources.remove("p");
  CHECK(world.run_until([&] { return world.count() == 1; }));
  world.sources.stop_timeout_ms = 50;
  world.sources.stop_all();
  CHECK(world.sources.abandoned() == 1);
}

TEST_CASE("rubbish does not get in, and what is good between it does") {
  SourceWorld world;
  world.add("r", "publishes_rubbish");
  CHECK(world.run_until([&] { return world.last_seq("rubbish") >= 4; }));
  world.router.for_each_topic([](Topic& topic) { CHECK(topic.name == "rubbish"); });
  CHECK(world.newest("rubbish").size() == 1);
}

TEST_CASE("dead letters go to a topic of their own, up to a rate, and what is dropped is counted") {
  SourceWorld world;
  world.limits.dead_letters_per_minute = 3;
  world.restart_delay_ms = 60'000;
  world.add_puppet("p", "letters");
  CHECK(world.run_until([&] { return world.source("p").state() == Source::State::failed; }));
  const SourceCounters& counters = world.source("p").counters();
  CHECK(world.last_seq("$dead/p") == counters.dead_letters);
  CHECK(counters.dead_letters >= 3);
  CHECK(counters.dead_letters + counters.dead_letters_dropped == 10);
  CHECK(world.newest("$dead/p").find(R"("line":7)") != std::string::npos);
}

TEST_CASE("the count of dropped dead letters outlives a restart") {
  SourceWorld world;
  world.limits.dead_letters_per_minute = 0;
  world.add_puppet("p", "letters");
  CHECK(world.run_until([&] { return world.source("p").counters().restarts == 3; }));
  CHECK(world.source("p").counters().dead_letters_dropped == 30);
}

TEST_CASE("messages that a topic refuses become dead letters, up to the same rate") {
  SourceWorld world;
  world.keys_max = 10;
  world.limits.dead_letters_per_minute = 3;
  world.add_puppet("p", "many_keys");
  CHECK(world.run_until([&] { return world.source("p").plugin_state() == BTB_STATE_LIVE; }));
  const SourceCounters& counters = world.source("p").counters();
  CHECK(counters.messages == 10);
  CHECK(counters.rejected == 40);
  CHECK(counters.dead_letters <= 6);  // twice the rate, if a minute ended meanwhile
  CHECK(counters.dead_letters + counters.dead_letters_dropped == 40);
  CHECK(world.last_seq("$dead/p") == counters.dead_letters);
  CHECK(world.newest("$dead/p").find("topic_full") != std::string::npos);
}

}  // namespace
}  // namespace btb::test
