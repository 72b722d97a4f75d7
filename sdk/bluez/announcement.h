// Announcement: what a broker says of itself on the air, in an LE advertisement of 31 bytes: flags
// (3), this service's UUID (18), and manufacturer data (4 + 6), which is the Announcement. Value
// type; [any] thread.
//
//   byte 0    version in the upper four bits; bit 0: listens on L2CAP at 4097
//   byte 1    PSM of its LE channel; 0: none
//   byte 2-3  site: tells one broker from another, the same on all its adapters; little-endian
//   byte 4    epoch: another number when there is something new for clients that let go
//   byte 5    free places on this adapter
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "sdk/base/bytes.h"

namespace btb::bluez {

inline constexpr std::string_view service_uuid = "9f1c7b0e-5d3a-4e0b-8a6c-627462726f6b";
// "Not to be used in products that are sold": what there is for those without a number of their
// own (Assigned Numbers, company identifiers).
inline constexpr uint16_t company = 0xFFFF;
inline constexpr uint8_t announcement_version = 1;
inline constexpr uint16_t usual_l2cap_psm = 0x1001;

struct Announcement {
  bool classic = false;
  uint8_t le_psm = 0;
  uint16_t site = 0;
  uint8_t epoch = 0;
  uint8_t free_places = 0;

  bool operator==(const Announcement&) const = default;
};

std::array<uint8_t, 6> encode(const Announcement& announcement);
// Nothing for another length or a version that is not known.
std::optional<Announcement> decode_announcement(Bytes bytes);

// The site of a broker, never 0, from what makes it that one and stays (FNV-1a, folded to 16 bits):
// two brokers of one name are two.
uint16_t site_of(std::string_view identity);

}  // namespace btb::bluez
