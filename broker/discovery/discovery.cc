// Parts: the announcement that follows from the endpoints; connecting to D-Bus and serving it on
// the loop; functions that pass calls on to Presence and Enrolment.
#include "broker/discovery/discovery.h"

#include <poll.h>

#include <algorithm>

#include "sdk/base/limits.h"

namespace btb {

namespace {

using Scheme = Endpoint::Scheme;

constexpr uint64_t retry_ms = 5'000;

bluez::PresenceOptions options_for(const std::string& name, uint16_t site,
                                   const std::vector<Endpoint>& endpoints) {
  bluez::PresenceOptions options;
  options.name = name;
  options.announcement.site = site;
  options.announcement.free_places = limits::sessions_per_adapter_max;  // until set_free_places
  bool all = false;
  for (const Endpoint& endpoint : endpoints) {
    if (!is_bluetooth(endpoint)) continue;
    all = all || endpoint.address == "*";
    options.adapters.insert(endpoint.address);
    if (endpoint.scheme == Scheme::l2cap) options.l2cap_psm = endpoint.port;
    if (endpoint.scheme == Scheme::rfcomm) {
      options.rfcomm_channel = static_cast<uint8_t>(endpoint.port);
    }
    if (endpoint.scheme == Scheme::le) {
      options.announcement.le_psm = static_cast<uint8_t>(endpoint.port);
    }
    if (endpoint.scheme == Scheme::l2cap && endpoint.port == bluez::usual_l2cap_psm) {
      options.announcement.classic = true;
    }
  }
  if (all) options.adapters.clear();
  return options;
}

}  // namespace

bool Discovery::concerns(const std::vector<Endpoint>& endpoints) {
  return std::any_of(endpoints.begin(), endpoints.end(), is_bluetooth);
}

Discovery::Discovery(Loop& loop, const std::string& broker_name, uint16_t site,
                     const std::vector<Endpoint>& endpoints, Tell tell)
    : loop_(loop),
      options_(options_for(broker_name, site, endpoints)),
      tell_(std::move(tell)),
      enrolment_timer_(loop, [this] { enrol(0); }),
      timer_(loop, [this] { bus_ == nullptr ? connect() : turn(); }) {
  connect();
}

// The last requests are sent if the bus takes them at once; nothing waits for it.
Discovery::~Discovery() {
  if (presence_ == nullptr) return;
  enrolment_->close();
  presence_->leave();
  bus_->process();
}

void Discovery::connect() {
  auto bus = bluez::Bus::open_system();
  if (!bus) {
    if (!std::exchange(said_unreachable_, true)) {
      tell_(false, "not_announced",
            bus.error().text + "; nobody finds this broker by itself, but it can be connected to");
    }
    return timer_.start(retry_ms, 0);
  }
  said_unreachable_ = false;
  bus_ = std::move(*bus);
  bluez::Presence::Events& presence_events = *this;
  Poll::Events& poll_events = *this;
  presence_ = std::make_unique<bluez::Presence>(*bus_, options_, presence_events);
  enrolment_ = std::make_unique<bluez::Enrolment>(*bus_, tell_);
  poll_ = std::make_unique<Poll>(loop_, bus_->fd(), poll_events);
  presence_->start();
  turn();
}

// Processes the bus, then asks the loop to wait for the same events and time as the bus.
void Discovery::turn() {
  if (bus_ == nullptr) return;
  if (!bus_->process()) {
    tell_(false, "not_announced", "the connection to the system's D-Bus is lost");
    poll_.reset();
    enrolment_.reset();
    presence_.reset();
    bus_.reset();
    return timer_.start(retry_ms, 0);
  }
  const short events = bus_->events();
  poll_->want((events & POLLIN) != 0, (events & POLLOUT) != 0);
  const int timeout = bus_->timeout_ms();
  if (timeout < 0) {
    timer_.stop();
  } else {
    timer_.start(static_cast<uint64_t>(timeout), 0);
  }
}

void Discovery::presence_event(bool good, const std::string& what, const std::string& text) {
  tell_(good, what, text);
  if (what == "bluetoothd_there" && enrolment_ != nullptr) enrolment_->register_again();
}

void Discovery::set_free_places(const std::string& adapter_address, uint8_t free) {
  if (presence_ == nullptr) return;
  presence_->set_free_places(adapter_address, free);
  turn();
}

void Discovery::set_epoch(uint8_t epoch) {
  options_.announcement.epoch = epoch;
  if (presence_ == nullptr) return;
  presence_->set_epoch(epoch);
  turn();
}

bool Discovery::enrol(uint32_t seconds) {
  if (enrolment_ == nullptr) return false;
  if (seconds != 0 && presence_->adapters().empty()) return false;
  enrolment_timer_.stop();
  if (seconds == 0) {
    enrolment_->close();
  } else {
    enrolment_->open();
    enrolment_timer_.start(uint64_t{seconds} * 1'000, 0);
  }
  presence_->allow_pairing(seconds != 0);
  turn();
  return true;
}

bool Discovery::advertises(const std::string& adapter_address) const {
  return presence_ != nullptr && presence_->advertises(adapter_address);
}

void Discovery::tick() {
  if (presence_ == nullptr) return;
  presence_->tick();
  turn();
}

void Discovery::drop_link(const std::string& adapter_address, const std::string& device_address) {
  if (presence_ == nullptr) return;
  presence_->drop_link(adapter_address, device_address);
  turn();
}

bool Discovery::is_enrolling() const {
  return enrolment_ != nullptr && enrolment_->is_open();
}

void Discovery::drop_link_of_stranger(const std::string& adapter_address,
                                      const std::string& device_address,
                                      std::function<bool()> still) {
  if (presence_ == nullptr) return;
  presence_->drop_link_of_stranger(adapter_address, device_address, std::move(still));
  turn();
}

std::vector<bluez::AdapterState> Discovery::adapters() const {
  std::vector<bluez::AdapterState> all;
  if (presence_ == nullptr) return all;
  for (const auto& [path, state] : presence_->adapters()) all.push_back(state);
  return all;
}

}  // namespace btb
