// Sources that behave: starting, publishing, batches, pausing, stopping, being replaced.
#include "tests/broker/source/source_world.h"

namespace btb::test {
namespace {

host::WrittenOption option(const char* name, const char* value) {
  return {name, {}, {host::WrittenValue::Shape::scalar, value, {}, {}}};
}

TEST_CASE("what a source publishes is in its topic, and when there is no more it has finished") {
  SourceWorld world;
  world.add("c", "counter", {option("topic", "c"), option("interval", "0"), option("count", "50")});
  CHECK(world.run_until([&] { return world.source("c").state() == Source::State::finished; }));
  CHECK(world.last_seq("c") == 50);
  CHECK(world.source("c").counters().messages == 50);
  CHECK(world.source("c").counters().batches == 50);
  CHECK(world.source("c").state_name() == "finished");
}

TEST_CASE("a source is stopped, and another of its name starts when it has ended") {
  SourceWorld world;
  world.add("c", "counter", {option("topic", "one"), option("interval", "1ms")});
  CHECK(world.run_until([&] { return world.last_seq("one") > 3; }));
  CHECK(world.source("c").state_name() == "live");
  world.add("c", "counter", {option("topic", "two"), option("interval", "1ms")});
  CHECK(world.run_until([&] { return world.last_seq("two") > 3; }));
  world.sources.remove("c");
  CHECK(world.sources.find("c") == nullptr);
  CHECK(world.run_until([&] {
    int left = 0;
    world.sources.for_each([&](const Source&) { ++left; });
    return left == 0;
  }));
  CHECK(world.sources.abandoned() == 0);
}

TEST_CASE("a paused source publishes nothing until it goes on, and nothing is lost") {
  SourceWorld world;
  world.add("c", "counter", {option("topic", "c"), option("interval", "0")});
  CHECK(world.run_until([&] { return world.last_seq("c") > 10; }));
  world.source("c").set_paused(true);
  CHECK(world.source("c").state_name() == "paused");
  CHECK(world.run_until([&, last = uint64_t{0}, quiet = 0]() mutable {
    quiet = world.last_seq("c") == last ? quiet + 1 : 0;
    last = world.last_seq("c");
    return quiet == 50;
  }));
  const uint64_t stood_at = world.last_seq("c");
  CHECK(world.newest("c") == std::to_string(stood_at - 1));
  world.source("c").set_paused(false);
  CHECK(world.run_until([&] { return world.last_seq("c") > stood_at + 100; }));
  CHECK(world.newest("c") == std::to_string(world.last_seq("c") - 1));
}

TEST_CASE("a time that is negative or still to come becomes the time of taking") {
  SourceWorld world;
  const int64_t began_us = world.clock.now_us();
  world.add_puppet("p", "odd_times");
  CHECK(world.run_until([&] { return world.last_seq("a") == 4; }));
  CHECK(world.time_us("a", 1) == 1'000);
  for (uint64_t seq = 2; seq <= 4; ++seq) {
    CHECK(world.time_us("a", seq) >= began_us);
    CHECK(world.time_us("a", seq) <= world.clock.now_us());
  }
}

TEST_CASE("messages of a newer ABI 1.x, larger than those of this one, arrive whole") {
  SourceWorld world;
  world.add("n", "newer_abi");
  CHECK(world.run_until([&] { return world.last_seq("newer") == 3; }));
  CHECK(world.newest("newer") == "3");
}

TEST_CASE("a batch ends in each of its topics with that topic's last message") {
  SourceWorld world;
  world.add_puppet("p", "batch_over_topics");
  CHECK(world.run_until([&] { return world.source("p").counters().batches == 1; }));
  for (const char* name : {"a", "b"}) {
    CHECK(world.last_seq(name) == 2);
    CHECK_FALSE(world.router.find(name)->batch_open);
  }
}

TEST_CASE("a batch in pieces ends in all topics of all pieces") {
  SourceWorld world;
  world.add_puppet("p", "batch_in_pieces");
  CHECK(world.run_until([&] { return world.source("p").counters().batches == 2; }));
  CHECK_FALSE(world.router.find("a")->batch_open);
  CHECK(world.router.find("a")->closed_seq == 1);
  CHECK_FALSE(world.router.find("b")->batch_open);
}

TEST_CASE("a source that is blocked elsewhere is interrupted") {
  SourceWorld world;
  world.add_puppet("p", "blocked");
  CHECK(world.run_until([&] { return world.source("p").state_name() == "live"; }));
  world.sources.stop_all();
  CHECK(world.sources.abandoned() == 0);
}

TEST_CASE("a source starts again behind what was taken") {
  SourceWorld world;
  world.add_puppet("p", "resume_token");
  CHECK(world.run_until([&] { return world.last_seq("a") >= 2; }));
  CHECK(world.newest("a") == "second");
}

TEST_CASE("a source that is replaced goes on behind what was taken, if its plugin is the same") {
  for (const char* plugin : {"puppet", "./puppet"}) {
    CAPTURE(plugin);
    SourceWorld world;
    world.restart_delay_ms = 60'000;
    world.add_puppet("p", "resume_token");
    CHECK(world.run_until([&] { return world.source("p").state() == Source::State::failed; }));
    CHECK(world.newest("a") == "first");
    world.add("p", plugin, {option("act", "resume_token")});
    CHECK(world.run_until([&] { return world.last_seq("a") == 2; }));
    CHECK(world.newest("a") == "second");
  }
}

TEST_CASE("a source is stopped while it publishes") {
  for (int i = 0; i < 20; ++i) {
    SourceWorld world;
    world.add("c", "counter", {option("topic", "c"), option("interval", "0")});
    CHECK(world.run_until([&] { return world.last_seq("c") > 0; }));
    world.sources.stop_timeout_ms = 20'000;
    world.sources.stop_all();
    CHECK(world.sources.abandoned() == 0);
  }
}

TEST_CASE("what a topic refuses is said, and shown instead of a source that is well") {
  SourceWorld world;
  world.keys_max = 30;
  world.add_puppet("p", "many_keys");
  REQUIRE(world.run_until([&] { return world.source("p").plugin_state() == BTB_STATE_LIVE; }));
  const Source& source = world.source("p");
  CHECK(source.counters().rejected == 20);
  CHECK(source.state_name() == "degraded");
  CHECK(source.state_text().starts_with("20 messages were refused, the last one by s: topic_full"));
  CHECK(world.told("p: 1 message was refused"));
  CHECK(world.newest("$dead/p").find(R"("key":"49")") != std::string::npos);
}

TEST_CASE("deletions in a topic of events come with the advice that helps") {
  SourceWorld world;
  world.add_puppet("p", "delete_from_events");
  REQUIRE(world.run_until([&] { return world.source("p").plugin_state() == BTB_STATE_LIVE; }));
  CHECK(world.source("p").state_text().find("kind: state") != std::string::npos);
}

TEST_CASE("bytes of a dead letter that are no text are kept as they are") {
  SourceWorld world;
  world.add_puppet("p", "letters");
  REQUIRE(world.run_until([&] { return world.last_seq("$dead/p") != 0; }));
  CHECK(world.newest("$dead/p").find(R"("raw":{"$base64":"/w=="})") != std::string::npos);
  CHECK(world.newest("$dead/p").find(R"("raw_bytes":1)") != std::string::npos);
}

TEST_CASE("making many topics is spread over turns") {
  SourceWorld world;
  size_t most = 0;
  size_t before = 0;
  world.add_puppet("p", "many_topics");
  CHECK(world.run_until([&] {
    most = std::max(most, world.router.topic_count() - before);
    before = world.router.topic_count();
    return world.source("p").counters().messages == 20'000;
  }));
  CHECK(most > 100);
  CHECK(most <= 2'000);
}

}  // namespace
}  // namespace btb::test
