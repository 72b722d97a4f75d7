// Controller: a Bluetooth controller as a host sees it: takes commands and ACL data, answers with
// events and data. BR/EDR and LE, legacy advertising; no SCO, no extended advertising. What its
// host asks of the air it asks of Air.
//
// Its code lies in four files: controller.cc (what concerns itself), classic.cc (inquiry, paging,
// link policy), pairing.cc, and low_energy.cc (advertising, scanning, connecting).
//
// Pairing is played through with its events, so that hosts pair; nothing is encrypted.
//
// Resource; one thread. Borrows the air and the host.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "tests/lab/radio/air.h"
#include "tests/lab/radio/hci.h"

namespace btb::lab {

// The other side of the border to a host.
class HostPort {
 public:
  virtual void to_host(hci::Type type, Bytes packet) = 0;

 protected:
  ~HostPort() = default;
};

class Controller {
 public:
  static constexpr uint16_t classic_payload_max = 1021;  // of a 3-DH5 packet
  static constexpr uint16_t classic_buffers = 8;
  static constexpr uint16_t le_payload_max = 251;
  static constexpr uint8_t le_buffers = 12;
  static constexpr size_t piconet_max = 7;

  Controller(Air& air, Address address, HostPort& host);
  ~Controller();
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // A packet from the host.
  void command(Bytes packet);
  void data(Bytes packet);

  [[nodiscard]] const Address& address() const { return address_; }
  [[nodiscard]] bool advertises() const { return advertising_.on; }
  // Commands that it does not know, and how often they came.
  [[nodiscard]] const std::map<uint16_t, unsigned>& unknown() const { return unknown_; }

  // --- for the air ---
  Usage usage;
  Micros free_at = 0;        // its transceiver is
  uint64_t last_served = 0;  // of the links it is the central of
  Agenda::Id serving = 0;

  // An advertisement of somebody who is no controller here.
  void overhear(const Address& random_address, Bytes data);
  // What it listened for so far is in the usage. Before anything changes that.
  void settle();
  void link_closed(uint16_t handle, uint8_t reason);
  void data_arrived(uint16_t handle, const Fragment& fragment);
  void data_sent(uint16_t handle);

 private:
  using Command = void (Controller::*)(PacketReader& in);
  using Commands = std::map<uint16_t, Command>;
  static const Commands& commands();
  static Commands own_commands();
  static Commands classic_commands();
  static Commands pairing_commands();
  static Commands low_energy_commands();

  struct Settings {
    std::string name;
    std::array<uint8_t, 3> device_class{};
    ByteVector inquiry_response = ByteVector(240);
    uint8_t scan_enable = 0;  // 1 inquiry scan, 2 page scan
    Micros page_timeout = 5'120'000;
    bool simple_pairing = false;
    bool secure_connections = false;
    bool low_energy = false;
    uint16_t link_policy = 0;
    uint16_t le_payload = 27;  // asked for on each LE link
  };

  // It pages one device.
  struct Paging {
    Address to;
    bool may_switch = false;
    Agenda::Id next = 0;
    Micros until = 0;
  };

  // The initiator's view of a pairing.
  struct Pairing {
    Address peer;
    uint16_t handle = 0;
    bool confirmed = false;
    bool peer_confirmed = false;
  };

  struct LeAddress {
    uint8_t type = 0;
    Address address;
    auto operator<=>(const LeAddress&) const = default;
  };

  struct Advertising {
    bool on = false;
    uint8_t type = 0;
    uint8_t own_type = 0;
    Micros interval = 1'280'000;
    ByteVector data;
    ByteVector scan_response;
    Agenda::Id next = 0;
  };

  struct Scanning {
    bool on = false;
    bool active = false;
    bool once = false;  // each advertiser is reported once
    double duty = 1;
    std::set<LeAddress> seen;
  };

  struct Initiating {
    bool on = false;
    bool from_list = false;
    LeAddress to;
    uint8_t own_type = 0;
    double duty = 1;
    Micros interval = 50'000;
    uint16_t latency = 0;
    Micros supervision = 420'000;
  };

  // --- answers, controller.cc ---
  void event(uint8_t code, const PacketWriter& parameters);
  void le_event(uint8_t code, const PacketWriter& parameters);
  void complete(const PacketWriter& parameters);
  void complete(uint8_t status = hci::status::ok);
  void status(uint8_t status);
  Link* known_link(uint16_t handle);  // answers with a status if there is none
  void restart();
  // In a while, unless it is restarted or gone by then.
  void later(Micros in, std::function<void()> what);

  [[nodiscard]] double listening_share() const;

  void on_reset(PacketReader& in);
  void on_take(PacketReader& in);  // settings that change nothing here
  void on_read_version(PacketReader& in);
  void on_read_commands(PacketReader& in);
  void on_read_features(PacketReader& in);
  void on_read_extended_features(PacketReader& in);
  void on_read_buffers(PacketReader& in);
  void on_read_address(PacketReader& in);
  void on_read_setting(PacketReader& in);
  void on_write_setting(PacketReader& in);
  void on_disconnect(PacketReader& in);
  void on_read_rssi(PacketReader& in);
  [[nodiscard]] uint64_t features(uint8_t page) const;

  // --- classic.cc ---
  void on_inquiry(PacketReader& in);
  void on_inquiry_cancel(PacketReader& in);
  void answer_inquiry(const Controller& found);
  void on_create_connection(PacketReader& in);
  void on_create_connection_cancel(PacketReader& in);
  void on_accept_connection(PacketReader& in);
  void on_reject_connection(PacketReader& in);
  void page();
  void page_ended(uint8_t status);
  void connected(Controller& pager, bool as_central);
  void tell_connected(uint8_t status, uint16_t handle, const Address& peer);
  void on_remote_name(PacketReader& in);
  void on_remote_features(PacketReader& in);
  void on_remote_extended_features(PacketReader& in);
  void on_remote_version(PacketReader& in);
  void on_packet_type(PacketReader& in);
  void on_sniff(PacketReader& in);
  void on_exit_sniff(PacketReader& in);
  void set_mode(Link& link, Micros interval);
  void on_role_discovery(PacketReader& in);
  void on_switch_role(PacketReader& in);
  void on_link_policy(PacketReader& in);
  void on_supervision(PacketReader& in);

  // --- pairing.cc ---
  void on_authenticate(PacketReader& in);
  void on_link_key(PacketReader& in);
  void on_no_link_key(PacketReader& in);
  void on_io_capability(PacketReader& in);
  void on_io_refusal(PacketReader& in);
  void on_confirm(PacketReader& in);
  void on_deny(PacketReader& in);
  void on_encrypt(PacketReader& in);
  void on_read_key_size(PacketReader& in);
  void pairing_done(uint8_t status);
  void ask(uint8_t question, const Address& peer, const PacketWriter& more);
  Controller* pairing_initiator(const Address& peer);

  // --- low_energy.cc ---
  void on_le_buffers(PacketReader& in);
  void on_le_read(PacketReader& in);
  void on_random_address(PacketReader& in);
  void on_advertising_parameters(PacketReader& in);
  void on_advertising_data(PacketReader& in);
  void on_advertising_enable(PacketReader& in);
  void on_scan_parameters(PacketReader& in);
  void on_scan_enable(PacketReader& in);
  void on_le_create_connection(PacketReader& in);
  void on_le_create_connection_cancel(PacketReader& in);
  void on_accept_list(PacketReader& in);
  void on_le_default_data_length(PacketReader& in);
  void on_le_data_length(PacketReader& in);
  void set_data_length(Link& link, size_t payload);
  void on_le_update(PacketReader& in);
  void on_le_remote_features(PacketReader& in);
  void on_le_encrypt(PacketReader& in);
  void on_long_term_key(PacketReader& in);
  void on_no_long_term_key(PacketReader& in);
  void advertise();
  void advertised(Controller& advertiser, const LeAddress& from, bool connectable);
  void report(int8_t rssi, const LeAddress& from, uint8_t type, Bytes data);
  void le_connected(Controller& advertiser, const LeAddress& to);
  void tell_le_connected(uint8_t status, const Link* link);
  [[nodiscard]] LeAddress own_address(uint8_t type) const;
  void stop_low_energy();

  Air& air_;
  const Address address_;
  HostPort& host_;
  uint16_t opcode_ = 0;  // of the command that is being worked on
  Settings settings_;
  std::map<uint16_t, unsigned> unknown_;
  std::set<Agenda::Id> later_;
  Micros settled_ = 0;

  std::optional<Paging> paging_;
  std::set<Address> paged_by_;  // connection requests that wait for an answer of the host
  std::vector<Agenda::Id> inquiry_;
  std::optional<Pairing> pairing_;
  std::array<uint64_t, 2> le_key_{};  // of the encryption that is being started

  Address random_address_;
  Advertising advertising_;
  Scanning scanning_;
  Initiating initiating_;
  std::set<LeAddress> accept_list_;
};

}  // namespace btb::lab
