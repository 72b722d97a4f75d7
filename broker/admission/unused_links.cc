#include "broker/admission/unused_links.h"

namespace btb {

namespace {

// Enough time for the goodbye, and for a client that comes back at once.
constexpr uint64_t unused_ms = 2'000;
constexpr size_t le_links_max = 1'000;

}  // namespace

void UnusedLinks::le_session_ended(std::string adapter, std::string device, uint64_t now_ms) {
  if (le_links_.size() >= le_links_max) return;
  le_links_.push_back({std::move(adapter), std::move(device), now_ms});
}

void UnusedLinks::end_le_links(Radio* radio, uint64_t now_ms) {
  std::erase_if(le_links_, [&](LeLink& link) {
    if (now_ms - link.since_ms < unused_ms) return false;
    if (in_use_(link.adapter, link.device)) {
      link.since_ms = now_ms;  // its device may have come back over another kind of link
      return false;
    }
    if (radio != nullptr) radio->drop_link(link.adapter, link.device);
    return true;
  });
}

void UnusedLinks::end_lost_links(const std::vector<bluetooth::ClassicLink>& links, bool spare,
                                 Radio& radio, uint64_t now_ms) {
  std::vector<bluetooth::ClassicLink> unused;
  for (const bluetooth::ClassicLink& link : links) {
    if (!spare && !in_use_(link.adapter, link.device)) unused.push_back(link);
  }
  for (const bluetooth::ClassicLink& lost : lost_links_.due(unused, now_ms)) {
    radio.drop_link_of_stranger(lost.adapter, lost.device,
                                [this, lost] { return !in_use_(lost.adapter, lost.device); });
  }
}

}  // namespace btb
