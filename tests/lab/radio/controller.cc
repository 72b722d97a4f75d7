#include "tests/lab/radio/controller.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace btb::lab {

namespace {

constexpr uint8_t core_5_2 = 0x0B;
constexpr uint16_t no_company = 0xFFFF;
constexpr size_t name_bytes = 248;
constexpr Micros detach_time = 5'000;

// The commands that hosts look for before they use them (volume 4, part E, 6.27): octet and bit.
struct CommandBit {
  size_t octet;
  unsigned bits;
};
constexpr CommandBit supported[] = {
    {0, 0xB3},  {1, 0xCF},  {2, 0xF9},  {4, 0x8C},  {5, 0xD7},  {6, 0x01},  {7, 0xEB},
    {8, 0x0B},  {9, 0x07},  {11, 0x1E}, {12, 0x80}, {13, 0x03}, {14, 0xE8}, {15, 0x22},
    {17, 0x42}, {18, 0x80}, {19, 0x03}, {20, 0x18}, {22, 0x04}, {24, 0x40}, {25, 0xF7},
    {26, 0xFF}, {27, 0xA7}, {28, 0x0F}, {33, 0x80}, {34, 0x01}, {35, 0x28},
};

// Links of 3 and 5 slots, encryption, role switch, sniff; EDR 2 and 3 Mbit/s; inquiry with RSSI and
// extended; simple pairing; LE beside BR/EDR; extended features (volume 2, part C, 3.2).
constexpr uint64_t classic_features = 0x80'00'00'00'00'00'00'00 | 0x00'5B'05'D8'7E'00'04'BF;
constexpr double scan_window_share = 11.25 / 1280;  // for inquiries, and for pages
constexpr uint64_t edr_3_feature = uint64_t{1} << 26;
constexpr uint64_t host_simple_pairing = 1, host_le = 2, host_both = 4, host_secure = 8;

}  // namespace

std::string to_string(const Address& address) {
  std::string text;
  for (size_t i = address.bytes.size(); i-- > 0;) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    text += digits[address.bytes[i] >> 4];
    text += digits[address.bytes[i] & 15];
    if (i != 0) text += ':';
  }
  return text;
}

Controller::Controller(Air& air, Address address, HostPort& host)
    : air_(air), address_(address), host_(host) {
  air_.add(*this);
}

Controller::~Controller() {
  restart();
  air_.remove(*this);
}

// --- answers ---

void Controller::event(uint8_t code, const PacketWriter& parameters) {
  PacketWriter packet;
  packet.u8(code).u8(static_cast<unsigned>(parameters.bytes().size())).raw(parameters.bytes());
  host_.to_host(hci::Type::event, packet.bytes());
}

void Controller::le_event(uint8_t code, const PacketWriter& parameters) {
  event(hci::event::le_meta, PacketWriter().u8(code).raw(parameters.bytes()));
}

void Controller::complete(const PacketWriter& parameters) {
  event(hci::event::command_complete, PacketWriter().u8(1).u16(opcode_).raw(parameters.bytes()));
}

void Controller::complete(uint8_t status) {
  complete(PacketWriter().u8(status));
}

void Controller::status(uint8_t status) {
  event(hci::event::command_status, PacketWriter().u8(status).u8(1).u16(opcode_));
}

Link* Controller::known_link(uint16_t handle) {
  Link* link = air_.link(*this, handle);
  if (link == nullptr) status(hci::status::unknown_connection);
  return link;
}

// --- from the host ---

void Controller::command(Bytes packet) {
  PacketReader in(packet);
  opcode_ = in.u16();
  in.u8();  // how many bytes follow: the packet says it, too
  settle();
  const auto found = commands().find(opcode_);
  if (found == commands().end()) {
    ++unknown_[opcode_];
    return complete(hci::status::unknown_command);
  }
  (this->*found->second)(in);
}

// Two bits say whether an L2CAP frame begins here: of a host 00 or 10, towards a host 10 (5.4.2).
void Controller::data(Bytes packet) {
  PacketReader in(packet);
  const uint16_t head = in.u16();
  in.u16();
  Link* link = air_.link(*this, head & 0x0FFF);
  if (link == nullptr) return;
  Fragment fragment;
  fragment.first = (head >> 12 & 3) != 1;
  fragment.data.assign(in.rest().begin(), in.rest().end());
  air_.carry(*link, link->end_of(*this), std::move(fragment));
}

void Controller::data_arrived(uint16_t handle, const Fragment& fragment) {
  PacketWriter packet;
  packet.u16(handle | (fragment.first ? 2U : 1U) << 12);
  packet.u16(static_cast<unsigned>(fragment.data.size())).raw(fragment.data);
  host_.to_host(hci::Type::acl, packet.bytes());
}

void Controller::data_sent(uint16_t handle) {
  event(hci::event::completed_packets, PacketWriter().u8(1).u16(handle).u16(1));
}

void Controller::link_closed(uint16_t handle, uint8_t reason) {
  if (pairing_ && pairing_->handle == handle) pairing_.reset();
  event(hci::event::disconnection_complete, PacketWriter().u8(0).u16(handle).u8(reason));
}

// --- itself ---

void Controller::later(Micros in, std::function<void()> what) {
  const auto id = std::make_shared<Agenda::Id>(0);
  *id = air_.agenda.at(air_.now() + in, [this, id, what = std::move(what)] {
    later_.erase(*id);
    what();
  });
  later_.insert(*id);
}

// Of its time, but for its links: windows of 11.25 ms in which it listens for inquiries and pages,
// scanning and connecting over LE, and all of it while it asks or pages itself.
double Controller::listening_share() const {
  if (paging_ || !inquiry_.empty()) return 1;
  double share = 0;
  if ((settings_.scan_enable & 1) != 0) share += scan_window_share;
  if ((settings_.scan_enable & 2) != 0) share += scan_window_share;
  if (scanning_.on) share += scanning_.duty;
  if (initiating_.on) share += initiating_.duty;
  return std::min(share, 1.0);
}

void Controller::settle() {
  const auto passed = static_cast<double>(air_.now() - std::exchange(settled_, air_.now()));
  usage.listening += static_cast<Micros>(passed * listening_share());
}

// As after power-on; what it had to do with others ends without a word.
void Controller::restart() {
  settle();
  air_.abandon_links(*this);
  for (Agenda::Id id : std::exchange(later_, {})) air_.agenda.cancel(id);
  if (paging_) air_.agenda.cancel(paging_->next);
  paging_.reset();
  for (Agenda::Id& id : inquiry_) air_.agenda.cancel(id);
  inquiry_.clear();
  pairing_.reset();
  paged_by_.clear();
  stop_low_energy();
  settings_ = {};
}

void Controller::on_reset(PacketReader&) {
  restart();
  complete();
}

void Controller::on_take(PacketReader&) {
  complete();
}

void Controller::on_read_version(PacketReader&) {
  complete(PacketWriter().u8(0).u8(core_5_2).u16(0).u8(core_5_2).u16(no_company).u16(0));
}

void Controller::on_read_commands(PacketReader&) {
  std::array<uint8_t, 64> bits{};
  for (const CommandBit& one : supported) bits[one.octet] = static_cast<uint8_t>(one.bits);
  complete(PacketWriter().u8(0).raw(std::as_bytes(std::span(bits))));
}

uint64_t Controller::features(uint8_t page) const {
  if (page == 0)
    return air_.options.edr == 3 ? classic_features : classic_features & ~edr_3_feature;
  if (page != 1) return 0;
  return (settings_.simple_pairing ? host_simple_pairing : 0) |
         (settings_.low_energy ? host_le | host_both : 0) |
         (settings_.secure_connections ? host_secure : 0);
}

void Controller::on_read_features(PacketReader&) {
  complete(PacketWriter().u8(0).u64(features(0)));
}

void Controller::on_read_extended_features(PacketReader& in) {
  const uint8_t page = in.u8();
  complete(PacketWriter().u8(0).u8(page).u8(1).u64(features(page)));
}

void Controller::on_read_buffers(PacketReader&) {
  complete(PacketWriter().u8(0).u16(classic_payload_max).u8(0).u16(classic_buffers).u16(0));
}

void Controller::on_read_address(PacketReader&) {
  complete(PacketWriter().u8(0).address(address_));
}

void Controller::on_read_setting(PacketReader&) {
  PacketWriter out;
  out.u8(0);
  if (opcode_ == hci::op::read_local_name) {
    out.raw(as_bytes(settings_.name)).zeros(name_bytes - settings_.name.size());
  } else if (opcode_ == hci::op::read_scan_enable) {
    out.u8(settings_.scan_enable);
  } else if (opcode_ == hci::op::read_page_scan_activity) {
    out.u16(0x0800).u16(0x0012);
  } else if (opcode_ == hci::op::read_class) {
    out.raw(std::as_bytes(std::span(settings_.device_class)));
  } else if (opcode_ == hci::op::read_voice_setting) {
    out.u16(0x0060);
  } else if (opcode_ == hci::op::read_iac_count) {
    out.u8(2);
  } else if (opcode_ == hci::op::read_iacs) {
    out.u8(1).u24(0x9E8B33);
  } else if (opcode_ == hci::op::read_page_scan_type) {
    out.u8(0);
  }
  complete(out);
}

void Controller::on_write_setting(PacketReader& in) {
  if (opcode_ == hci::op::write_local_name) {
    const std::string_view text = as_text(in.raw(std::min(in.rest().size(), name_bytes)));
    settings_.name = text.substr(0, text.find('\0'));
  } else if (opcode_ == hci::op::write_class) {
    for (uint8_t& byte : settings_.device_class) byte = in.u8();
  } else if (opcode_ == hci::op::write_scan_enable) {
    settings_.scan_enable = in.u8();
  } else if (opcode_ == hci::op::write_page_timeout) {
    settings_.page_timeout = in.u16() * Micros{625};
  } else if (opcode_ == hci::op::write_extended_inquiry_response) {
    in.u8();
    const Bytes data = in.raw(240);
    settings_.inquiry_response.assign(data.begin(), data.end());
    settings_.inquiry_response.resize(240);
  } else if (opcode_ == hci::op::write_simple_pairing_mode) {
    settings_.simple_pairing = in.u8() != 0;
  } else if (opcode_ == hci::op::write_secure_connections) {
    settings_.secure_connections = in.u8() != 0;
  } else if (opcode_ == hci::op::write_le_host_support) {
    settings_.low_energy = in.u8() != 0;
  } else if (opcode_ == hci::op::write_default_link_policy) {
    settings_.link_policy = in.u16();
  }
  complete();
}

void Controller::on_disconnect(PacketReader& in) {
  const uint16_t handle = in.u16();
  const uint8_t reason = in.u8();
  Link* link = known_link(handle);
  if (link == nullptr) return;
  status(hci::status::ok);
  later(detach_time, [this, handle, reason] {
    Link* at = air_.link(*this, handle);
    if (at != nullptr) air_.close(*at, *this, hci::status::ended_by_local_host, reason);
  });
}

void Controller::on_read_rssi(PacketReader& in) {
  const uint16_t handle = in.u16();
  const Link* link = air_.link(*this, handle);
  if (link == nullptr) {
    return complete(PacketWriter().u8(hci::status::unknown_connection).u16(handle).u8(0));
  }
  const Controller* other = link->ends[1 - link->end_of(*this)].controller;
  const int8_t rssi = other == nullptr ? int8_t{-127} : air_.between(*this, *other).rssi;
  complete(PacketWriter().u8(0).u16(handle).u8(static_cast<uint8_t>(rssi)));
}

Controller::Commands Controller::own_commands() {
  namespace op = hci::op;
  using C = Controller;
  return {
      {op::reset, &C::on_reset},
      {op::set_event_mask, &C::on_take},
      {op::set_event_filter, &C::on_take},
      {op::set_event_mask_2, &C::on_take},
      {op::write_accept_timeout, &C::on_take},
      {op::write_page_scan_activity, &C::on_take},
      {op::write_inquiry_scan_activity, &C::on_take},
      {op::write_authentication_enable, &C::on_take},
      {op::write_iacs, &C::on_take},
      {op::write_inquiry_mode, &C::on_take},
      {op::write_page_scan_type, &C::on_take},
      {op::read_local_version, &C::on_read_version},
      {op::read_local_commands, &C::on_read_commands},
      {op::read_local_features, &C::on_read_features},
      {op::read_local_extended_features, &C::on_read_extended_features},
      {op::read_buffer_size, &C::on_read_buffers},
      {op::read_address, &C::on_read_address},
      {op::read_local_name, &C::on_read_setting},
      {op::read_scan_enable, &C::on_read_setting},
      {op::read_page_scan_activity, &C::on_read_setting},
      {op::read_class, &C::on_read_setting},
      {op::read_voice_setting, &C::on_read_setting},
      {op::read_iac_count, &C::on_read_setting},
      {op::read_iacs, &C::on_read_setting},
      {op::read_page_scan_type, &C::on_read_setting},
      {op::write_local_name, &C::on_write_setting},
      {op::write_class, &C::on_write_setting},
      {op::write_scan_enable, &C::on_write_setting},
      {op::write_page_timeout, &C::on_write_setting},
      {op::write_extended_inquiry_response, &C::on_write_setting},
      {op::write_simple_pairing_mode, &C::on_write_setting},
      {op::write_secure_connections, &C::on_write_setting},
      {op::write_le_host_support, &C::on_write_setting},
      {op::write_default_link_policy, &C::on_write_setting},
      {op::disconnect, &C::on_disconnect},
      {op::read_rssi, &C::on_read_rssi},
  };
}

const Controller::Commands& Controller::commands() {
  static const Commands all = [] {
    Commands sum = own_commands();
    sum.merge(classic_commands());
    sum.merge(pairing_commands());
    sum.merge(low_energy_commands());
    return sum;
  }();
  return all;
}

}  // namespace btb::lab
