#include "sdk/bluez/announcement.h"

namespace btb::bluez {

namespace {

constexpr uint8_t classic_bit = 1;

}  // namespace

std::array<uint8_t, 6> encode(const Announcement& announcement) {
  return {
      static_cast<uint8_t>(announcement_version << 4 | (announcement.classic ? classic_bit : 0)),
      announcement.le_psm,
      static_cast<uint8_t>(announcement.site),
      static_cast<uint8_t>(announcement.site >> 8),
      announcement.epoch,
      announcement.free_places};
}

std::optional<Announcement> decode_announcement(Bytes bytes) {
  if (bytes.size() != 6) return std::nullopt;
  const auto at = [&](size_t i) { return std::to_integer<uint8_t>(bytes[i]); };
  if (at(0) >> 4 != announcement_version) return std::nullopt;
  return Announcement{(at(0) & classic_bit) != 0, at(1), static_cast<uint16_t>(at(2) | at(3) << 8),
                      at(4), at(5)};
}

uint16_t site_of(std::string_view identity) {
  uint32_t hash = 0x811C9DC5;
  for (const char letter : identity) {
    hash = (hash ^ static_cast<uint8_t>(letter)) * 0x01000193;
  }
  const auto site = static_cast<uint16_t>(hash ^ hash >> 16);
  return site == 0 ? 1 : site;
}

}  // namespace btb::bluez
