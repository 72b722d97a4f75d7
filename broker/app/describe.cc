// One function for each part of the broker.
#include "broker/app/describe.h"

namespace btb {

namespace {

const char* name_of(Session::State state) {
  switch (state) {
    case Session::State::hello_expected:
      return "hello_expected";
    case Session::State::open:
      return "open";
    case Session::State::closing:
      return "closing";
    case Session::State::ended:
      return "ended";
  }
  return "unknown";
}

}  // namespace

Json describe(const Topic& topic) {
  const TopicLog& log = topic.log;
  Json json = {
      {"name", topic.name},
      {"number", topic.number},
      {"kind", wire::name_of(topic.options->kind)},
      {"priority", wire::name_of(topic.options->priority)},
      {"messages", log.messages()},
      {"bytes", log.bytes()},
      {"first_seq", log.first_seq()},
      {"last_seq", log.last_seq()},
      {"followers", topic.followers.size()},
      {"published", topic.counters.published},
      {"unchanged", topic.counters.unchanged},
      {"rejected", topic.counters.rejected},
      {"missed", topic.counters.missed},
      {"batches_cut", topic.counters.batches_cut},
      {"held_bytes", topic.held_bytes},
      {"evicted_bytes", topic.counters.evicted},
  };
  if (topic.options->kind == wire::TopicKind::state) {
    json["keys"] = log.keys();
    json["deletions"] = log.deletions();
    json["dead_bytes"] = log.dead_bytes();
  }
  return json;
}

Json describe(const Session& session, uint64_t now_ms) {
  return {
      {"id", session.id()},
      {"name", session.name()},
      {"agent", session.agent()},
      {"peer", session.traits().peer},
      {"listener", session.traits().listener},
      {"adapter", session.traits().adapter},
      {"state", name_of(session.state())},
      {"connected_s", (now_ms - session.connected_ms()) / 1000},
      {"subscriptions", session.subscription_count()},
      {"topics", session.followers().size()},
      {"sent_bytes", session.counters().sent_bytes},
      {"received_bytes", session.counters().received_bytes},
      {"received_messages", session.counters().received_messages},
      {"missed_messages", session.counters().missed_messages},
      {"behind_bytes", session.behind_bytes()},
  };
}

Json describe(const Source& source) {
  const SourceCounters& counters = source.counters();
  return {
      {"name", source.spec().name},
      {"plugin", source.spec().library->plugin().name},
      {"version", source.spec().library->plugin().version},
      {"state", source.state_name()},
      {"text", source.state_text()},
      {"since_us", source.state_since_us()},
      {"messages", counters.messages},
      {"batches", counters.batches},
      {"unchanged", counters.unchanged},
      {"rejected", counters.rejected},
      {"invalid_batches", counters.invalid},
      {"dead_letters", counters.dead_letters},
      {"dead_letter_topic", source.dead_letter_topic()},
      {"dead_letters_dropped", counters.dead_letters_dropped},
      {"leftovers_deleted", counters.leftovers_deleted},
      {"leftovers_held", counters.leftovers_held},
      {"log_lines_dropped", counters.log_lines_dropped},
      {"restarts", counters.restarts},
      {"last_batch_us", source.last_message_us()},
  };
}

}  // namespace btb
