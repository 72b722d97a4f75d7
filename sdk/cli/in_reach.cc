#include "sdk/cli/in_reach.h"

#include <algorithm>

namespace btb::cli {

namespace {

using client::HeardWay;
using client::NearBroker;
using client::Way;

constexpr size_t brokers_told_max = 4;

// The best way with a place that was not tried.
const HeardWay* way_to(const NearBroker& broker, const std::vector<Way>& tried) {
  for (const HeardWay& heard : broker.ways) {
    if (heard.free_places && *heard.free_places == 0) continue;
    const bool known = std::any_of(tried.begin(), tried.end(), [&](const Way& way) {
      return way.endpoint == heard.way.endpoint;
    });
    if (!known) return &heard;
  }
  return nullptr;
}

}  // namespace

std::string in_reach_text(const std::vector<NearBroker>& brokers, const std::vector<Way>& tried) {
  std::string out;
  size_t told = 0, more = 0;
  for (const NearBroker& broker : brokers) {
    const HeardWay* heard = way_to(broker, tried);
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
  if (told == 0) return "no other broker with a place is in reach";
  if (more != 0) out += " and " + std::to_string(more) + " more, see `btctl scan`";
  return out;
}

void tell_who_is_in_reach(const Program& program, const client::Client& client, EventLoop& loop) {
  const bool full = client.state() == client::Client::State::stopped &&
                    client.ending().reason == wire::Reason::full;
  if (!full || program.quiet() || !program.is_named()) return;
  if (!is_bluetooth(client.way().endpoint)) return;
  const SystemClock clock;
  bluez::ScanOptions options;
  options.adapter = program.adapter();
  program.note("looking for others in reach, for 3 s");
  auto finder = client::Finder::begin(options, clock);
  if (!finder) return program.note(finder.error().text);
  while ((*finder)->turn()) {
    if (loop.wait((*finder)->fd(), (*finder)->events(), (*finder)->timeout_ms()) != 0) return;
  }
  if ((*finder)->fault()) return program.note((*finder)->fault()->text);
  program.note(in_reach_text((*finder)->brokers(), client.ways()));
}

}  // namespace btb::cli
