// position: --endpoint E --topic T --seq N --timeout S: asks every 50 ms how far the topic is, with
// a new session each time,
//           so that nothing is delivered meanwhile; ends with one line when the topic has reached
//           N.
// watch:    --endpoint E --topic T --quiet-ms N --timeout S: changes of the topic from now on; says
// so once subscribed,
//           then one line for each burst of messages that was followed by so much silence.
// Times are CLOCK_MONOTONIC in nanoseconds.
#include <poll.h>

#include <cstdio>
#include <ctime>
#include <optional>
#include <string>

#include "tests/bench/figures.h"
#include "tests/bench/modes.h"
#include "tests/bench/peers/btb_talk.h"

namespace btb::bench {
namespace {

constexpr int64_t millisecond_ns = 1'000'000;

fb::SubscribeT changes_of(const std::string& name) {
  fb::SubscribeT wanted;
  wanted.id = 1;
  wanted.filter = name;
  wanted.no_snapshot = true;
  return wanted;
}

// The last number of a topic; 0 if there is no such topic.
uint64_t last_seq_of(const std::string& endpoint, const std::string& name) {
  Conversation with(endpoint);
  greet(with);
  with.say(control_bytes(changes_of(name)));
  const auto answer = await_frame<fb::SubscribedT>(with);
  if (answer->reason != wire::Reason::none) fail("btbroker refuses " + name + ": " + answer->text);
  return answer->topics == 0 ? 0 : await_frame<fb::TopicT>(with)->last_seq;
}

void sleep_ms(int64_t ms) {
  const timespec wait{ms / 1000, (ms % 1000) * millisecond_ns};
  ::nanosleep(&wait, nullptr);
}

struct Burst {
  int64_t first_ns = 0;
  int64_t last_ns = 0;
  uint64_t messages = 0;
};

void print(const Burst& burst) {
  std::printf("{\"messages\":%llu,\"first_ns\":%lld,\"last_ns\":%lld}\n",
              static_cast<unsigned long long>(burst.messages),
              static_cast<long long>(burst.first_ns), static_cast<long long>(burst.last_ns));
  std::fflush(stdout);
}

// Counts the messages among what was heard.
void take_messages(Conversation& with, Burst& burst) {
  for (;;) {
    const wire::NextFrame next = wire::next_frame(with.heard());
    if (next.status == wire::NextFrame::Status::fault) fail(next.fault.text);
    if (next.status == wire::NextFrame::Status::incomplete) return;
    if (next.frame.kind == wire::Kind::data && !next.frame.data().part_more()) {
      burst.last_ns = now_ns();
      if (burst.messages++ == 0) burst.first_ns = burst.last_ns;
    }
    with.consume(next.consumed);
  }
}

}  // namespace

void run_position(const Options& options) {
  const auto wanted = static_cast<uint64_t>(options.number("seq"));
  const int64_t deadline = now_ns() + options.number("timeout", 60) * 1000 * millisecond_ns;
  for (;;) {
    const int64_t asked = now_ns();
    const uint64_t seq = last_seq_of(options.text("endpoint"), options.text("topic"));
    if (seq >= wanted) {
      std::printf("{\"seq\":%llu,\"at_ns\":%lld}\n", static_cast<unsigned long long>(seq),
                  static_cast<long long>(asked));
      return;
    }
    if (asked > deadline) fail("the topic stands at " + std::to_string(seq));
    sleep_ms(50);
  }
}

void run_watch(const Options& options) {
  const auto quiet_ms = static_cast<int>(options.number("quiet-ms", 1000));
  const int64_t end = now_ns() + options.number("timeout", 30) * 1000 * millisecond_ns;
  Conversation with(options.text("endpoint"));
  greet(with);
  subscribe_to(with, changes_of(options.text("topic")));
  std::printf("{\"ready\":1}\n");
  std::fflush(stdout);
  Burst burst;
  while (now_ns() < end) {
    take_messages(with, burst);
    pollfd waiting{with.fd(), POLLIN, 0};
    if (::poll(&waiting, 1, quiet_ms) > 0) {
      with.listen();
    } else if (burst.messages > 0) {
      print(burst);
      burst = {};
    }
  }
}

}  // namespace btb::bench
