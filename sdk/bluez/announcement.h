// Announcement: the six bytes about a broker in its LE advertisement. The advertisement has 31
// bytes: flags (3), the UUID of this service (18), and manufacturer data (4 + 6). The last six are
// the Announcement. Value type; pure functions; [any] thread.
//
//   byte 0    version in the upper four bits; bit 0: listens on L2CAP at 4097
//   byte 1    PSM of its LE channel; 0: none
//   byte 2-3  site: tells one broker from another; the same on all its adapters; little-endian
//   byte 4    epoch: it changes when there is something new for clients that let go of their place
//   byte 5    free places on this adapter
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sdk/base/bytes.h"

namespace btb::bluez {

inline constexpr std::string_view service_uuid = "9f1c7b0e-5d3a-4e0b-8a6c-627462726f6b";
// The company identifier for makers that have none of their own. Bluetooth's Assigned Numbers say
// that products on sale must not use it.
inline constexpr uint16_t company = 0xFFFF;
inline constexpr uint8_t announcement_version = 1;
inline constexpr uint16_t usual_l2cap_psm = 0x1001;

struct Announcement {
  bool classic = false;  // listens on L2CAP at usual_l2cap_psm
  uint8_t le_psm = 0;    // 0: does not listen on LE
  uint16_t site = 0;
  uint8_t epoch = 0;
  uint8_t free_places = 0;

  bool operator==(const Announcement&) const = default;
};

std::array<uint8_t, 6> encode(const Announcement& announcement);
// Nothing if the length is not 6 or the version is unknown.
std::optional<Announcement> decode_announcement(Bytes bytes);

// The site of a broker, from a text that is its own and does not change. So two brokers with the
// same name can be told apart. Never 0. The hash is FNV-1a, folded to 16 bits.
uint16_t site_of(std::string_view identity);

}  // namespace btb::bluez
