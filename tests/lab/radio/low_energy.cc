// Controller, LE: advertising, scanning, connecting, and what is asked of a link.
#include <algorithm>

#include "tests/lab/radio/controller.h"

namespace btb::lab {

namespace {

constexpr Micros unit = 625;             // of advertising and scanning
constexpr Micros interval_unit = 1'250;  // of connections
constexpr Micros supervision_unit = 10'000;
constexpr Micros advertising_delay_max = 10'000;
constexpr Micros advertising_time = 1'500;  // three channels
constexpr uint8_t connectable = 0, directed = 1, scannable = 2;
constexpr uint8_t scan_response = 4;
constexpr int8_t stranger_rssi = -75;
constexpr uint8_t accept_list_size = 16;
constexpr uint16_t data_time_max = 2120;
constexpr uint64_t features_le = 0x01 | 0x08 | 0x20 | 0x01'00;  // see on_le_read

}  // namespace

Controller::LeAddress Controller::own_address(uint8_t type) const {
  return {static_cast<uint8_t>(type & 1), (type & 1) == 0 ? address_ : random_address_};
}

void Controller::stop_low_energy() {
  air_.agenda.cancel(advertising_.next);
  advertising_ = {};
  scanning_ = {};
  initiating_ = {};
  accept_list_.clear();
}

// --- itself ---

void Controller::on_le_buffers(PacketReader&) {
  complete(PacketWriter().u8(0).u16(le_payload_max).u8(le_buffers));
}

void Controller::on_le_read(PacketReader&) {
  PacketWriter out;
  out.u8(0);
  if (opcode_ == hci::op::le_read_features) {
    out.u64(features_le);
  } else if (opcode_ == hci::op::le_read_advertising_power) {
    out.u8(0);
  } else if (opcode_ == hci::op::le_read_accept_list_size) {
    out.u8(accept_list_size);
  } else if (opcode_ == hci::op::le_random) {
    out.u64(static_cast<uint64_t>(air_.chance() * 0x1p62));
  } else if (opcode_ == hci::op::le_read_states) {
    out.u64(0x03'FF'FF'FF'FF'FF);
  } else if (opcode_ == hci::op::le_read_default_data_length) {
    out.u16(settings_.le_payload).u16(data_time_max);
  } else if (opcode_ == hci::op::le_read_max_data_length) {
    out.u16(le_payload_max).u16(data_time_max).u16(le_payload_max).u16(data_time_max);
  }
  complete(out);
}

void Controller::on_le_default_data_length(PacketReader& in) {
  settings_.le_payload = std::min(in.u16(), le_payload_max);
  complete();
}

void Controller::on_le_data_length(PacketReader& in) {
  const uint16_t handle = in.u16();
  const uint16_t payload = std::min(in.u16(), le_payload_max);
  Link* link = air_.link(*this, handle);
  complete(PacketWriter()
               .u8(link == nullptr ? hci::status::unknown_connection : hci::status::ok)
               .u16(handle));
  if (link != nullptr) set_data_length(*link, payload);
}

// Both sides can take the largest there is, so what one of them asks for is agreed on.
void Controller::set_data_length(Link& link, size_t payload) {
  link.le_payload = payload;
  const auto octets = static_cast<unsigned>(payload);
  for (const LinkEnd& end : link.ends) {
    if (end.controller == nullptr) continue;
    end.controller->le_event(hci::le_event::data_length_change, PacketWriter()
                                                                    .u16(end.handle)
                                                                    .u16(octets)
                                                                    .u16(data_time_max)
                                                                    .u16(octets)
                                                                    .u16(data_time_max));
  }
}

void Controller::on_random_address(PacketReader& in) {
  random_address_ = in.address();
  complete();
}

// --- advertising ---

void Controller::on_advertising_parameters(PacketReader& in) {
  if (advertising_.on) return complete(hci::status::disallowed);
  in.u16();
  advertising_.interval = in.u16() * unit;  // the longest that is allowed, as controllers do
  advertising_.type = in.u8();
  advertising_.own_type = in.u8();
  complete();
}

void Controller::on_advertising_data(PacketReader& in) {
  const size_t size = in.u8();
  const Bytes data = in.raw(size);
  ByteVector& into =
      opcode_ == hci::op::le_set_advertising_data ? advertising_.data : advertising_.scan_response;
  into.assign(data.begin(), data.end());
  complete();
}

void Controller::on_advertising_enable(PacketReader& in) {
  const bool on = in.u8() != 0;
  complete();
  if (on == advertising_.on) return;
  advertising_.on = on;
  air_.agenda.cancel(advertising_.next);
  if (on) advertising_.next = air_.agenda.at(air_.now(), [this] { advertise(); });
}

void Controller::advertise() {
  const auto delay =
      static_cast<Micros>(air_.chance() * static_cast<double>(advertising_delay_max));
  advertising_.next =
      air_.agenda.at(air_.now() + advertising_.interval + delay, [this] { advertise(); });
  usage.sending += advertising_time;
  const LeAddress from = own_address(advertising_.own_type);
  const bool takes = advertising_.type == connectable || advertising_.type == directed;
  const auto others = air_.controllers();
  for (Controller* other : others) {
    if (other == this || !air_.hears(*this, *other)) continue;
    other->advertised(*this, from, takes);
    if (!advertising_.on) return;  // somebody connected
  }
}

// Scans only part of the time, so it hears only part of the advertisements.
void Controller::advertised(Controller& advertiser, const LeAddress& from, bool may_connect) {
  if (initiating_.on && may_connect && air_.chance() < initiating_.duty) {
    const bool wanted =
        initiating_.from_list ? accept_list_.contains(from) : initiating_.to == from;
    if (wanted) return le_connected(advertiser, from);
  }
  if (!scanning_.on || air_.chance() >= scanning_.duty) return;
  if (scanning_.once && !scanning_.seen.insert(from).second) return;
  const int8_t rssi = air_.between(*this, advertiser).rssi;
  report(rssi, from, advertiser.advertising_.type, advertiser.advertising_.data);
  const uint8_t type = advertiser.advertising_.type;
  if (scanning_.active && (type == connectable || type == scannable)) {
    report(rssi, from, scan_response, advertiser.advertising_.scan_response);
  }
}

void Controller::overhear(const Address& random_address, Bytes data) {
  const LeAddress from{1, random_address};
  if (!scanning_.on || air_.chance() >= scanning_.duty) return;
  if (scanning_.once && !scanning_.seen.insert(from).second) return;
  report(stranger_rssi, from, connectable, data);
}

void Controller::report(int8_t rssi, const LeAddress& from, uint8_t type, Bytes data) {
  le_event(hci::le_event::advertising_report, PacketWriter()
                                                  .u8(1)
                                                  .u8(type)
                                                  .u8(from.type)
                                                  .address(from.address)
                                                  .u8(static_cast<unsigned>(data.size()))
                                                  .raw(data)
                                                  .u8(static_cast<uint8_t>(rssi)));
}

// --- scanning and connecting ---

void Controller::on_scan_parameters(PacketReader& in) {
  if (scanning_.on) return complete(hci::status::disallowed);
  scanning_.active = in.u8() != 0;
  const double interval = in.u16();
  scanning_.duty = std::min(1.0, in.u16() / std::max(1.0, interval));
  complete();
}

void Controller::on_scan_enable(PacketReader& in) {
  const bool on = in.u8() != 0;
  scanning_.on = on;
  scanning_.once = in.u8() != 0;
  scanning_.seen.clear();
  complete();
}

void Controller::on_accept_list(PacketReader& in) {
  const LeAddress address{in.u8(), in.address()};
  if (opcode_ == hci::op::le_clear_accept_list) accept_list_.clear();
  if (opcode_ == hci::op::le_add_to_accept_list) accept_list_.insert(address);
  if (opcode_ == hci::op::le_remove_from_accept_list) accept_list_.erase(address);
  complete();
}

void Controller::on_le_create_connection(PacketReader& in) {
  if (initiating_.on) return status(hci::status::disallowed);
  const double scan_interval = in.u16();
  initiating_.duty = std::min(1.0, in.u16() / std::max(1.0, scan_interval));
  initiating_.from_list = in.u8() != 0;
  initiating_.to.type = in.u8() & 1;
  initiating_.to.address = in.address();
  initiating_.own_type = in.u8();
  in.u16();
  initiating_.interval = in.u16() * interval_unit;
  initiating_.latency = in.u16();
  initiating_.supervision = in.u16() * supervision_unit;
  initiating_.on = true;
  status(hci::status::ok);
}

void Controller::on_le_create_connection_cancel(PacketReader&) {
  if (!initiating_.on) return complete(hci::status::disallowed);
  complete();
  initiating_.on = false;
  tell_le_connected(hci::status::unknown_connection, nullptr);
}

void Controller::tell_le_connected(uint8_t status, const Link* link) {
  PacketWriter out;
  out.u8(status);
  if (link == nullptr) {
    le_event(hci::le_event::connection_complete, out.zeros(17));
    return;
  }
  const size_t own = link->end_of(*this);
  const LinkEnd& other = link->ends[1 - own];
  out.u16(link->ends[own].handle).u8(link->central == own ? 0 : 1);
  out.u8(other.address_type).address(other.address);
  out.u16(static_cast<unsigned>(link->interval / interval_unit)).u16(0);
  out.u16(static_cast<unsigned>(link->supervision / supervision_unit)).u8(0);
  le_event(hci::le_event::connection_complete, out);
}

void Controller::le_connected(Controller& advertiser, const LeAddress& to) {
  settle();
  initiating_.on = false;
  advertiser.advertising_.on = false;
  air_.agenda.cancel(advertiser.advertising_.next);
  const LeAddress from = own_address(initiating_.own_type);
  Link& link = air_.open(Link::Kind::le, {this, 0, from.address, from.type, {}},
                         {&advertiser, 0, to.address, to.type, {}}, 0, initiating_.supervision);
  link.interval = initiating_.interval;
  // The anchors of a central's links lie apart.
  link.anchor += interval_unit * static_cast<Micros>(air_.count(Link::Kind::le, *this));
  for (Controller* side : {this, &advertiser}) {
    side->tell_le_connected(hci::status::ok, &link);
    const auto phy = static_cast<unsigned>(air_.options.le_phy);
    side->le_event(hci::le_event::phy_update,
                   PacketWriter().u8(0).u16(link.ends[link.end_of(*side)].handle).u8(phy).u8(phy));
  }
  const auto payload = std::max(settings_.le_payload, advertiser.settings_.le_payload);
  if (payload > link.le_payload) set_data_length(link, payload);
}

// --- of a link ---

void Controller::on_le_update(PacketReader& in) {
  const uint16_t handle = in.u16();
  in.u16();
  const uint16_t interval = in.u16();
  const uint16_t latency = in.u16();
  const uint16_t supervision = in.u16();
  Link* link = known_link(handle);
  if (link == nullptr) return;
  status(hci::status::ok);
  link->interval = interval * interval_unit;
  link->supervision = supervision * supervision_unit;
  for (const LinkEnd& end : link->ends) {
    if (end.controller == nullptr) continue;
    end.controller->le_event(
        hci::le_event::connection_update,
        PacketWriter().u8(0).u16(end.handle).u16(interval).u16(latency).u16(supervision));
  }
  air_.retimed(*link);
}

void Controller::on_le_remote_features(PacketReader& in) {
  const uint16_t handle = in.u16();
  if (known_link(handle) == nullptr) return;
  status(hci::status::ok);
  le_event(hci::le_event::remote_features, PacketWriter().u8(0).u16(handle).u64(features_le));
}

// The central brings its key; the peripheral is asked for its own; they have to be the same.
void Controller::on_le_encrypt(PacketReader& in) {
  const uint16_t handle = in.u16();
  const uint64_t random = in.u64();
  const uint16_t diversifier = in.u16();
  le_key_ = {in.u64(), in.u64()};
  const Link* link = known_link(handle);
  if (link == nullptr) return;
  status(hci::status::ok);
  const LinkEnd& other = link->ends[1 - link->end_of(*this)];
  if (other.controller == nullptr) return;
  other.controller->le_event(hci::le_event::long_term_key_request,
                             PacketWriter().u16(other.handle).u64(random).u16(diversifier));
}

void Controller::on_long_term_key(PacketReader& in) {
  const uint16_t handle = in.u16();
  const std::array<uint64_t, 2> key{in.u64(), in.u64()};
  const Link* link = air_.link(*this, handle);
  complete(PacketWriter()
               .u8(link == nullptr ? hci::status::unknown_connection : hci::status::ok)
               .u16(handle));
  if (link == nullptr) return;
  const Controller* central = link->ends[1 - link->end_of(*this)].controller;
  const bool same = central != nullptr && central->le_key_ == key;
  for (const LinkEnd& end : link->ends) {
    if (end.controller == nullptr) continue;
    end.controller->event(hci::event::encryption_change,
                          PacketWriter()
                              .u8(same ? hci::status::ok : hci::status::key_missing)
                              .u16(end.handle)
                              .u8(same ? 1 : 0));
  }
}

void Controller::on_no_long_term_key(PacketReader& in) {
  const uint16_t handle = in.u16();
  complete(PacketWriter().u8(0).u16(handle));
  const Link* link = air_.link(*this, handle);
  if (link == nullptr) return;
  const LinkEnd& central = link->ends[1 - link->end_of(*this)];
  if (central.controller == nullptr) return;
  central.controller->event(hci::event::encryption_change,
                            PacketWriter().u8(hci::status::key_missing).u16(central.handle).u8(0));
}

// --- registration ---

Controller::Commands Controller::low_energy_commands() {
  namespace op = hci::op;
  using C = Controller;
  return {
      {op::le_set_event_mask, &C::on_take},
      {op::le_write_default_data_length, &C::on_le_default_data_length},
      {op::le_set_data_length, &C::on_le_data_length},
      {op::le_set_default_phy, &C::on_take},
      {op::le_read_buffer_size, &C::on_le_buffers},
      {op::le_read_features, &C::on_le_read},
      {op::le_read_advertising_power, &C::on_le_read},
      {op::le_read_accept_list_size, &C::on_le_read},
      {op::le_random, &C::on_le_read},
      {op::le_read_states, &C::on_le_read},
      {op::le_read_default_data_length, &C::on_le_read},
      {op::le_read_max_data_length, &C::on_le_read},
      {op::le_set_random_address, &C::on_random_address},
      {op::le_set_advertising_parameters, &C::on_advertising_parameters},
      {op::le_set_advertising_data, &C::on_advertising_data},
      {op::le_set_scan_response, &C::on_advertising_data},
      {op::le_set_advertising_enable, &C::on_advertising_enable},
      {op::le_set_scan_parameters, &C::on_scan_parameters},
      {op::le_set_scan_enable, &C::on_scan_enable},
      {op::le_create_connection, &C::on_le_create_connection},
      {op::le_create_connection_cancel, &C::on_le_create_connection_cancel},
      {op::le_clear_accept_list, &C::on_accept_list},
      {op::le_add_to_accept_list, &C::on_accept_list},
      {op::le_remove_from_accept_list, &C::on_accept_list},
      {op::le_connection_update, &C::on_le_update},
      {op::le_read_remote_features, &C::on_le_remote_features},
      {op::le_start_encryption, &C::on_le_encrypt},
      {op::le_long_term_key_reply, &C::on_long_term_key},
      {op::le_long_term_key_negative_reply, &C::on_no_long_term_key},
  };
}

}  // namespace btb::lab
