// sessions: --endpoint E --count N: connects N sessions that subscribe to nothing.
// topics:   --endpoint E --count N --bytes N: N topics with one message each, acknowledged; nobody
// is connected afterwards. Both print one line when that is done, and hold on until stdin ends.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/bench/figures.h"
#include "tests/bench/modes.h"
#include "tests/bench/peers/btb_talk.h"

namespace btb::bench {
namespace {

constexpr uint32_t topics_at_once = 256;  // a session has a limit of topics it publishes to

// Until stdin ends; says something on all connections every 20 s.
void hold(std::vector<Conversation>& connections) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  while (::poll(&input, 1, 20'000) == 0) {
    for (Conversation& each : connections) each.say(control_bytes(fb::PingT{}));
  }
}

void report_ready(int64_t count) {
  std::printf("{\"ready\":%lld}\n", static_cast<long long>(count));
  std::fflush(stdout);
}

std::string topic_name(uint32_t id) {
  return "ward/bed/" + std::to_string(id);
}

void make_topics(const std::string& endpoint, uint32_t first, uint32_t end, Bytes payload) {
  Conversation with(endpoint);
  greet(with);
  ByteVector out;
  for (uint32_t id = first; id < end; ++id) {
    fb::OpenT open;
    open.id = id;
    open.name = topic_name(id);
    open.ack = wire::AckLevel::memory;
    wire::append_control(out, open);
  }
  with.say(out);
  out.clear();
  for (uint32_t id = first; id < end; ++id) {
    const auto opened = await_frame<fb::OpenedT>(with);
    if (opened->reason != wire::Reason::none) {
      fail("a topic does not open: " + std::string(wire::name_of(opened->reason)));
    }
    wire::DataHead head;
    head.topic = opened->number;
    head.seq = 1;
    wire::append_message(out, head, {}, payload);
  }
  with.say(out);
  for (uint32_t id = first; id < end; ++id) await_frame<fb::AckT>(with);
}

}  // namespace

void run_sessions(const Options& options) {
  const int64_t count = options.number("count");
  std::vector<Conversation> connections;
  for (int64_t i = 0; i < count; ++i) {
    connections.emplace_back(options.text("endpoint"));
    greet(connections.back());
  }
  report_ready(count);
  hold(connections);
}

void run_topics(const Options& options) {
  const auto count = static_cast<uint32_t>(options.number("count"));
  const ByteVector payload(static_cast<size_t>(options.number("bytes", 16)), std::byte{'x'});
  for (uint32_t first = 1; first <= count; first += topics_at_once) {
    make_topics(options.text("endpoint"), first, std::min(first + topics_at_once, count + 1),
                payload);
  }
  report_ready(count);
  std::vector<Conversation> none;
  hold(none);
}

}  // namespace btb::bench
