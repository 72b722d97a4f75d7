// Controller, BR/EDR: inquiry, paging, the links' roles and modes.
#include <algorithm>

#include "tests/lab/radio/controller.h"

namespace btb::lab {

namespace {

constexpr uint8_t inquiry_scan = 1, page_scan = 2;
constexpr Micros inquiry_unit = 1'280'000;
constexpr Micros scan_interval = 1'280'000;  // of page scan, R1
constexpr Micros page_time_min = 10'000;
constexpr Micros link_setup = 20'000;  // features, roles: some exchanges
constexpr Micros accept_timeout = 5'000'000;
constexpr Micros supervision_time = 20'000'000;
constexpr Micros mode_change_time = 10'000;
constexpr uint8_t accept_timeout_exceeded = 0x10;
constexpr uint8_t acl = 1;
constexpr uint16_t policy_sniff = 4;
constexpr Micros slot = 625;
constexpr size_t name_bytes = 248;

}  // namespace

// --- inquiry ---

void Controller::on_inquiry(PacketReader& in) {
  in.u24();
  const Micros lasts = in.u8() * inquiry_unit;
  if (!inquiry_.empty()) return status(hci::status::disallowed);
  status(hci::status::ok);
  const Micros begin = air_.now();
  for (Controller* other : air_.controllers()) {
    if (other == this) continue;
    // Somewhere within its inquiry scan interval it hears the question, then backs off a little.
    const auto heard =
        static_cast<Micros>(air_.chance() * 2.0 * static_cast<double>(scan_interval));
    if (heard >= lasts) continue;
    inquiry_.push_back(air_.agenda.at(begin + heard, [this, address = other->address()] {
      const Controller* found = air_.find(address);
      if (found != nullptr) answer_inquiry(*found);
    }));
  }
  inquiry_.push_back(air_.agenda.at(begin + lasts, [this] {
    settle();
    inquiry_.clear();
    event(hci::event::inquiry_complete, PacketWriter().u8(0));
  }));
}

void Controller::answer_inquiry(const Controller& found) {
  if ((found.settings_.scan_enable & inquiry_scan) == 0 || !air_.hears(*this, found)) return;
  PacketWriter out;
  out.u8(1).address(found.address()).u8(1).u8(0);
  out.raw(std::as_bytes(std::span(found.settings_.device_class))).u16(0);
  out.u8(static_cast<uint8_t>(air_.between(*this, found).rssi));
  out.raw(found.settings_.inquiry_response);
  event(hci::event::extended_inquiry_result, out);
}

void Controller::on_inquiry_cancel(PacketReader&) {
  for (Agenda::Id& id : inquiry_) air_.agenda.cancel(id);
  inquiry_.clear();
  complete();
}

// --- paging ---

void Controller::tell_connected(uint8_t status, uint16_t handle, const Address& peer) {
  event(hci::event::connection_complete,
        PacketWriter().u8(status).u16(handle).address(peer).u8(acl).u8(0));
}

void Controller::on_create_connection(PacketReader& in) {
  const Address to = in.address();
  in.u16();
  in.u8();
  in.u8();
  in.u16();
  const bool may_switch = in.u8() != 0;
  if (paging_) return status(hci::status::disallowed);
  if (air_.count(Link::Kind::classic, *this) >= piconet_max) {
    return status(hci::status::connection_limit);
  }
  const Controller* peer = air_.find(to);
  if (peer != nullptr && air_.link_between(Link::Kind::classic, *this, *peer) != nullptr) {
    return status(hci::status::connection_exists);
  }
  status(hci::status::ok);
  paging_ = Paging{to, may_switch, 0, air_.now() + settings_.page_timeout};
  const auto wait = air_.options.keeps_time
                        ? static_cast<Micros>(air_.chance() * static_cast<double>(scan_interval))
                        : Micros{0};
  paging_->next = air_.agenda.at(air_.now() + page_time_min + wait, [this] { page(); });
}

// The other side listens once in a page scan interval: here it does now.
void Controller::page() {
  Controller* peer = air_.find(paging_->to);
  if (peer == nullptr || !air_.hears(*this, *peer) ||
      (peer->settings_.scan_enable & page_scan) == 0) {
    const Micros again = air_.now() + scan_interval;
    if (again >= paging_->until) {
      paging_->next =
          air_.agenda.at(paging_->until, [this] { page_ended(hci::status::page_timeout); });
    } else {
      paging_->next = air_.agenda.at(again, [this] { page(); });
    }
    return;
  }
  if (air_.link_between(Link::Kind::classic, *this, *peer) != nullptr) {
    return page_ended(hci::status::connection_exists);  // it paged us meanwhile
  }
  if (air_.count(Link::Kind::classic, *peer) >= piconet_max) {
    return page_ended(hci::status::limited_resources);
  }
  paging_->next =
      air_.agenda.at(air_.now() + accept_timeout, [this] { page_ended(accept_timeout_exceeded); });
  peer->paged_by_.insert(address_);
  PacketWriter request;
  request.address(address_).raw(std::as_bytes(std::span(settings_.device_class))).u8(acl);
  peer->event(hci::event::connection_request, request);
}

void Controller::page_ended(uint8_t status) {
  settle();
  const Address to = paging_->to;
  air_.agenda.cancel(paging_->next);
  paging_.reset();
  if (Controller* peer = air_.find(to)) peer->paged_by_.erase(address_);
  tell_connected(status, 0, to);
}

void Controller::on_create_connection_cancel(PacketReader& in) {
  const Address to = in.address();
  const bool pages = paging_ && paging_->to == to;
  complete(
      PacketWriter().u8(pages ? hci::status::ok : hci::status::unknown_connection).address(to));
  if (pages) page_ended(hci::status::unknown_connection);
}

void Controller::on_accept_connection(PacketReader& in) {
  const Address from = in.address();
  const bool as_central = in.u8() == 0;
  if (paged_by_.erase(from) == 0) return status(hci::status::unknown_connection);
  status(hci::status::ok);
  later(link_setup, [this, from, as_central] {
    Controller* pager = air_.find(from);
    const bool waits = pager != nullptr && pager->paging_ && pager->paging_->to == address_;
    if (!waits || !air_.hears(*this, *pager)) {
      return tell_connected(hci::status::connection_timeout, 0, from);
    }
    if (air_.count(Link::Kind::classic, *this) >= piconet_max) {
      pager->page_ended(hci::status::limited_resources);
      return tell_connected(hci::status::limited_resources, 0, from);
    }
    connected(*pager, as_central && pager->paging_->may_switch);
  });
}

void Controller::on_reject_connection(PacketReader& in) {
  const Address from = in.address();
  const uint8_t reason = in.u8();
  if (paged_by_.erase(from) == 0) return status(hci::status::unknown_connection);
  status(hci::status::ok);
  tell_connected(reason, 0, from);
  Controller* pager = air_.find(from);
  if (pager != nullptr && pager->paging_ && pager->paging_->to == address_) {
    pager->page_ended(reason);
  }
}

void Controller::connected(Controller& pager, bool as_central) {
  pager.settle();
  air_.agenda.cancel(pager.paging_->next);
  pager.paging_.reset();
  const Micros supervision =
      air_.options.supervision != 0 ? air_.options.supervision : supervision_time;
  const Link& link = air_.open(
      Link::Kind::classic, {&pager, 0, pager.address_, 0, {}, pager.settings_.link_policy},
      {this, 0, address_, 0, {}, settings_.link_policy}, as_central ? 1 : 0, supervision);
  if (as_central) {
    pager.event(hci::event::role_change, PacketWriter().u8(0).address(address_).u8(1));
    event(hci::event::role_change, PacketWriter().u8(0).address(pager.address_).u8(0));
  }
  const uint16_t theirs = link.ends[0].handle, ours = link.ends[1].handle;
  tell_connected(hci::status::ok, ours, pager.address_);
  pager.tell_connected(hci::status::ok, theirs, address_);
}

// --- asking a device about itself ---

void Controller::on_remote_name(PacketReader& in) {
  const Address of = in.address();
  status(hci::status::ok);
  const Controller* peer = air_.find(of);
  const bool linked =
      peer != nullptr && air_.link_between(Link::Kind::classic, *this, *peer) != nullptr;
  const auto page_time = static_cast<Micros>(air_.chance() * static_cast<double>(scan_interval));
  later(link_setup + (linked ? 0 : page_time), [this, of] {
    const Controller* found = air_.find(of);
    const bool answers = found != nullptr && air_.hears(*this, *found);
    const std::string name = answers ? found->settings_.name : "";
    PacketWriter out;
    out.u8(answers ? hci::status::ok : hci::status::page_timeout).address(of);
    event(hci::event::remote_name, out.raw(as_bytes(name)).zeros(name_bytes - name.size()));
  });
}

void Controller::on_remote_features(PacketReader& in) {
  const uint16_t handle = in.u16();
  if (known_link(handle) == nullptr) return;
  status(hci::status::ok);
  event(hci::event::remote_features, PacketWriter().u8(0).u16(handle).u64(features(0)));
}

void Controller::on_remote_extended_features(PacketReader& in) {
  const uint16_t handle = in.u16();
  const uint8_t page = in.u8();
  const Link* link = known_link(handle);
  if (link == nullptr) return;
  status(hci::status::ok);
  const Controller* peer = link->ends[1 - link->end_of(*this)].controller;
  const uint64_t bits = peer == nullptr ? 0 : peer->features(page);
  event(hci::event::remote_extended_features,
        PacketWriter().u8(0).u16(handle).u8(page).u8(1).u64(bits));
}

void Controller::on_remote_version(PacketReader& in) {
  const uint16_t handle = in.u16();
  if (known_link(handle) == nullptr) return;
  status(hci::status::ok);
  event(hci::event::remote_version, PacketWriter().u8(0).u16(handle).u8(0x0B).u16(0xFFFF).u16(0));
}

void Controller::on_packet_type(PacketReader& in) {
  const uint16_t handle = in.u16();
  const uint16_t types = in.u16();
  if (known_link(handle) == nullptr) return;
  status(hci::status::ok);
  event(hci::event::packet_type_changed, PacketWriter().u8(0).u16(handle).u16(types));
}

// --- modes and roles ---

void Controller::on_sniff(PacketReader& in) {
  const uint16_t handle = in.u16();
  const Micros interval = in.u16() * slot;
  const Link* asked = known_link(handle);
  if (asked == nullptr) return;
  if ((asked->ends[asked->end_of(*this)].policy & policy_sniff) == 0) {
    return status(hci::status::disallowed);
  }
  status(hci::status::ok);
  later(mode_change_time, [this, handle, interval] {
    if (Link* link = air_.link(*this, handle)) set_mode(*link, interval);
  });
}

void Controller::on_exit_sniff(PacketReader& in) {
  const uint16_t handle = in.u16();
  const Link* link = known_link(handle);
  if (link == nullptr) return;
  status(hci::status::ok);
  // The request waits for the next time the other side listens.
  const Micros until_heard = link->interval == 0 ? 0 : link->interval / 2;
  later(mode_change_time + until_heard, [this, handle] {
    if (Link* at = air_.link(*this, handle)) set_mode(*at, 0);
  });
}

void Controller::set_mode(Link& link, Micros interval) {
  link.interval = interval;
  for (const LinkEnd& end : link.ends) {
    if (end.controller == nullptr) continue;
    end.controller->event(hci::event::mode_change,
                          PacketWriter()
                              .u8(0)
                              .u16(end.handle)
                              .u8(interval == 0 ? 0 : 2)
                              .u16(static_cast<unsigned>(interval / slot)));
  }
  air_.retimed(link);
}

void Controller::on_role_discovery(PacketReader& in) {
  const uint16_t handle = in.u16();
  const Link* link = air_.link(*this, handle);
  const bool peripheral = link != nullptr && link->central != link->end_of(*this);
  complete(PacketWriter()
               .u8(link == nullptr ? hci::status::unknown_connection : hci::status::ok)
               .u16(handle)
               .u8(peripheral ? 1 : 0));
}

void Controller::on_switch_role(PacketReader& in) {
  const Address with = in.address();
  const bool as_central = in.u8() == 0;
  Controller* peer = air_.find(with);
  const Link* found =
      peer == nullptr ? nullptr : air_.link_between(Link::Kind::classic, *this, *peer);
  if (found == nullptr) return status(hci::status::unknown_connection);
  status(hci::status::ok);
  const uint16_t handle = found->ends[found->end_of(*this)].handle;
  later(mode_change_time, [this, handle, as_central] {
    Link* link = air_.link(*this, handle);
    if (link == nullptr) return;
    const size_t own = link->end_of(*this);
    link->central = as_central ? own : 1 - own;
    for (size_t i = 0; i < 2; ++i) {
      if (link->ends[i].controller == nullptr) continue;
      link->ends[i].controller->event(
          hci::event::role_change,
          PacketWriter().u8(0).address(link->ends[1 - i].address).u8(link->central == i ? 0 : 1));
    }
    air_.retimed(*link);
  });
}

void Controller::on_link_policy(PacketReader& in) {
  const uint16_t handle = in.u16();
  Link* link = air_.link(*this, handle);
  PacketWriter out;
  out.u8(link == nullptr ? hci::status::unknown_connection : hci::status::ok).u16(handle);
  if (link == nullptr) return complete(out);
  uint16_t& policy = link->ends[link->end_of(*this)].policy;
  if (opcode_ == hci::op::read_link_policy) {
    out.u16(policy);
  } else {
    policy = in.u16();
  }
  complete(out);
}

void Controller::on_supervision(PacketReader& in) {
  const uint16_t handle = in.u16();
  const Micros time = in.u16() * slot;
  Link* link = air_.link(*this, handle);
  if (link != nullptr && air_.options.supervision == 0) link->supervision = time;
  complete(PacketWriter()
               .u8(link == nullptr ? hci::status::unknown_connection : hci::status::ok)
               .u16(handle));
}

// --- registration ---

Controller::Commands Controller::classic_commands() {
  namespace op = hci::op;
  using C = Controller;
  return {
      {op::inquiry, &C::on_inquiry},
      {op::inquiry_cancel, &C::on_inquiry_cancel},
      {op::create_connection, &C::on_create_connection},
      {op::create_connection_cancel, &C::on_create_connection_cancel},
      {op::accept_connection, &C::on_accept_connection},
      {op::reject_connection, &C::on_reject_connection},
      {op::remote_name_request, &C::on_remote_name},
      {op::read_remote_features, &C::on_remote_features},
      {op::read_remote_extended_features, &C::on_remote_extended_features},
      {op::read_remote_version, &C::on_remote_version},
      {op::change_packet_type, &C::on_packet_type},
      {op::sniff_mode, &C::on_sniff},
      {op::exit_sniff_mode, &C::on_exit_sniff},
      {op::role_discovery, &C::on_role_discovery},
      {op::switch_role, &C::on_switch_role},
      {op::read_link_policy, &C::on_link_policy},
      {op::write_link_policy, &C::on_link_policy},
      {op::write_supervision_timeout, &C::on_supervision},
  };
}

}  // namespace btb::lab
