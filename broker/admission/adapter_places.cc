// Admission, second part: the places of a Bluetooth adapter, and the idle clients that let go of
// them.
#include <algorithm>
#include <utility>

#include "broker/admission/admission.h"

namespace btb {

namespace {

constexpr size_t piconet_max = 7;
// Times let_go_after_ms. It is long, because perhaps no other device needs the place.
constexpr uint64_t ahead_factor = 12;
constexpr uint64_t first_pause_ms = 60'000, longest_pause_ms = 10 * 60'000;
// A link ends some seconds after its last session.
constexpr uint64_t link_end_ms = 10'000;
constexpr size_t elsewhere_told_max = 4, elsewhere_max = 16;

// The pause after devices took their place again `in_vain` times in a row.
uint64_t pause_ms(uint32_t in_vain) {
  return std::min(longest_pause_ms, first_pause_ms << std::min(in_vain - 1, 10U));
}

}  // namespace

size_t Admission::count_on(std::string_view adapter) const {
  return static_cast<size_t>(std::count_if(guests_.begin(), guests_.end(), [&](const auto& one) {
    return one.second.guest.adapter == adapter;
  }));
}

size_t Admission::free_on(const std::string& adapter) const {
  const size_t taken = count_on(adapter);
  return taken < limits.sessions_per_adapter ? limits.sessions_per_adapter - taken : 0;
}

uint64_t Admission::can_wait_ms(uint64_t id, const Entry& entry, std::string_view adapter) const {
  if (entry.guest.adapter != adapter) return 0;
  const uint64_t idle_ms = sessions_.idle_ms(id);
  return idle_ms < limits.let_go_after_ms ? 0 : idle_ms;
}

size_t Admission::idle_on(const std::string& adapter) const {
  if (air == nullptr || !air->calls_back(adapter)) return 0;
  return static_cast<size_t>(std::count_if(guests_.begin(), guests_.end(), [&](const auto& one) {
    return can_wait_ms(one.first, one.second, adapter) != 0;
  }));
}

size_t Admission::places_for_newcomers(const std::string& adapter) const {
  const size_t free = free_on(adapter);
  return free != 0 ? free : idle_on(adapter);
}

bool Admission::has(std::string_view adapter, std::string_view device) const {
  return std::any_of(guests_.begin(), guests_.end(), [&](const auto& one) {
    return one.second.guest.adapter == adapter && one.second.guest.device == device;
  });
}

// A full adapter takes one more connection if an idle client can wait without a place. That client
// is asked to let go only now, when the newcomer has said hello.
bool Admission::said_hello(uint64_t id) {
  Entry& entry = guests_.at(id);
  const std::string& adapter = entry.guest.adapter;
  const bool fits = adapter.empty() || count_on(adapter) <= limits.sessions_per_adapter;
  if (!fits && !free_place(adapter)) {
    refuse(id, adapter_is_full(adapter));
    return false;
  }
  entry.silent = false;
  --silent_;
  return true;
}

bool Admission::free_place(const std::string& adapter) {
  if (air == nullptr || !air->calls_back(adapter)) return false;
  uint64_t idlest = 0, longest_ms = 0;
  for (const auto& [id, entry] : guests_) {
    const uint64_t idle_ms = can_wait_ms(id, entry, adapter);
    if (idle_ms > longest_ms) idlest = id;
    longest_ms = std::max(longest_ms, idle_ms);
  }
  if (longest_ms == 0) return false;
  let_go(idlest, "another client needs the place");
  return true;
}

void Admission::let_go(uint64_t id, std::string_view text) {
  recall_.add(sessions_.subscriber(id), router_);
  sessions_.let_go(id, text, announced_epoch_);
}

// How long each device has been idle, in ms; 0 if one of its sessions is not idle. By device,
// because the link is free only when all sessions on it are over.
std::map<std::string_view, uint64_t> Admission::idle_devices(std::string_view adapter) const {
  std::map<std::string_view, uint64_t> idle_ms;
  for (const auto& [id, entry] : guests_) {
    if (entry.guest.adapter != adapter || !entry.guest.classic) continue;
    const uint64_t this_ms = can_wait_ms(id, entry, adapter);
    const auto [device, first] = idle_ms.try_emplace(entry.guest.device, this_ms);
    device->second = std::min(device->second, this_ms);
  }
  return idle_ms;
}

void Admission::keep_place_open(const std::string& adapter, size_t links) {
  if (links < piconet_max) return;
  const std::map<std::string_view, uint64_t> idle_ms = idle_devices(adapter);
  const uint64_t now_ms = clock_.mono_ms();
  AskedAhead& last = asked_ahead_[adapter];
  if (!last.device.empty()) {
    const uint64_t since_ms = now_ms - last.at_ms;
    if (since_ms < link_end_ms) return;
    if (!std::exchange(last.settled, true)) {
      last.in_vain = idle_ms.contains(last.device) ? last.in_vain + 1 : 0;
    }
    if (last.in_vain != 0 && since_ms < pause_ms(last.in_vain)) return;
  }
  const auto idlest =
      std::max_element(idle_ms.begin(), idle_ms.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (idlest == idle_ms.end()) return;
  if (idlest->second < ahead_factor * uint64_t{limits.let_go_after_ms}) return;
  last = {std::string(idlest->first), now_ms, last.in_vain, false};
  std::vector<uint64_t> leaving;
  for (const auto& [id, entry] : guests_) {
    const Guest& guest = entry.guest;
    if (guest.adapter == adapter && guest.classic && guest.device == last.device) {
      leaving.push_back(id);
    }
  }
  for (const uint64_t id : leaving) let_go(id, "a place is kept open for other clients");
}

Refusal Admission::adapter_is_full(const std::string& adapter) const {
  Refusal refusal{NoPlace::adapter, "all " + std::to_string(limits.sessions_per_adapter) +
                                        " places of this adapter are taken"};
  if (air == nullptr) return refusal;
  for (const Air::Adapter& other : air->adapters()) {
    if (other.address == adapter || free_on(other.address) == 0) continue;
    for (const std::string& endpoint : other.endpoints) {
      if (refusal.elsewhere.size() < elsewhere_max) refusal.elsewhere.push_back(endpoint);
    }
  }
  for (size_t i = 0; i < std::min(refusal.elsewhere.size(), elsewhere_told_max); ++i) {
    refusal.text += (i == 0 ? "; there are some at " : ", ") + refusal.elsewhere[i];
  }
  return refusal;
}

}  // namespace btb
