#include "broker/app/bluetooth.h"

#include <algorithm>
#include <utility>

#include "sdk/transport/bluetooth.h"

namespace btb {

namespace {

constexpr uint32_t link_look_ticks = 5;

bool is_at(const Endpoint& endpoint, const bluez::AdapterState& adapter) {
  return endpoint.address == "*" || endpoint.address == adapter.name ||
         endpoint.address == adapter.address;
}

}  // namespace

Bluetooth::Bluetooth(Loop& loop, const Clock& clock, Admission& admission,
                     const Endpoints& endpoints, Tell tell)
    : loop_(loop),
      clock_(clock),
      admission_(admission),
      endpoints_(endpoints),
      tell_(std::move(tell)),
      unused_links_([this](const std::string& adapter, const std::string& device) {
        return admission_.has(adapter, device);
      }) {
  admission_.air = this;
}

Bluetooth::~Bluetooth() {
  admission_.air = nullptr;
}

// --- being found ---

bool Bluetooth::announce(const std::string& broker_name, uint16_t site) {
  std::vector<Endpoint> endpoints;
  for (const Endpoints::Open& open : endpoints_.open()) {
    endpoints.push_back(open.listener->endpoint());
  }
  discovery_.reset();  // before the next one is made: bluetoothd takes one record for our UUID
  if (!Discovery::concerns(endpoints)) return false;
  discovery_ = std::make_unique<Discovery>(
      loop_, broker_name, site, endpoints,
      [this](bool good, const std::string& what, const std::string& text) {
        ++events_[what];
        tell_(good, what, text);
      });
  discovery_->set_epoch(admission_.announced_epoch());
  return true;
}

void Bluetooth::tick() {
  UnusedLinks::Radio* const radio = discovery_ == nullptr ? nullptr : this;
  unused_links_.end_le_links(radio, clock_.mono_ms());
  if (discovery_ == nullptr) return;
  look_at_classic_links();
  discovery_->tick();
  discovery_->set_epoch(admission_.announced_epoch());
  for (const bluez::AdapterState& adapter : discovery_->adapters()) {
    const size_t places = admission_.places_for_newcomers(adapter.address);
    discovery_->set_free_places(adapter.address,
                                static_cast<uint8_t>(std::min<size_t>(255, places)));
  }
}

Bluetooth::Enrol Bluetooth::enrol(uint32_t seconds) {
  if (discovery_ == nullptr) return Enrol::no_listener;
  return discovery_->enrol(seconds) ? Enrol::done : Enrol::no_bluetoothd;
}

// --- what admission asks ---

bool Bluetooth::calls_back(const std::string& adapter) const {
  return discovery_ != nullptr && discovery_->advertises(adapter);
}

std::vector<Air::Adapter> Bluetooth::adapters() const {
  std::vector<Adapter> found;
  if (discovery_ == nullptr) return found;
  for (const bluez::AdapterState& adapter : discovery_->adapters()) {
    if (!adapter.powered) continue;
    Adapter& one = found.emplace_back();
    one.address = adapter.address;
    for (const Endpoints::Open& open : endpoints_.open()) {
      Endpoint endpoint = open.listener->endpoint();
      if (!is_bluetooth(endpoint) || !is_at(endpoint, adapter)) continue;
      endpoint.address = adapter.address;
      one.endpoints.push_back(to_string(endpoint));
    }
  }
  return found;
}

// --- links that no session uses ---

void Bluetooth::session_ended(const std::string& adapter, const std::string& device, bool classic) {
  if (adapter.empty() || classic) return;
  unused_links_.le_session_ended(adapter, device, clock_.mono_ms());
}

bool Bluetooth::listens_on_classic(const bluez::AdapterState& adapter) const {
  const auto& open_ones = endpoints_.open();
  return std::any_of(open_ones.begin(), open_ones.end(), [&](const Endpoints::Open& open) {
    const Endpoint endpoint = open.listener->endpoint();
    const bool classic = is_bluetooth(endpoint) && endpoint.scheme != Endpoint::Scheme::le;
    return classic && is_at(endpoint, adapter);
  });
}

// An adapter has at most seven BR/EDR links. All of them count, also those of other programs.
void Bluetooth::look_at_classic_links() {
  if (++link_ticks_ % link_look_ticks != 0) return;
  std::map<std::string, size_t> links;  // by address of the adapters where we listen on BR/EDR
  for (const bluez::AdapterState& adapter : discovery_->adapters()) {
    if (listens_on_classic(adapter)) links[adapter.address] = 0;
  }
  if (links.empty()) return;
  std::vector<bluetooth::ClassicLink> ours;
  for (bluetooth::ClassicLink& link : bluetooth::classic_links()) {
    const auto adapter = links.find(link.adapter);
    if (adapter == links.end()) continue;
    ++adapter->second;
    ours.push_back(std::move(link));
  }
  for (const auto& [adapter, count] : links) {
    if (discovery_->advertises(adapter)) admission_.keep_place_open(adapter, count);
  }
  unused_links_.end_lost_links(ours, discovery_->is_enrolling(), *this, clock_.mono_ms());
}

void Bluetooth::drop_link(const std::string& adapter, const std::string& device) {
  discovery_->drop_link(adapter, device);
}

void Bluetooth::drop_link_of_stranger(const std::string& adapter, const std::string& device,
                                      std::function<bool()> still) {
  discovery_->drop_link_of_stranger(adapter, device, std::move(still));
}

}  // namespace btb
