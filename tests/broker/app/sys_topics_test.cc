#include "broker/app/sys_topics.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "broker/config/topic_rules.h"
#include "sdk/wire/topic_name.h"
#include "tests/broker/log/log_reader.h"
#include "tests/support/patience.h"

using namespace btb;

namespace {

// The parts of a broker that $SYS tells of. Real time, for the sources' threads are real; every
// wait is for a condition, with a deadline.
class SysWorld final : private SessionsOwner, private SourceEvents {
 public:
  SysWorld() {
    loop.set_before_sleep([this] { return sources.drain(); });
  }
  ~SysWorld() {
    sources.stop_all();
    loop.set_before_sleep(nullptr);
  }

  void add(const std::string& name, const std::string& plugin_file) {
    auto library = host::PluginLibrary::load(plugin_file);
    REQUIRE(library.ok());
    std::vector<host::SettingFault> faults;
    SourceSpec spec;
    spec.name = name;
    spec.library = *library;
    spec.settings = host::Settings::make((*library)->plugin(), {}, faults);
    spec.limits = {1 << 20, 1 << 20, 100};
    sources.add(std::move(spec));
  }
  [[nodiscard]] size_t source_count() const {
    size_t count = 0;
    sources.for_each([&](const Source&) { ++count; });
    return count;
  }
  bool run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + test::patience;
    Timer timer(loop, [] {});
    timer.start(1, 1);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      sources.tick();
      loop.run_once(true);
    }
    return true;
  }
  // The rows that are there, for somebody who saw all messages of the topic.
  std::map<std::string, std::string> rows(std::string_view topic) {
    REQUIRE(router.find(topic) != nullptr);
    LogReader reader(router.find(topic)->log, {});
    reader.read_all();
    std::map<std::string, std::string> rows;
    for (const ReadMessage& message : reader.take_messages()) {
      if (message.deletion) {
        rows.erase(message.key);
      } else {
        rows[message.key] = message.payload;
      }
    }
    return rows;
  }

  SystemClock clock;
  Loop loop;
  TopicRules rules{{}};
  Router router{clock, 1,
                [this](std::string_view name, Publisher) { return rules.options_of(name); }};
  Sources sources{loop, router, clock, *this};
  Sessions sessions{loop, router, clock, *this, "test"};
  SysTopics sys{router, sessions, sources, 5};

 private:
  CommandResult command(const std::string&, const std::vector<std::string>&) override { return {}; }
  void session_opened(const Session&) override {}
  void session_ended(const Session&, const SessionEnd&) override {}
  void source_event(const std::string&, btb_log_level, std::string_view) override {}
};

const std::string counter = BTB_FIXTURES "/counter.so";
const std::string latin1 = BTB_LATIN1;

}  // namespace

TEST_CASE("what was not accepted and what was not logged is told") {
  SysWorld world;
  world.sys.publish({3, 4});
  CHECK(world.rows("$SYS/broker")["out_of_descriptors"] == "3");
  CHECK(world.rows("$SYS/broker")["log_lines_lost"] == "4");
  world.sys.publish({3, 5});
  CHECK(world.rows("$SYS/broker")["log_lines_lost"] == "5");
}

TEST_CASE("a row that its topic refused is published as soon as the topic takes it") {
  SysWorld world;
  bool refuses = true;
  const auto options_of = [&](std::string_view name, uint32_t) {
    auto options = std::make_shared<TopicOptions>(*world.rules.options_of(name));
    if (refuses) options->keys_max = 0;
    return std::shared_ptr<const TopicOptions>(options);
  };
  world.router.refresh_options(options_of);
  world.sys.publish({});
  REQUIRE(world.rows("$SYS/broker").empty());
  refuses = false;
  world.router.refresh_options(options_of);
  world.sys.publish({});
  CHECK(world.rows("$SYS/broker")["started_us"] == "5");  // it never changes
}

TEST_CASE("the row of a source that was removed is deleted, and comes again with the source") {
  SysWorld world;
  world.add("stays", latin1);
  world.add("goes", latin1);
  world.sys.publish({});
  CHECK(world.rows("$SYS/sources").size() == 2);

  world.sources.remove("goes");
  REQUIRE(world.run_until([&] { return world.source_count() == 1; }));
  world.sys.publish({});
  CHECK(world.rows("$SYS/sources").count("stays") == 1);
  CHECK(world.rows("$SYS/sources").count("goes") == 0);
  const uint64_t seq = world.router.find("$SYS/sources")->log.last_seq();
  world.sys.publish({});
  CHECK(world.router.find("$SYS/sources")->log.last_seq() == seq);

  world.add("goes", latin1);
  world.sys.publish({});
  CHECK(world.rows("$SYS/sources").count("goes") == 1);
}

TEST_CASE("what a plugin says in another encoding becomes UTF-8") {
  SysWorld world;
  world.add("old database", latin1);
  REQUIRE(world.run_until(
      [&] { return world.sources.find("old database")->state_text().find("caf") == 0; }));
  world.sys.publish({});
  const std::string row = world.rows("$SYS/sources")["old database"];
  CHECK(wire::is_utf8(row));
  const auto json = nlohmann::json::parse(row);
  CHECK(json["text"] == "caf\xEF\xBF\xBD closed");
  CHECK(json["log_lines_dropped"] == 0);
  CHECK(json["version"] == "2.0 \xEF\xBF\xBDt\xEF\xBF\xBD");
}
