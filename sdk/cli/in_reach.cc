#include "sdk/cli/in_reach.h"

#include <algorithm>

namespace btb::cli {

namespace {

using client::HeardWay;
using client::NearBroker;
using client::Way;

constexpr size_t brokers_told_max = 4;
constexpr uint32_t answers_ms_max = 5'000;  // how long bluetoothd may take to begin
constexpr uint32_t listens_ms_min = 500;    // with less time it does not listen at all

// The best way to the broker that has a place and was not tried; null if there is none.
const HeardWay* way_to(const NearBroker& broker, const std::vector<Way>& tried, bool by_broker) {
  for (const HeardWay& heard : broker.ways) {
    if (heard.is_full()) continue;
    const bool known = std::any_of(tried.begin(), tried.end(), [&](const Way& way) {
      return way.endpoint == heard.way.endpoint ||
             (by_broker && way.endpoint.address == heard.way.endpoint.address);
    });
    if (!known) return &heard;
  }
  return nullptr;
}

}  // namespace

std::string in_reach_text(const std::vector<NearBroker>& brokers, const std::vector<Way>& tried,
                          bool by_broker) {
  std::string out;
  size_t told = 0, more = 0;
  for (const NearBroker& broker : brokers) {
    const HeardWay* heard = way_to(broker, tried, by_broker);
    if (heard == nullptr) continue;
    if (told == brokers_told_max) {
      ++more;
      continue;
    }
    out += told++ == 0 ? "in reach: " : ", ";
    if (!broker.name.empty()) out += broker.name + " at ";
    out += to_string(heard->way.endpoint);
    if (!heard->free_places) continue;
    const unsigned places = *heard->free_places;
    out += " (" + std::to_string(places) + (places == 1 ? " place" : " places") + " free)";
  }
  if (told == 0) {
    return "no other broker with a place was heard; `btctl scan --inquiry` looks longer";
  }
  if (more != 0) out += " and " + std::to_string(more) + " more, see `btctl scan`";
  return out;
}

int tell_who_is_in_reach(const Program& program, const client::Client& client, EventLoop& loop,
                         std::optional<uint64_t> deadline_ms) {
  const bool full = client.state() == client::Client::State::stopped &&
                    client.ending().reason == wire::Reason::full;
  if (!full || program.quiet() || !program.is_named()) return 0;
  if (!is_bluetooth(client.way().endpoint)) return 0;
  const SystemClock clock;
  bluez::ScanOptions options;
  options.adapter = program.adapter();
  const uint64_t end_ms = deadline_ms.value_or(clock.mono_ms() + options.le_ms + answers_ms_max);
  if (clock.mono_ms() + listens_ms_min > end_ms) return 0;
  options.le_ms =
      static_cast<uint32_t>(std::min<uint64_t>(options.le_ms, end_ms - clock.mono_ms()));
  program.note("looking for others in reach");
  auto finder = client::Finder::begin(options, clock);
  if (!finder) return program.note(finder.error().text), 0;
  while ((*finder)->turn() && clock.mono_ms() < end_ms) {
    const int left_ms = static_cast<int>(end_ms - std::min(end_ms, clock.mono_ms()));
    const int signal =
        loop.wait((*finder)->fd(), (*finder)->events(), std::min((*finder)->timeout_ms(), left_ms));
    if (signal != 0) return signal;
  }
  const auto& fault = (*finder)->fault();
  program.note(fault
                   ? fault->text
                   : in_reach_text((*finder)->brokers(), client.ways(), client.ending().by_broker));
  return 0;
}

}  // namespace btb::cli
