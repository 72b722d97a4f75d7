// One function for each verb, in the order of `run`.
#include "broker/app/commands.h"

#include <charconv>

#include "broker/app/describe.h"
#include "sdk/wire/topic_name.h"

namespace btb {

namespace {

constexpr uint64_t enrol_seconds_max = 3'600;

CommandResult failed(std::string text) {
  return {wire::Reason::command_failed, std::move(text), "{}"};
}

CommandResult done(const Json& body) {
  return {wire::Reason::none, "", body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

Json memory_of(const Router& router, const Unfinished& unfinished) {
  const MemoryUse& use = router.memory();
  return {{"used_bytes", router.memory_bytes()},  {"max_bytes", router.memory_max},
          {"log_bytes", use.log_bytes},           {"row_bytes", use.row_bytes},
          {"followers", use.followers},           {"filter_bytes", use.filter_bytes},
          {"unfinished_bytes", unfinished.bytes}, {"evicted_messages", use.evicted_messages},
          {"evicted_bytes", use.evicted_bytes},   {"refused", use.refused}};
}

// The number that is the only argument; no value if there is none, or something else.
std::optional<uint64_t> number_in(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) return std::nullopt;
  const std::string& text = arguments[0];
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

CommandResult Commands::run(const std::string& verb, const std::vector<std::string>& arguments) {
  if (verb == "status") return status();
  if (verb == "topics") return topics(arguments);
  if (verb == "sessions") return sessions();
  if (verb == "sources") return sources();
  if (verb == "reload") return reload();
  if (verb == "pause") return set_paused(arguments, true);
  if (verb == "resume") return set_paused(arguments, false);
  if (verb == "kick") return kick(arguments);
  if (verb == "enrol") return enrol(arguments);
  return {wire::Reason::command_unknown,
          "no command " + verb +
              "; there are status, topics, sessions, sources, reload, pause, resume, kick, enrol",
          "{}"};
}

CommandResult Commands::status() {
  uint64_t messages = 0;
  uint64_t bytes = 0;
  uint64_t memory = 0;
  broker_.router.for_each_topic([&](Topic& topic) {
    messages += topic.log.messages();
    bytes += topic.log.bytes();
    memory += topic.log.memory_bytes();
  });
  Json ends = Json::object();
  for (const auto& [reason, count] : broker_.sessions.ends())
    ends[std::string(wire::name_of(reason))] = count;
  Json refusals = Json::object();
  for (const auto& [reason, count] : broker_.sessions.refusals())
    refusals[std::string(wire::name_of(reason))] = count;
  Json listen = Json::array();
  for (const auto& open : broker_.endpoints.open()) {
    listen.push_back(to_string(open.listener->endpoint()));
  }
  Json waiting = Json::array();
  for (const auto& one : broker_.endpoints.waiting()) {
    waiting.push_back({{"endpoint", one.config.endpoint}, {"why", one.why}});
  }
  Json warnings = Json::array();
  for (const ConfigFault& warning : broker_.config.warnings) warnings.push_back(to_string(warning));
  Json goodbyes = Json::object();
  for (const auto& [reason, count] : broker_.sessions.goodbyes())
    goodbyes[std::string(wire::name_of(reason))] = count;
  Json turned_away = Json::object();
  for (const auto& [why, count] : broker_.sessions.admission().turned_away())
    turned_away[std::string(name_of(why))] = count;
  size_t sources_count = 0;
  broker_.sources.for_each([&](const Source&) { ++sources_count; });
  const BrokerCounters counters = broker_.counters;
  return done({
      {"name", broker_.config.broker.name},
      {"version", BTB_VERSION},
      {"config", broker_.config.file},
      {"epoch", broker_.router.epoch()},
      {"started_us", broker_.started_us},
      {"uptime_s", (broker_.clock.now_us() - broker_.started_us) / 1'000'000},
      {"listen", listen},
      {"waiting", waiting},
      {"warnings", warnings},
      {"sessions", broker_.sessions.count()},
      {"sessions_accepted", broker_.sessions.accepted()},
      {"topics", broker_.router.topic_count()},
      {"sources", sources_count},
      {"sources_abandoned", broker_.sources.abandoned()},
      {"topics_of_clients", broker_.router.client_topics()},
      {"topics_freed", broker_.router.topics_freed()},
      {"batches_cut", broker_.router.batches_cut()},
      {"memory", memory_of(broker_.router, broker_.sessions.unfinished())},
      {"messages", messages},
      {"log_bytes", bytes},
      {"log_memory_bytes", memory},
      {"resident_bytes", resident_bytes()},
      {"out_of_descriptors", counters.out_of_descriptors},
      {"descriptors_for_clients", broker_.descriptors_for_clients},
      {"log_lines_lost", counters.log_lines_lost},
      {"log_lines_repeated", counters.log_lines_repeated},
      {"bluetooth", Json(broker_.bluetooth.events())},
      {"ends", ends},
      {"goodbyes", goodbyes},
      {"turned_away", turned_away},
      {"refusals", refusals},
  });
}

// All topics, or those that match the filter that is the only argument.
CommandResult Commands::topics(const std::vector<std::string>& arguments) {
  if (arguments.size() > 1) return failed("one filter is expected, or none");
  const std::string filter = arguments.empty() ? "" : arguments[0];
  if (const char* fault = arguments.empty() ? nullptr : wire::topic_filter_fault(filter)) {
    return failed("filter \"" + filter + "\": " + fault);
  }
  Json body = Json::array();
  broker_.router.for_each_topic([&](Topic& topic) {
    if (arguments.empty() || wire::filter_matches(filter, topic.name)) {
      body.push_back(describe(topic));
    }
  });
  return done(body);
}

CommandResult Commands::sessions() {
  Json body = Json::array();
  const uint64_t now_ms = broker_.clock.mono_ms();
  broker_.sessions.for_each(
      [&](const Session& session) { body.push_back(describe(session, now_ms)); });
  return done(body);
}

CommandResult Commands::sources() {
  Json body = Json::array();
  broker_.sources.for_each([&](const Source& source) { body.push_back(describe(source)); });
  return done(body);
}

CommandResult Commands::reload() {
  std::vector<ConfigFault> faults;
  const std::unique_ptr<ConfigChanges> changes = broker_.reload(faults);
  Json body = {
      {"applied", Json::array()}, {"needs_restart", Json::array()}, {"faults", Json::array()}};
  for (const ConfigFault& fault : faults) body["faults"].push_back(to_string(fault));
  if (changes == nullptr) {
    CommandResult result = done(body);
    result.reason = wire::Reason::command_failed;
    result.text = "the configuration has faults; nothing was changed";
    return result;
  }
  body["applied"] = changes->applied;
  body["needs_restart"] = changes->needs_restart;
  return done(body);
}

CommandResult Commands::set_paused(const std::vector<std::string>& arguments, bool paused) {
  if (arguments.size() != 1) return failed("one source is expected");
  Source* source = broker_.sources.find(arguments[0]);
  if (source == nullptr) return failed("no source " + arguments[0]);
  source->set_paused(paused);
  return done(describe(*source));
}

CommandResult Commands::kick(const std::vector<std::string>& arguments) {
  const auto id = number_in(arguments);
  if (!id) return failed("the number of a session is expected");
  if (!broker_.sessions.kick(*id, "ended by an operator"))
    return failed("no session " + std::to_string(*id));
  return done({{"kicked", *id}});
}

CommandResult Commands::enrol(const std::vector<std::string>& arguments) {
  const auto seconds = number_in(arguments);
  if (!seconds || *seconds > enrol_seconds_max) {
    return failed("a number of seconds up to " + std::to_string(enrol_seconds_max) +
                  " is expected; 0 ends it");
  }
  switch (broker_.bluetooth.enrol(static_cast<uint32_t>(*seconds))) {
    case Bluetooth::Enrol::no_listener:
      return failed("this broker does not listen on Bluetooth");
    case Bluetooth::Enrol::no_bluetoothd:
      return failed("there is no bluetoothd or no adapter; btctl doctor says more");
    case Bluetooth::Enrol::done:
      break;
  }
  return done({{"pairing_allowed_s", *seconds}});
}

}  // namespace btb
