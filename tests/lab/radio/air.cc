#include "tests/lab/radio/air.h"

#include <algorithm>

#include "tests/lab/radio/controller.h"
#include "tests/lab/radio/hci.h"

namespace btb::lab {

namespace {

constexpr Micros slot = 625;
constexpr Micros le_gap = 150;
constexpr size_t le_packet_overhead = 10;    // access address, header, CRC
constexpr Micros poll_interval = 40 * slot;  // T_poll, a usual value
constexpr Micros idle_after = 4 * poll_interval;
constexpr double idle_share_max = 0.9;
constexpr uint16_t handle_max = 0x0EFF;

struct Packet {
  size_t bytes;
  Micros slots;
};

// 2-DH1, 2-DH3, 2-DH5 and their like at 3 Mbit/s: the user bytes of each.
constexpr std::array<std::array<Packet, 3>, 2> edr_packets{{
    {{{54, 1}, {367, 3}, {679, 5}}},
    {{{83, 1}, {552, 3}, {1021, 5}}},
}};

Micros le_time(size_t bytes, unsigned mbit) {
  return static_cast<Micros>((bytes + le_packet_overhead) * 8 / mbit + 8);
}

}  // namespace

void Air::advance(Micros now) {
  while (const auto next = agenda.next()) {
    if (*next > now) break;
    now_ = std::max(now_, *next);
    agenda.take()();
  }
  now_ = std::max(now_, now);
}

// --- who is there ---

void Air::add(Controller& controller) {
  controllers_.push_back(&controller);
}

void Air::remove(Controller& controller) {
  abandon_links(controller);
  agenda.cancel(controller.serving);
  std::erase(controllers_, &controller);
}

void Air::abandon_links(Controller& controller) {
  for (Link* link : links_of(controller)) {
    link->ends[link->end_of(controller)].controller = nullptr;
    watch_loss(*link);
  }
}

Controller* Air::find(const Address& address) const {
  for (Controller* controller : controllers_) {
    if (controller->address() == address) return controller;
  }
  return nullptr;
}

Reach& Air::between(const Controller& a, const Controller& b) {
  return between(a.address(), b.address());
}

bool Air::hears(const Controller& a, const Controller& b) {
  return &a != &b && !between(a, b).apart;
}

void Air::reach_changed(const Address& a, const Address& b) {
  for (const auto& [id, link] : links_) {
    const Controller* one = link->ends[0].controller;
    const Controller* other = link->ends[1].controller;
    if (one == nullptr || other == nullptr) continue;
    if (std::minmax(one->address(), other->address()) != std::minmax(a, b)) continue;
    agenda.cancel(link->loss);
    if (in_reach(*link)) {
      kick(*link->ends[link->central].controller);
    } else {
      watch_loss(*link);
    }
  }
}

bool Air::in_reach(const Link& link) {
  const Controller* a = link.ends[0].controller;
  const Controller* b = link.ends[1].controller;
  return a != nullptr && b != nullptr && hears(*a, *b);
}

// --- links ---

Link& Air::open(Link::Kind kind, LinkEnd opener, LinkEnd other, size_t central,
                Micros supervision) {
  auto owner = std::make_unique<Link>();
  Link& link = *owner;
  link.id = next_link_++;
  link.kind = kind;
  link.ends = {std::move(opener), std::move(other)};
  for (LinkEnd& end : link.ends) {
    end.handle = next_handle_;
    next_handle_ = next_handle_ == handle_max ? 1 : next_handle_ + 1;
  }
  link.central = central;
  link.supervision = supervision;
  link.anchor = link.last_used = link.settled = now_;
  link.poll_share = poll_share(link);
  links_[link.id] = std::move(owner);
  return link;
}

void Air::tell_closed(const LinkEnd& end, uint8_t reason) {
  if (end.controller != nullptr) end.controller->link_closed(end.handle, reason);
}

void Air::close(Link& link, const Controller& ender, uint8_t own, uint8_t others) {
  const size_t end = link.end_of(ender);
  agenda.cancel(link.loss);
  settle(link);
  const auto owner = std::move(links_.extract(link.id).mapped());
  tell_closed(owner->ends[end], own);
  tell_closed(owner->ends[1 - end], others);
}

Link* Air::link(const Controller& controller, uint16_t handle) {
  for (const auto& [id, link] : links_) {
    for (const LinkEnd& end : link->ends) {
      if (end.controller == &controller && end.handle == handle) return link.get();
    }
  }
  return nullptr;
}

Link* Air::link_between(Link::Kind kind, const Controller& a, const Controller& b) {
  for (Link* link : links_of(a)) {
    if (link->kind == kind && link->ends[1 - link->end_of(a)].controller == &b) return link;
  }
  return nullptr;
}

std::vector<Link*> Air::links_of(const Controller& controller) {
  std::vector<Link*> found;
  for (const auto& [id, link] : links_) {
    if (link->ends[0].controller == &controller || link->ends[1].controller == &controller) {
      found.push_back(link.get());
    }
  }
  return found;
}

size_t Air::count(Link::Kind kind, const Controller& controller) {
  const auto links = links_of(controller);
  return static_cast<size_t>(std::count_if(links.begin(), links.end(),
                                           [&](const Link* link) { return link->kind == kind; }));
}

void Air::watch_loss(Link& link) {
  if (link.loss != 0) return;
  link.loss = agenda.at(now_ + link.supervision, [this, id = link.id] { lose(id); });
}

void Air::lose(uint64_t id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  const auto owner = std::move(links_.extract(found).mapped());
  for (const LinkEnd& end : owner->ends) tell_closed(end, hci::status::connection_timeout);
}

// --- carrying ---

void Air::carry(Link& link, size_t from, Fragment fragment) {
  link.ends[from].out.push_back(std::move(fragment));
  if (link.ends[link.central].controller != nullptr) kick(*link.ends[link.central].controller);
}

void Air::retimed(Link& link) {
  settle(link);
  link.poll_share = poll_share(link);
  link.anchor = now_;
  link.event_open = false;
  for (const LinkEnd& end : link.ends) {
    if (end.controller != nullptr) kick(*end.controller);
  }
}

void Air::kick(Controller& central) {
  if (central.serving != 0) agenda.cancel(central.serving);
  central.serving = agenda.at(std::max(now_, central.free_at), [this, &central] {
    central.serving = 0;
    serve(central);
  });
}

Micros Air::ready_at(const Link& link) const {
  if (link.interval == 0 || link.event_open || !options.keeps_time) return now_;
  const Micros since = now_ - link.anchor;
  return link.anchor + (since + link.interval - 1) / link.interval * link.interval;
}

// Takes the next link that has something to carry and can, and the transceivers of both sides.
void Air::serve(Controller& central) {
  const auto links = links_of(central);
  const auto after = std::upper_bound(links.begin(), links.end(), central.last_served,
                                      [](uint64_t id, const Link* link) { return id < link->id; });
  const auto first = static_cast<size_t>(after - links.begin());
  Micros soonest = INT64_MAX;
  for (size_t i = 0; i < links.size(); ++i) {
    Link& link = *links[(first + i) % links.size()];
    if (link.ends[link.central].controller != &central || link.busy || !link.has_data()) continue;
    if (!in_reach(link)) continue;
    const Controller& other = *link.ends[1 - link.central].controller;
    const Micros ready = std::max(ready_at(link), other.free_at);
    if (ready > now_) {
      soonest = std::min(soonest, ready);
      continue;
    }
    central.last_served = link.id;
    return exchange(link);
  }
  if (soonest == INT64_MAX) return;
  central.serving = agenda.at(soonest, [this, &central] {
    central.serving = 0;
    serve(central);
  });
}

// The next packet of one side: how much of its first fragment, and how long it takes.
Air::Burst Air::burst(const Link& link, size_t from) const {
  const auto& out = link.ends[from].out;
  const size_t left = out.empty() ? 0 : out.front().data.size() - out.front().across;
  if (!options.keeps_time) return {left, 0};
  if (link.kind == Link::Kind::le) {
    const size_t bytes = std::min(left, link.le_payload);
    return {bytes, le_time(bytes, options.le_phy) + le_gap};
  }
  for (const Packet& packet : edr_packets[options.edr == 3 ? 1 : 0]) {
    if (left <= packet.bytes) return {left, packet.slots * slot};
  }
  const Packet& largest = edr_packets[options.edr == 3 ? 1 : 0].back();
  return {largest.bytes, largest.slots * slot};
}

// Polling links that have nothing to carry takes its share of the time.
double Air::idle_share(const Controller& central) {
  double share = 0;
  for (const Link* link : links_of(central)) {
    if (link->ends[link->central].controller != &central) continue;
    if (link->has_data() || now_ - link->last_used < idle_after) continue;
    share += poll_share(*link);
  }
  return std::min(share, idle_share_max);
}

double Air::poll_share(const Link& link) const {
  if (link.kind == Link::Kind::classic) {
    return static_cast<double>(2 * slot) /
           static_cast<double>(std::max(poll_interval, link.interval));
  }
  if (link.interval == 0) return 0;  // not agreed on yet
  return static_cast<double>(2 * (le_time(0, options.le_phy) + le_gap)) /
         static_cast<double>(link.interval);
}

void Air::settle(Link& link) {
  const auto took = static_cast<Micros>(static_cast<double>(now_ - link.settled) * link.poll_share);
  link.settled = now_;
  for (const LinkEnd& end : link.ends) {
    if (end.controller != nullptr) end.controller->usage.listening += took;
  }
}

void Air::settle() {
  for (const auto& [id, link] : links_) settle(*link);
  for (Controller* controller : controllers_) controller->settle();
}

void Air::exchange(Link& link) {
  Controller& central = *link.ends[link.central].controller;
  Controller& other = *link.ends[1 - link.central].controller;
  const std::array<Burst, 2> sent{burst(link, 0), burst(link, 1)};
  const Micros needed = sent[0].time + sent[1].time;
  const auto takes = static_cast<Micros>(static_cast<double>(needed) / (1 - idle_share(central)));
  central.free_at = other.free_at = now_ + takes;
  for (size_t from = 0; from < 2; ++from) {
    link.ends[from].controller->usage.sending += sent[from].time;
    link.ends[1 - from].controller->usage.receiving += sent[from].time;
  }
  link.busy = true;
  agenda.at(now_ + takes, [this, id = link.id, sent] { finish(id, sent); });
}

void Air::finish(uint64_t id, std::array<Burst, 2> sent) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  Link& link = *found->second;
  link.busy = false;
  link.last_used = now_;
  if (in_reach(link)) {
    const double loss = between(*link.ends[0].controller, *link.ends[1].controller).loss;
    for (size_t from = 0; from < 2; ++from) {
      const auto& out = link.ends[from].out;
      if (out.empty() || (sent[from].bytes == 0 && !out.front().data.empty())) continue;
      if (loss > 0 && chance() < loss) {
        ++link.ends[from].controller->usage.lost;
      } else {
        arrived(link, from, sent[from]);
      }
    }
  }
  link.event_open = link.kind == Link::Kind::le && link.has_data();
  for (const LinkEnd& end : link.ends) {
    if (end.controller != nullptr) kick(*end.controller);
  }
}

void Air::arrived(Link& link, size_t from, const Burst& sent) {
  LinkEnd& sender = link.ends[from];
  LinkEnd& receiver = link.ends[1 - from];
  Fragment& fragment = sender.out.front();
  fragment.across = std::min(fragment.across + sent.bytes, fragment.data.size());
  ++sender.controller->usage.packets_sent;
  ++receiver.controller->usage.packets_received;
  sender.controller->usage.bytes_sent += sent.bytes;
  receiver.controller->usage.bytes_received += sent.bytes;
  if (fragment.across < fragment.data.size()) return;
  const Fragment whole = std::move(fragment);
  sender.out.pop_front();
  receiver.controller->data_arrived(receiver.handle, whole);
  sender.controller->data_sent(sender.handle);
}

}  // namespace btb::lab
