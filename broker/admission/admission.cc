// Admission, first part: which newcomer gets a place, and which connection is refused instead.
// Places of an adapter are in adapter_places.cc.
#include "broker/admission/admission.h"

#include <algorithm>
#include <utility>

namespace btb {

namespace {

const char* text_of(NoPlace why) {
  switch (why) {
    case NoPlace::sessions:
      return "no place for another session";
    case NoPlace::handshakes:
      return "too many connections that have not said hello";
    case NoPlace::peer:
      return "this peer has as many sessions as one may have";
    case NoPlace::device:
      return "this device has as many sessions as one may have";
    case NoPlace::descriptors:
      return "the broker has no more descriptors for clients";
    case NoPlace::adapter:
      return "all places of this adapter are taken";
    case NoPlace::reserved:
      return "this place is kept for commands, and there is no other";
  }
  return "";
}

}  // namespace

std::string_view name_of(NoPlace why) {
  switch (why) {
    case NoPlace::sessions:
      return "sessions";
    case NoPlace::handshakes:
      return "handshakes";
    case NoPlace::peer:
      return "sessions_per_peer";
    case NoPlace::device:
      return "sessions_per_device";
    case NoPlace::descriptors:
      return "descriptors";
    case NoPlace::adapter:
      return "sessions_per_adapter";
    case NoPlace::reserved:
      return "operator_places";
  }
  return "unknown";
}

Admission::Admission(Router& router, const Clock& clock, Guests& guests)
    : router_(router),
      clock_(clock),
      sessions_(guests),
      announced_epoch_(static_cast<uint8_t>(router.epoch())) {}

void Admission::arrived(uint64_t id, Guest guest) {
  Entry& entry = guests_[id];
  entry.guest = std::move(guest);
  const Guest& newcomer = entry.guest;
  ++silent_;
  ++origins_[newcomer.origin];
  const std::string& adapter = newcomer.adapter;
  const size_t there = adapter.empty() ? 0 : count_on(adapter);
  if (there > limits.sessions_per_adapter &&
      there > limits.sessions_per_adapter + idle_on(adapter)) {
    return refuse(id, adapter_is_full(adapter));
  }
  const std::optional<NoPlace> why = lacks_place(newcomer);
  if (!why) return;
  if (newcomer.is_operator) return reserve(id, entry);
  const bool own_fault = why == NoPlace::peer || why == NoPlace::device;
  refuse(own_fault ? id : most_silent(id), {*why, text_of(*why)});
}

std::optional<NoPlace> Admission::lacks_place(const Guest& newcomer) const {
  const uint32_t same = newcomer.origin.empty() ? 0 : origins_.at(newcomer.origin);
  if (!newcomer.adapter.empty() && same > limits.sessions_per_device) return NoPlace::device;
  if (same > limits.sessions_per_peer) return NoPlace::peer;
  if (guests_.size() - reserved_.size() > limits.sessions) return NoPlace::sessions;
  if (newcomer.descriptor >= limits.descriptors) return NoPlace::descriptors;
  if (silent_ > limits.handshakes) return NoPlace::handshakes;
  return std::nullopt;
}

// The oldest connection that has not said hello, of the peer with the most of them. This may be the
// newcomer. So a peer that floods the broker does not keep other peers out.
uint64_t Admission::most_silent(uint64_t newcomer) const {
  struct Silent {
    size_t count = 0;
    uint64_t oldest = 0;
  };
  std::unordered_map<std::string_view, Silent> by_origin;
  for (const auto& [id, entry] : guests_) {
    if (!entry.silent || entry.reserved) continue;
    Silent& silent = by_origin[entry.guest.origin];
    if (++silent.count == 1) silent.oldest = id;
  }
  Silent most{0, newcomer};
  for (const auto& [origin, silent] : by_origin) {
    const bool as_many = silent.count == most.count;
    const bool more = silent.count > most.count;
    if (more || (as_many && silent.oldest < most.oldest)) most = silent;
  }
  return most.oldest;
}

// The newest operators have these places: an old one, forgotten in a
// terminal, does not keep a new one out.
void Admission::reserve(uint64_t id, Entry& entry) {
  entry.reserved = true;
  reserved_.push_back(id);
  sessions_.keep_for_commands(id);
  if (reserved_.size() <= limits::operator_places) return;
  refuse(reserved_.front(), {NoPlace::reserved, "another operator needs the place"});
}

void Admission::wants_more(uint64_t id) {
  refuse(id, {NoPlace::reserved, text_of(NoPlace::reserved)});
}

void Admission::refuse(uint64_t id, const Refusal& refusal) {
  ++turned_away_[refusal.why];
  sessions_.refuse(id, refusal);
}

void Admission::left(uint64_t id) {
  const auto found = guests_.find(id);
  if (found == guests_.end()) return;
  const Entry& entry = found->second;
  if (entry.silent) --silent_;
  if (entry.reserved) std::erase(reserved_, id);
  const auto origin = origins_.find(entry.guest.origin);
  if (--origin->second == 0) origins_.erase(origin);
  guests_.erase(found);
}

void Admission::tick() {
  if (recall_.take_news(router_)) ++announced_epoch_;
}

}  // namespace btb
