// Controller, BR/EDR: Simple Pairing with "just works" and comparison, played through with its
// events (volume 2, part F, 4.2), and encryption, which changes nothing but what is said of it.
#include "tests/lab/radio/controller.h"

namespace btb::lab {

namespace {

constexpr size_t key_bytes = 16;
constexpr uint8_t unauthenticated_key = 4;
constexpr uint8_t key_size = 16;

}  // namespace

void Controller::ask(uint8_t question, const Address& peer, const PacketWriter& more) {
  event(question, PacketWriter().address(peer).raw(more.bytes()));
}

// Who began the pairing that `peer` and this controller are in; null if there is none.
Controller* Controller::pairing_initiator(const Address& peer) {
  Controller* other = air_.find(peer);
  if (other == nullptr) return nullptr;
  if (pairing_ && pairing_->peer == peer) return this;
  return other->pairing_ && other->pairing_->peer == address_ ? other : nullptr;
}

void Controller::on_authenticate(PacketReader& in) {
  const uint16_t handle = in.u16();
  const Link* link = known_link(handle);
  if (link == nullptr) return;
  Controller* peer = link->ends[1 - link->end_of(*this)].controller;
  if (pairing_ || peer == nullptr) return status(hci::status::disallowed);
  status(hci::status::ok);
  pairing_ = Pairing{peer->address(), handle, false, false};
  ask(hci::event::link_key_request, peer->address(), {});
}

void Controller::pairing_done(uint8_t status) {
  const uint16_t handle = pairing_->handle;
  pairing_.reset();
  event(hci::event::authentication_complete, PacketWriter().u8(status).u16(handle));
}

// The initiator's key has to be the one of the other side, too. That the other side has it is
// believed here: a host that lost its key asks for a new pairing by itself.
void Controller::on_link_key(PacketReader& in) {
  const Address peer = in.address();
  complete(PacketWriter().u8(0).address(peer));
  if (pairing_) pairing_done(hci::status::ok);
}

void Controller::on_no_link_key(PacketReader& in) {
  const Address peer = in.address();
  complete(PacketWriter().u8(0).address(peer));
  if (!pairing_) return;
  const Controller* other = air_.find(peer);
  if (other == nullptr || !settings_.simple_pairing || !other->settings_.simple_pairing) {
    return pairing_done(hci::status::pairing_not_allowed);
  }
  ask(hci::event::io_capability_request, peer, {});
}

// Both sides say what they can show and type; then both are asked whether the number is right.
void Controller::on_io_capability(PacketReader& in) {
  const Address peer = in.address();
  const uint8_t capability = in.u8();
  const uint8_t out_of_band = in.u8();
  const uint8_t requirements = in.u8();
  complete(PacketWriter().u8(0).address(peer));
  Controller* initiator = pairing_initiator(peer);
  if (initiator == nullptr) return;
  Controller& other = *air_.find(peer);
  other.ask(hci::event::io_capability_response, address_,
            PacketWriter().u8(capability).u8(out_of_band).u8(requirements));
  if (initiator == this) return other.ask(hci::event::io_capability_request, address_, {});
  const auto number = static_cast<unsigned>(air_.chance() * 1e6);
  const PacketWriter shown = PacketWriter().u16(number & 0xFFFF).u16(number >> 16);
  other.ask(hci::event::user_confirmation_request, address_, shown);
  ask(hci::event::user_confirmation_request, peer, shown);
}

void Controller::on_io_refusal(PacketReader& in) {
  const Address peer = in.address();
  complete(PacketWriter().u8(0).address(peer));
  if (Controller* initiator = pairing_initiator(peer)) {
    initiator->pairing_done(hci::status::pairing_not_allowed);
  }
}

void Controller::on_confirm(PacketReader& in) {
  const Address peer = in.address();
  complete(PacketWriter().u8(0).address(peer));
  Controller* initiator = pairing_initiator(peer);
  if (initiator == nullptr) return;
  Pairing& pairing = *initiator->pairing_;
  (initiator == this ? pairing.confirmed : pairing.peer_confirmed) = true;
  if (!pairing.confirmed || !pairing.peer_confirmed) return;
  PacketWriter key;
  for (size_t i = 0; i < key_bytes; ++i) key.u8(static_cast<unsigned>(air_.chance() * 256));
  key.u8(unauthenticated_key);
  Controller& other = *air_.find(peer);
  for (auto [one, with] : {std::pair(this, &other), std::pair(&other, this)}) {
    one->event(hci::event::simple_pairing_complete, PacketWriter().u8(0).address(with->address_));
    one->ask(hci::event::link_key_notification, with->address_, key);
  }
  initiator->pairing_done(hci::status::ok);
}

void Controller::on_deny(PacketReader& in) {
  const Address peer = in.address();
  complete(PacketWriter().u8(0).address(peer));
  Controller* initiator = pairing_initiator(peer);
  if (initiator == nullptr) return;
  constexpr uint8_t failed = hci::status::authentication_failure;
  for (auto [one, with] : {std::pair(this, air_.find(peer)), std::pair(air_.find(peer), this)}) {
    one->event(hci::event::simple_pairing_complete,
               PacketWriter().u8(failed).address(with->address_));
  }
  initiator->pairing_done(failed);
}

void Controller::on_encrypt(PacketReader& in) {
  const uint16_t handle = in.u16();
  const uint8_t on = in.u8();
  const Link* link = known_link(handle);
  if (link == nullptr) return;
  status(hci::status::ok);
  for (const LinkEnd& end : link->ends) {
    if (end.controller == nullptr) continue;
    end.controller->event(hci::event::encryption_change,
                          PacketWriter().u8(0).u16(end.handle).u8(on));
  }
}

void Controller::on_read_key_size(PacketReader& in) {
  const uint16_t handle = in.u16();
  const bool known = air_.link(*this, handle) != nullptr;
  complete(PacketWriter()
               .u8(known ? hci::status::ok : hci::status::unknown_connection)
               .u16(handle)
               .u8(key_size));
}

// --- registration ---

Controller::Commands Controller::pairing_commands() {
  namespace op = hci::op;
  using C = Controller;
  return {
      {op::authentication_requested, &C::on_authenticate},
      {op::link_key_reply, &C::on_link_key},
      {op::link_key_negative_reply, &C::on_no_link_key},
      {op::io_capability_reply, &C::on_io_capability},
      {op::io_capability_negative_reply, &C::on_io_refusal},
      {op::user_confirmation_reply, &C::on_confirm},
      {op::user_confirmation_negative_reply, &C::on_deny},
      {op::set_connection_encryption, &C::on_encrypt},
      {op::read_key_size, &C::on_read_key_size},
  };
}

}  // namespace btb::lab
