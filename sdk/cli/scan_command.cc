// btctl scan: brokers on this machine, brokers on the air, merging both, then the output as JSON or
// a table.
#include "sdk/cli/scan_command.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "sdk/cli/output.h"
#include "sdk/cli/table.h"
#include "sdk/cli/time_text.h"
#include "sdk/client/finder.h"
#include "sdk/client/last_broker.h"
#include "sdk/client/local_brokers.h"

namespace btb::cli {

namespace {

using Json = nlohmann::json;
using client::HeardWay;
using client::NearBroker;

constexpr uint32_t inquiry_ms = 11'000;  // a little more than the 10.24 s of a whole inquiry
constexpr uint32_t greeting_ms = 1'000;

// Keeps the session of the broker that answers.
class Greeting final : public client::Handler {
 public:
  void on_connected(const client::Session& session) override { session_ = session; }
  std::optional<client::Session> session_;
};

std::optional<client::Session> greet(const Endpoint& endpoint, const Clock& clock) {
  client::ClientOptions options;
  options.ways = {{endpoint}};
  options.connect_timeout_ms = greeting_ms;
  options.reconnect = false;
  options.conversation.name = "btctl scan";
  Greeting greeting;
  client::Client client(std::move(options), greeting, clock);
  client.start();
  while (!greeting.session_ && client.run_once(-1)) {
  }
  client.close();
  while (client.run_once(50)) {
  }
  return greeting.session_;
}

// The brokers on this machine that answer, each with its endpoint as a way.
std::vector<NearBroker> on_this_machine(const Clock& clock) {
  std::vector<NearBroker> all;
  std::string reasons;
  for (const Endpoint& endpoint :
       client::local_brokers(client::local_broker_directories(), reasons)) {
    const auto session = greet(endpoint, clock);
    if (!session) continue;
    HeardWay way{{endpoint, {}}};
    way.heard_ms = clock.mono_ms();
    all.push_back({session->broker_name, session->site, {}, {way}});
  }
  return all;
}

// Adds a broker to `all`, or its ways to the entry with the same site.
void merge(std::vector<NearBroker>& all, const NearBroker& more) {
  const auto same = std::find_if(all.begin(), all.end(), [&](const NearBroker& one) {
    return more.site != 0 && one.site == more.site;
  });
  if (same == all.end()) return all.push_back(more);
  if (same->name.empty()) same->name = more.name;
  same->epochs.insert(same->epochs.end(), more.epochs.begin(), more.epochs.end());
  for (const HeardWay& way : more.ways) {
    const bool known =
        std::any_of(same->ways.begin(), same->ways.end(),
                    [&](const HeardWay& other) { return other.way.endpoint == way.way.endpoint; });
    if (!known) same->ways.push_back(way);
  }
}

// Scans over Bluetooth, and notes how much was left out. Blocks.
Result<std::vector<NearBroker>> on_the_air(const Program& program,
                                           const bluez::ScanOptions& options, const Clock& clock) {
  auto finder = client::Finder::begin(options, clock);
  if (!finder) return finder.error();
  while ((*finder)->turn()) {
    pollfd entry{(*finder)->fd(), (*finder)->events(), 0};
    ::poll(&entry, 1, (*finder)->timeout_ms());
  }
  const auto tell_left_out = [&](size_t count, const char* what) {
    if (count != 0) program.note(std::to_string(count) + what + ", and were left out");
  };
  tell_left_out((*finder)->records_left_out(),
                " service records under our UUID are not a broker's");
  tell_left_out((*finder)->devices_left_out(),
                " devices under our UUID announce no broker that we know");
  if ((*finder)->fault()) return *(*finder)->fault();
  return (*finder)->brokers();
}

Json describe(const NearBroker& broker, const Clock& clock) {
  Json endpoints = Json::array();
  Json ways = Json::array();
  std::set<std::string> addresses;
  std::optional<unsigned> places;
  uint64_t heard_ms = 0;
  int rssi = 0;
  const auto wall_us = [&](uint64_t mono_ms) {
    return clock.now_us() - static_cast<int64_t>(clock.mono_ms() - mono_ms) * 1'000;
  };
  for (const HeardWay& heard : broker.ways) {
    endpoints.push_back(to_string(heard.way.endpoint));
    Json way = {{"endpoint", endpoints.back()}, {"seen_us", wall_us(heard.heard_ms)}};
    if (!heard.way.adapter.empty()) way["adapter"] = heard.way.adapter;
    if (heard.rssi != 0) way["signal_dbm"] = heard.rssi;
    if (heard.rssi != 0 && (rssi == 0 || heard.rssi > rssi)) rssi = heard.rssi;
    if (heard.free_places) way["free_places"] = *heard.free_places;
    const bool another = addresses.insert(heard.way.endpoint.address).second;
    if (another && heard.free_places) places = places.value_or(0) + *heard.free_places;
    heard_ms = std::max(heard_ms, heard.heard_ms);
    ways.push_back(std::move(way));
  }
  Json json = {{"name", broker.name},
               {"endpoints", endpoints},
               {"addresses", addresses},
               {"seen_us", wall_us(heard_ms)},
               {"ways", ways}};
  if (broker.site != 0) json["site"] = broker.site;
  if (!broker.epochs.empty()) json["epoch"] = broker.epochs.front();
  if (rssi != 0) json["signal_dbm"] = rssi;
  if (places) json["free_places"] = *places;
  return json;
}

// The broker that worked last, if this scan did not find it.
std::optional<Json> last_one(const std::vector<NearBroker>& all) {
  const auto last = client::read_last_broker(client::last_broker_file());
  if (!last) return std::nullopt;
  for (const NearBroker& broker : all) {
    if (last->site != 0 && broker.site == last->site) return std::nullopt;
    for (const HeardWay& heard : broker.ways) {
      if (heard.way.endpoint == last->endpoint) return std::nullopt;
    }
  }
  const std::string endpoint = to_string(last->endpoint);
  return Json{
      {"name", last->name},       {"site", last->site},
      {"endpoints", {endpoint}},  {"addresses", {last->endpoint.address}},
      {"seen_us", last->seen_us}, {"ways", {{{"endpoint", endpoint}, {"seen_us", last->seen_us}}}}};
}

}  // namespace

int scan_for_brokers(const Program& program, const ScanWords& words, bool json) {
  const auto time = parse_wait_ms(words.seconds);
  if (!time) return static_cast<int>(program.usage("--seconds: " + time.error().text));
  if (program.is_named()) program.note("scan looks for all there are; -b does not count");
  const SystemClock clock;
  std::vector<NearBroker> all = on_this_machine(clock);
  bluez::ScanOptions options;
  options.adapter = program.adapter();
  options.le_ms = *time;
  options.classic_ms = words.inquiry ? inquiry_ms : 0;
  if (::isatty(STDERR_FILENO) == 1) {
    program.note("listening for " + words.seconds + " s" +
                 (words.inquiry ? ", then asking for 11 s more" : ""));
  }
  const auto heard = on_the_air(program, options, clock);
  if (heard) {
    for (const NearBroker& broker : *heard) merge(all, broker);
  } else if (all.empty()) {
    program.error(heard.error().text + "; `btctl doctor` says what can be done");
    return static_cast<int>(Exit::error);
  } else {
    program.note("over Bluetooth: " + heard.error().text +
                 "; `btctl doctor` says what can be done");
  }
  Json rows = Json::array();
  for (const NearBroker& broker : all) rows.push_back(describe(broker, clock));
  if (const auto last = last_one(all)) rows.push_back(*last);
  Output output(STDOUT_FILENO);
  if (json) {
    output.buffer() = rows.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
  } else if (rows.empty()) {
    program.note(words.inquiry ? "no broker in reach"
                               : "no broker in reach; one that does not listen on LE is found with "
                                 "--inquiry only");
  } else {
    output.buffer() = table(rows, {"name", "signal_dbm", "free_places", "seen_us", "endpoints"},
                            program.verbose());
  }
  return static_cast<int>(program.written(output, Exit::ok));
}

}  // namespace btb::cli
