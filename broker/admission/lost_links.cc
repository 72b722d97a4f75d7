#include "broker/admission/lost_links.h"

namespace btb {

std::vector<bluetooth::ClassicLink> LostLinks::due(
    const std::vector<bluetooth::ClassicLink>& unused, uint64_t now_ms) {
  std::vector<bluetooth::ClassicLink> lost;
  decltype(known_) still;
  for (const bluetooth::ClassicLink& link : unused) {
    if (!link.incoming || link.encrypted) continue;
    const std::tuple key(link.adapter, link.device, link.handle);
    const auto known = known_.find(key);
    uint64_t since_ms = known == known_.end() ? now_ms : known->second;
    if (now_ms - since_ms >= after_ms) {
      lost.push_back(link);
      since_ms = now_ms;
    }
    still.emplace(key, since_ms);
  }
  known_ = std::move(still);
  return lost;
}

}  // namespace btb
