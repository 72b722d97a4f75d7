// What a configuration means when nothing is wrong with it.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/broker/config/config_support.h"

using namespace btb;
using namespace btb::test;

TEST_CASE("one endpoint is a whole configuration, the rest are the defaults") {
  const auto config = good("listen: [tcp:127.0.0.1]\n");
  REQUIRE(config->listen.size() == 1);
  CHECK(config->listen[0].endpoint == "tcp:127.0.0.1:4712");
  CHECK(config->limits == LimitsConfig{});
  CHECK(config->broker.name == "here");
  CHECK(config->broker.log_level == "info");
  CHECK(config->sources.empty());
}

TEST_CASE("every key is read into its field") {
  const auto config = good(R"(
broker: {name: ward 3, log_level: debug, log_format: json, plugin_path: plugins, sys_interval: 1m}
listen:
  - {endpoint: unix:a.sock, mode: "0600", admin: nobody, publish: false}
  - {endpoint: tcp:*:5000, admin: anyone}
topics:
  - {filter: a/#, kind: state, priority: alert, content: json, publish: no, secret: yes,
     keep: {bytes: 1MiB, age: 1d, keys: 10, deletions: 5}}
  - {filter: b/+, priority: bulk, overflow: disconnect, keep: {count: 7, bytes: 2KiB, age: 2s}}
limits: {sessions: 5, sessions_per_adapter: 4, let_go_after: 3s, handshakes: 6, subscriptions_per_session: 7, topics: 8, message_bytes: 2KiB,
         handshake_timeout: 1s, keep_alive: 2s, flush_budget: 8KiB, source_mailbox: 128KiB,
         source_stop_timeout: 3s, dead_letters_per_minute: 9}
)");
  CHECK(config->broker ==
        BrokerConfig{"ward 3", "debug", "json", {"/etc/btbroker/plugins"}, 60'000});
  CHECK(config->listen[0] ==
        ListenerConfig{"unix:/etc/btbroker/a.sock", 0600, ListenerConfig::Admin::nobody, false});
  CHECK(config->listen[1] ==
        ListenerConfig{"tcp:*:5000", 0660, ListenerConfig::Admin::anyone, true});
  const TopicOptions& rows = config->topics.at(0).options;
  CHECK(rows.kind == wire::TopicKind::state);
  CHECK(rows.overflow == Overflow::skip_dead);
  CHECK(rows.priority == wire::Priority::alert);
  CHECK(rows.content == "json");
  CHECK_FALSE(rows.client_publish);
  CHECK(rows.secret);
  CHECK(rows.state_bytes_max == 1U << 20);
  CHECK(rows.keep_bytes == limits::topic_keep_bytes);
  CHECK(rows.keep_age_us == 86'400'000'000);
  CHECK(rows.keys_max == 10);
  CHECK(rows.deletions_kept == 5);
  const TopicOptions& events = config->topics.at(1).options;
  CHECK(events.kind == wire::TopicKind::events);
  CHECK(events.overflow == Overflow::disconnect);
  CHECK(events.priority == wire::Priority::bulk);
  CHECK(events.keep_count == 7);
  CHECK(events.keep_bytes == 2048);
  CHECK(events.keep_age_us == 2'000'000);
  LimitsConfig limits;
  limits.sessions = 5;
  limits.sessions_per_adapter = 4;
  limits.let_go_after_ms = 3'000;
  limits.handshakes = 6;
  limits.subscriptions_per_session = 7;
  limits.topics = 8;
  limits.message_bytes = 2048;
  limits.handshake_timeout_ms = 1'000;
  limits.keep_alive_ms = 2'000;
  limits.flush_budget_bytes = 8192;
  limits.source_mailbox_bytes = 131'072;
  limits.source_stop_timeout_ms = 3'000;
  limits.dead_letters_per_minute = 9;
  CHECK(config->limits == limits);
}

TEST_CASE("a source has its plugin loaded and its options checked") {
  const auto config = good(R"(
listen: [unix:a.sock]
sources:
  - name: one
    plugin: counter
    restart_delay: 1s
    options: {topic: numbers, interval: 5ms}
)");
  const SourceConfig& source = config->sources.at(0);
  CHECK(source.plugin_file == std::string(BTB_FIXTURES) + "/counter.so");
  CHECK(source.restart_delay_ms == 1'000);
  REQUIRE(source.settings != nullptr);
  CHECK(source.settings->view().size() == 3);
}

TEST_CASE("a source that is not enabled needs no plugin that exists") {
  const auto config =
      good("listen: [unix:a.sock]\nsources: [{name: one, plugin: later, enabled: no}]\n");
  CHECK(config->sources.at(0).settings == nullptr);
}

TEST_CASE("the environment and the directory of the file are put into values") {
  const auto config = good(R"(
broker: {name: "${env:SITE}-${env:NOWHERE:-main}"}
listen: ["unix:${config_dir}/x.sock"]
topics: [{filter: a, content: "$${env:SITE} ${env:EMPTY:-full}"}]
)",
                           {{"SITE", "ward 3"}, {"EMPTY", ""}});
  CHECK(config->broker.name == "ward 3-main");
  CHECK(config->listen[0].endpoint == "unix:/etc/btbroker/x.sock");
  CHECK(config->topics[0].options.content == "${env:SITE} full");
}

TEST_CASE("an alias stands for what it names") {
  const auto config = good(R"(
listen: [unix:a.sock]
topics:
  - {filter: a, keep: &small {count: 5}}
  - {filter: b, keep: *small}
)");
  CHECK(config->topics[1].options.keep_count == 5);
}

TEST_CASE("what is printed is the whole configuration, and reads back as the same") {
  const std::string text = R"(
listen: [unix:a.sock, {endpoint: tcp:*, admin: nobody}]
sources: [{name: one, plugin: counter, options: {topic: "a\"b${config_dir}$${x}"}}]
topics: [{filter: s/#, kind: state}, {filter: e/#, overflow: disconnect, keep: {age: 90s}}]
)";
  const auto config = good(text);
  const std::string printed = print_config(*config);
  const auto again = good(printed);
  CHECK(again->broker == config->broker);
  CHECK(again->listen == config->listen);
  CHECK(again->topics == config->topics);
  CHECK(again->limits == config->limits);
  const ConfigChanges changes = compare(*config, *again);
  CHECK(changes.applied.empty());
  CHECK(changes.needs_restart.empty());
  CHECK(printed == print_config(*again));
  CHECK(printed.find("flush_budget: 256KiB") != std::string::npos);
}

TEST_CASE("a file is read with its own directory, and what is no file is said so") {
  const std::string directory =
      std::filesystem::temp_directory_path() / ("btb_config_test_" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/ok.yaml") << "\xEF\xBB\xBFlisten: [unix:a.sock]\r\n";
  std::ofstream(directory + "/large.yaml") << std::string((1U << 20) + 1, '#');
  const auto fault_of = [&](const std::string& file) {
    std::vector<ConfigFault> faults;
    CHECK(read_config(file, "/opt/btbroker/bin", faults) == nullptr);
    REQUIRE(faults.size() == 1);
    return to_string(faults[0]);
  };
  std::vector<ConfigFault> faults;
  const auto config = read_config(directory + "/ok.yaml", "/opt/btbroker/bin", faults);
  REQUIRE(config != nullptr);
  CHECK(config->listen[0].endpoint == "unix:" + directory + "/a.sock");
  CHECK(config->broker.plugin_path.at(0) == "/opt/btbroker/plugins");
  CHECK(fault_of(directory + "/none.yaml") == directory + "/none.yaml: there is no such file");
  CHECK(fault_of(directory) == directory + ": is not a file");
  CHECK(fault_of("/dev/zero") == "/dev/zero: is not a file");
  CHECK(fault_of(directory + "/large.yaml") == directory + "/large.yaml: is larger than 1MiB");
  std::filesystem::remove_all(directory);
}
