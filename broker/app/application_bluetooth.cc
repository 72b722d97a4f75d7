// The broker's places on the air: what is announced, who finds a place at an adapter. The part of
// Application that knows Bluetooth.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "broker/app/application.h"

namespace btb {

namespace {

// Time for the goodbye, and for who comes back at once.
constexpr uint64_t loose_link_ms = 2'000;
constexpr size_t loose_links_max = 1'000;
constexpr uint32_t link_look_ticks = 5;
constexpr size_t elsewhere_told_max = 4, elsewhere_max = 16;

bool is_at(const Endpoint& endpoint, const bluez::AdapterState& adapter) {
  return endpoint.address == "*" || endpoint.address == adapter.name ||
         endpoint.address == adapter.address;
}

// What makes this broker this one, and stays when it is started anew.
std::string identity(const Config& config) {
  std::string machine;
  std::ifstream file("/etc/machine-id");
  std::getline(file, machine);
  std::error_code fault;
  const auto path = std::filesystem::absolute(config.file, fault).lexically_normal();
  return config.broker.name + "\n" + machine + "\n" + path.string();
}

}  // namespace

void Application::announce() {
  std::vector<Endpoint> endpoints;
  for (const Endpoints::Open& open : endpoints_.open())
    endpoints.push_back(open.listener->endpoint());
  discovery_.reset();  // before the next one: bluetoothd takes one record for our UUID
  if (!Discovery::concerns(endpoints)) return;
  sessions_.site = bluez::site_of(identity(*config_));
  discovery_ = std::make_unique<Discovery>(
      loop_, config_->broker.name, sessions_.site, endpoints,
      [this](bool good, const std::string& what, const std::string& text) {
        ++bluetooth_events_[what];
        log_.write(good ? EventLog::Level::info : EventLog::Level::warning, what, text);
      });
  discovery_->set_epoch(sessions_.announced_epoch());
}

// The kernel ends a BR/EDR link that nobody uses. An LE link is kept by bluetoothd on both sides,
// which begins to talk GATT on it, and takes a place of the adapter for nothing.
void Application::drop_loose_links() {
  const uint64_t now_ms = clock_.mono_ms();
  std::erase_if(loose_links_, [&](LooseLink& loose) {
    if (now_ms - loose.since_ms < loose_link_ms) return false;
    if (sessions_.has(loose.adapter, loose.device)) {
      loose.since_ms = now_ms;  // by way of another kind of link; this one is loose still
      return false;
    }
    if (discovery_ != nullptr) discovery_->drop_link(loose.adapter, loose.device);
    return true;
  });
}

bool Application::listens_on_classic(const bluez::AdapterState& adapter) const {
  const auto& open_ones = endpoints_.open();
  return std::any_of(open_ones.begin(), open_ones.end(), [&](const Endpoints::Open& open) {
    const Endpoint endpoint = open.listener->endpoint();
    const bool classic = is_bluetooth(endpoint) && endpoint.scheme != Endpoint::Scheme::le;
    return classic && is_at(endpoint, adapter);
  });
}

// What goes over BR/EDR, whoever it is for: seven links are all that an adapter has.
void Application::look_at_classic_links() {
  if (++link_ticks_ % link_look_ticks != 0) return;
  std::map<std::string, size_t> links;  // of the adapters where we listen for them
  for (const bluez::AdapterState& adapter : discovery_->adapters()) {
    if (listens_on_classic(adapter)) links[adapter.address] = 0;
  }
  if (links.empty()) return;
  std::vector<bluetooth::ClassicLink> unused;
  for (bluetooth::ClassicLink& link : bluetooth::classic_links()) {
    const auto adapter = links.find(link.adapter);
    if (adapter == links.end()) continue;
    ++adapter->second;
    if (!sessions_.has(link.adapter, link.device)) unused.push_back(std::move(link));
  }
  for (const auto& [adapter, count] : links) {
    if (discovery_->advertises(adapter)) sessions_.keep_place_open(adapter, count);
  }
  if (discovery_->is_enrolling()) unused.clear();  // a pairing may wait for a person
  for (const bluetooth::ClassicLink& lost : lost_links_.due(unused, clock_.mono_ms())) {
    discovery_->drop_link_of_stranger(lost.adapter, lost.device, [this, lost] {
      return !sessions_.has(lost.adapter, lost.device);
    });
  }
}

size_t Application::free_places(const std::string& adapter) const {
  const size_t taken = sessions_.count_on(adapter);
  const size_t all = config_->limits.sessions_per_adapter;
  return taken < all ? all - taken : 0;
}

// A full adapter takes one more connection if somebody who is idle can wait without a place, which
// takes being called over the air. Who lets go is asked to only when the newcomer has said hello.
void Application::turn_away_or_adopt(UniqueFd fd, SessionTraits traits) {
  const std::string& adapter = traits.adapter;
  if (adapter.empty() || free_places(adapter) != 0 ||
      sessions_.count_on(adapter) < config_->limits.sessions_per_adapter + idle_places(adapter)) {
    return sessions_.adopt(std::move(fd), std::move(traits));
  }
  auto [text, elsewhere] = no_place(adapter);
  sessions_.turn_away(std::move(fd), std::move(traits), text, std::move(elsewhere));
}

bool Application::has_place(const Session& newcomer) {
  const std::string& adapter = newcomer.traits().adapter;
  if (adapter.empty() || sessions_.count_on(adapter) <= config_->limits.sessions_per_adapter)
    return true;
  if (idle_places(adapter) != 0 && sessions_.free_place(adapter)) return true;
  auto [text, elsewhere] = no_place(adapter);
  sessions_.turn_away(newcomer.id(), text, std::move(elsewhere));
  return false;
}

size_t Application::idle_places(const std::string& adapter) const {
  const bool called = discovery_ != nullptr && discovery_->advertises(adapter);
  return called ? sessions_.idle_on(adapter) : 0;
}

// What who finds no place is told: in words, and as endpoints.
std::pair<std::string, std::vector<std::string>> Application::no_place(
    const std::string& adapter) const {
  std::vector<std::string> elsewhere = places_elsewhere(adapter);
  std::string text = "all " + std::to_string(config_->limits.sessions_per_adapter) +
                     " places of this adapter are taken";
  for (size_t i = 0; i < std::min(elsewhere.size(), elsewhere_told_max); ++i) {
    text += (i == 0 ? "; there are some at " : ", ") + elsewhere[i];
  }
  return {text, std::move(elsewhere)};
}

// Where there are places, as -b takes it.
std::vector<std::string> Application::places_elsewhere(const std::string& adapter) const {
  std::vector<std::string> endpoints;
  if (discovery_ == nullptr) return endpoints;
  for (const bluez::AdapterState& other : discovery_->adapters()) {
    if (other.address == adapter || !other.powered || free_places(other.address) == 0) continue;
    for (const Endpoints::Open& open : endpoints_.open()) {
      Endpoint endpoint = open.listener->endpoint();
      const bool there = is_bluetooth(endpoint) && is_at(endpoint, other);
      if (!there || endpoints.size() == elsewhere_max) continue;
      endpoint.address = other.address;
      endpoints.push_back(to_string(endpoint));
    }
  }
  return endpoints;
}

void Application::update_announcement() {
  drop_loose_links();
  if (discovery_ == nullptr) return;
  look_at_classic_links();
  discovery_->tick();
  discovery_->set_epoch(sessions_.announced_epoch());
  for (const bluez::AdapterState& adapter : discovery_->adapters()) {
    // Who is idle is looked for only where there is no place without them.
    size_t places = free_places(adapter.address);
    if (places == 0) places = idle_places(adapter.address);
    discovery_->set_free_places(adapter.address,
                                static_cast<uint8_t>(std::min<size_t>(255, places)));
  }
}

void Application::note_loose_link(const SessionTraits& traits) {
  const bool over_le = !traits.adapter.empty() && !traits.classic;
  if (!over_le || loose_links_.size() >= loose_links_max) return;
  loose_links_.push_back({traits.adapter, std::string(traits.device()), clock_.mono_ms()});
}

}  // namespace btb
