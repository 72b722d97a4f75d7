// catchup: --endpoint E --messages N --bytes N [--pid N] [--times N]: publishes N messages to an
// events topic that keeps them all; then, so many times, a new subscriber reads them from the
// beginning. One line each.
#include <poll.h>

#include <cstdio>
#include <string>

#include "tests/bench/figures.h"
#include "tests/bench/inlet.h"
#include "tests/bench/modes.h"
#include "tests/bench/peers/btb_talk.h"

namespace btb::bench {
namespace {

constexpr uint64_t batch_messages = 512;

// Publishes in batches and waits for the acknowledgement of each before the next but one.
void fill(const std::string& endpoint, uint64_t messages, Bytes payload) {
  Conversation with(endpoint);
  greet(with);
  wire::DataHead head;
  head.topic = open_topic(with, std::string(topic), wire::AckLevel::memory)->number;
  uint64_t acknowledged = 0;
  while (acknowledged < messages) {
    ByteVector out;
    while (head.seq < messages && head.seq < acknowledged + 2 * batch_messages) {
      ++head.seq;
      wire::append_message(out, head, {}, payload);
    }
    with.say(out);
    acknowledged = await_frame<fb::AckT>(with)->published;
  }
}

void catch_up(const Options& options, uint64_t messages, Peer& peer) {
  const auto pid = static_cast<pid_t>(options.number("pid", 0));
  Conversation with(options.text("endpoint"));
  greet(with);
  fb::SubscribeT wanted;
  wanted.id = 1;
  wanted.filter = topic;
  wanted.from = wire::From::beginning;
  const int64_t cpu = process_cpu_ns(pid);
  const int64_t own = process_cpu_ns(::getpid());
  const int64_t start = now_ns();
  with.say(control_bytes(wanted));
  Inlet inlet(peer);
  inlet.add(std::move(with));
  pollfd waiting{inlet.fd(0), POLLIN, 0};
  while (inlet.received(0) < messages) {
    if (::poll(&waiting, 1, 10'000) <= 0) fail("nothing has arrived for 10 s");
    inlet.read(0, nullptr);
  }
  if (inlet.deliveries() + inlet.missed() != messages) fail("more messages arrived than there are");
  const auto taken = static_cast<double>(now_ns() - start);
  const auto each = static_cast<double>(messages);
  std::printf(
      "{\"messages\":%llu,\"missed\":%llu,\"messages_per_s\":%.0f,\"cpu_ns\":%.1f,\"load_cpu_ns\":%"
      ".1f}\n",
      static_cast<unsigned long long>(inlet.deliveries()),
      static_cast<unsigned long long>(inlet.missed()), each / (taken / 1e9),
      static_cast<double>(process_cpu_ns(pid) - cpu) / each,
      static_cast<double>(process_cpu_ns(::getpid()) - own) / each);
  std::fflush(stdout);
}

}  // namespace

void run_catchup(const Options& options) {
  const auto messages = static_cast<uint64_t>(options.number("messages"));
  const auto bytes = static_cast<size_t>(options.number("bytes"));
  const ByteVector payload(bytes, std::byte{'x'});
  fill(options.text("endpoint"), messages, payload);
  const auto peer = make_peer("btbroker", bytes);
  for (int64_t i = 0; i < options.number("times", 3); ++i) catch_up(options, messages, *peer);
}

}  // namespace btb::bench
