// The parts of Finder: making ways of one device and ordering them, the scan and the questions for
// service records after it, and brokers_of, which joins the devices of one broker.
#include "sdk/client/finder.h"

#include <algorithm>
#include <climits>
#include <span>
#include <tuple>

namespace btb::client {

namespace {

using Scheme = Endpoint::Scheme;

// Bounds against many devices, or devices that say too much: devices asked, records used of each.
constexpr size_t queries_max = 16, records_max = 4;

void add_ways(NearBroker& broker, const bluez::Found& device,
              const std::vector<bluez::ServiceRecord>& all) {
  const auto& said = device.announcement;
  const auto add = [&](Scheme scheme, uint16_t port) {
    HeardWay heard{{{scheme, device.address, port}, device.adapter}, device.rssi};
    heard.way.endpoint.random_address = scheme == Scheme::le && device.random_address;
    heard.heard_ms = device.heard_ms;
    heard.way.heard = true;
    if (said) heard.free_places = said->free_places;
    const bool known = std::any_of(
        broker.ways.begin(), broker.ways.end(),
        [&](const HeardWay& other) { return other.way.endpoint == heard.way.endpoint; });
    if (!known) broker.ways.push_back(heard);
  };
  const std::span records(all.data(), std::min(all.size(), records_max));
  for (const bluez::ServiceRecord& record : records) {
    if (record.l2cap_psm != 0) add(Scheme::l2cap, record.l2cap_psm);
  }
  if (said && said->classic && !device.random_address) add(Scheme::l2cap, bluez::usual_l2cap_psm);
  if (said && said->le_psm != 0) add(Scheme::le, said->le_psm);
  for (const bluez::ServiceRecord& record : records) {
    if (record.rfcomm_channel != 0) add(Scheme::rfcomm, record.rfcomm_channel);
  }
}

// First the ways with a place, then the stronger signal, then the faster kind of link.
bool is_better(const HeardWay& a, const HeardWay& b) {
  const auto rank = [](const HeardWay& heard) {
    const int strength = heard.rssi == 0 ? INT_MIN : heard.rssi;
    const Scheme scheme = heard.way.endpoint.scheme;
    const int kind = scheme == Scheme::l2cap ? 0 : scheme == Scheme::le ? 1 : 2;
    return std::make_tuple(heard.is_full(), -static_cast<int64_t>(strength),
                           heard.way.endpoint.address, kind);
  };
  return rank(a) < rank(b);
}

}  // namespace

bool NearBroker::has_place() const {
  return !std::all_of(ways.begin(), ways.end(),
                      [](const HeardWay& heard) { return heard.is_full(); });
}

Result<std::unique_ptr<Finder>> Finder::begin(const bluez::ScanOptions& options,
                                              const Clock& clock) {
  auto scan = bluez::Scan::begin(options, clock);
  if (!scan) return scan.error();
  return std::unique_ptr<Finder>(new Finder(std::move(*scan), clock));
}

int Finder::fd() const {
  return query_ != nullptr ? query_->fd() : scan_ != nullptr ? scan_->fd() : -1;
}

short Finder::events() const {
  return query_ != nullptr ? query_->events() : scan_ != nullptr ? scan_->events() : short{0};
}

int Finder::timeout_ms() const {
  return query_ != nullptr ? query_->timeout_ms() : scan_ != nullptr ? scan_->timeout_ms() : 0;
}

bool Finder::turn() {
  if (scan_ != nullptr) {
    if (scan_->turn()) return true;
    fault_ = scan_->fault();
    devices_left_out_ = scan_->left_out();
    for (const bluez::Found& device : scan_->found()) asked_.push_back({device, {}});
    scan_.reset();
    asking_until_ms_ = clock_.mono_ms() + asking_ms_max;
    return ask_next();
  }
  if (query_ == nullptr) return false;
  if (query_->turn() && clock_.mono_ms() < asking_until_ms_) return true;
  asked_[asking_].records = query_->records();
  records_left_out_ += query_->left_out();
  query_.reset();
  ++asking_;
  return ask_next();
}

void Finder::stop() {
  stopped_ = true;
  query_.reset();
  if (scan_ != nullptr) scan_->stop();
}

bool Finder::ask_next() {
  if (stopped_) return false;
  for (; asking_ < asked_.size(); ++asking_) {
    const bluez::Found& device = asked_[asking_].found;
    if (!device.classic) continue;
    if (queries_ == queries_max || clock_.mono_ms() >= asking_until_ms_) return false;
    ++queries_;
    auto query = ServiceQuery::begin(device.address, device.adapter, clock_);
    if (!query) continue;
    query_ = std::move(*query);
    return true;
  }
  return false;
}

std::vector<NearBroker> Finder::brokers() const {
  if (scan_ == nullptr) return brokers_of(asked_);
  std::vector<HeardDevice> devices;
  for (const bluez::Found& found : scan_->found()) devices.push_back({found, {}});
  return brokers_of(devices);
}

std::vector<NearBroker> brokers_of(const std::vector<HeardDevice>& devices) {
  std::vector<NearBroker> all;
  for (const auto& [device, records] : devices) {
    if (!device.announcement && records.empty()) continue;
    const uint16_t site = device.announcement ? device.announcement->site : records[0].site;
    auto broker = std::find_if(all.begin(), all.end(), [&](const NearBroker& one) {
      return site != 0 && one.site == site;
    });
    if (broker == all.end()) broker = all.insert(all.end(), NearBroker{{}, site, {}, {}});
    if (!records.empty()) broker->name = records[0].name;
    if (broker->name.empty()) broker->name = device.name;
    if (device.announcement) broker->epochs.push_back(device.announcement->epoch);
    add_ways(*broker, device, records);
  }
  for (NearBroker& broker : all) {
    std::stable_sort(broker.ways.begin(), broker.ways.end(), is_better);
  }
  return all;
}

}  // namespace btb::client
