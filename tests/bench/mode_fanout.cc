// fanout: --peer NAME --endpoint E --subscribers N --bytes N --window N [--pid N] [--warm S]
// [--seconds S]
//         [--latency-seconds S] [--rate HZ] [--spin 0|1]
// stuck:  the same, and --phases N: phases of --latency-seconds each, in which by turns all read
// and the first does not.
#include <cstdio>
#include <string>

#include "tests/bench/fanout.h"
#include "tests/bench/figures.h"
#include "tests/bench/modes.h"

namespace btb::bench {
namespace {

FanoutSettings settings_of(const Options& options) {
  FanoutSettings settings;
  settings.endpoint = options.text("endpoint");
  settings.subscribers = static_cast<size_t>(options.number("subscribers"));
  settings.payload_bytes = static_cast<size_t>(options.number("bytes"));
  settings.window = static_cast<size_t>(options.number("window"));
  settings.broker = static_cast<pid_t>(options.number("pid", 0));
  settings.spin = options.number("spin", 0) != 0;
  return settings;
}

std::string json(const Throughput& result) {
  char text[400];
  const auto deliveries = static_cast<double>(result.deliveries);
  const auto each = [deliveries](int64_t ns) { return static_cast<double>(ns) / deliveries; };
  std::snprintf(text, sizeof text,
                R"({"deliveries":%.0f,"deliveries_per_s":%.0f,"cpu_ns":%.2f,"schedstat_ns":%.2f,)"
                R"("load_cpu_ns":%.2f,"busy":%.3f,"load_busy":%.3f})",
                deliveries, deliveries / result.seconds, each(result.broker_cpu_ns),
                each(result.broker_schedstat_ns), each(result.load_cpu_ns),
                static_cast<double>(result.broker_cpu_ns) / 1e9 / result.seconds,
                static_cast<double>(result.load_cpu_ns) / 1e9 / result.seconds);
  return text;
}

std::string json(const Latency& result) {
  std::string text = result.histogram.json();
  text.pop_back();
  return text + ",\"undelivered\":" + std::to_string(result.undelivered) +
         ",\"missed\":" + std::to_string(result.missed) + "}";
}

std::string json(const Memory& memory) {
  return "{\"rss_kb\":" + std::to_string(memory.rss_kb) +
         ",\"peak_kb\":" + std::to_string(memory.peak_kb) + "}";
}

}  // namespace

void run_fanout(const Options& options) {
  const FanoutSettings settings = settings_of(options);
  const auto peer = make_peer(options.text("peer"), settings.payload_bytes);
  FanoutLoad load(*peer, settings);
  const Throughput throughput =
      load.throughput(options.real("warm", 0.2), options.real("seconds", 1.0));
  std::string latency = "null";
  if (const double seconds = options.real("latency-seconds", 2.0); seconds > 0) {
    latency = json(load.latency(options.real("rate", 1000), seconds, 0, 2.0));
  }
  std::printf("{\"throughput\":%s,\"latency\":%s,\"memory\":%s}\n", json(throughput).c_str(),
              latency.c_str(), json(process_memory(settings.broker)).c_str());
}

void run_stuck(const Options& options) {
  const FanoutSettings settings = settings_of(options);
  const auto peer = make_peer(options.text("peer"), settings.payload_bytes);
  FanoutLoad load(*peer, settings);
  const double rate_hz = options.real("rate", 1000);
  const double seconds = options.real("latency-seconds", 5.0);
  load.throughput(0, options.real("seconds", 1.0));
  for (int64_t phase = 0; phase < options.number("phases", 6); ++phase) {
    const bool stuck = phase % 2 == 1;
    load.stop_reading(stuck ? 1 : 0);
    const Latency result = load.latency(rate_hz, seconds, 1, 5.0);
    std::printf("{\"stuck\":%s,\"latency\":%s,\"memory\":%s}\n", stuck ? "true" : "false",
                json(result).c_str(), json(process_memory(settings.broker)).c_str());
    std::fflush(stdout);
    load.stop_reading(0);
    if (!load.drain(30)) fail("after a phase not everything arrived");
  }
}

}  // namespace btb::bench
