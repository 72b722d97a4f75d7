// ServiceRecord: what a broker says of itself to who asks over BR/EDR (SDP), and how to ask: the
// requests and answers as bytes, without a socket. What others answer is not believed: all of it is
// checked, and a record that does not hold together is left out.
//
// Value types and pure functions; [any] thread. Bluetooth Core 5.3, volume 3, part B.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sdk/base/bytes.h"
#include "sdk/base/result.h"

namespace btb::bluez {

inline constexpr uint16_t sdp_psm = 1;
// Of all records of one device; a broker's has some 150.
inline constexpr size_t service_records_bytes_max = 16U << 10;

struct ServiceRecord {
  std::string name;            // of the broker, for people; as it came
  uint16_t l2cap_psm = 0;      // 0: does not listen on L2CAP
  uint8_t rfcomm_channel = 0;  // 0: does not listen on RFCOMM
  uint16_t site = 0;           // as in Announcement

  bool operator==(const ServiceRecord&) const = default;
};

// For org.bluez.ProfileManager1.RegisterProfile.
std::string to_xml(const ServiceRecord& record);

// Asks for every record with our UUID. `continuation`: of the answer before; empty: the first.
ByteVector service_question(uint16_t transaction, Bytes continuation);

// One answer: a piece of the records, and what to ask with for the next; empty: that was all.
struct ServiceAnswer {
  ByteVector piece;
  ByteVector continuation;
};
// Errors: `invalid` (no answer to this question, or the device's refusal, with its number).
Result<ServiceAnswer> read_service_answer(Bytes message, uint16_t transaction);

// All pieces together. Records of other services and versions, and those that lead nowhere, are
// left out; `left_out` counts them.
std::vector<ServiceRecord> read_service_records(Bytes records, size_t& left_out);

}  // namespace btb::bluez
