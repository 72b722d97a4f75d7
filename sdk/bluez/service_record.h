// ServiceRecord: a broker's SDP record, for clients that ask over BR/EDR; and the requests and
// answers of SDP as bytes, without a socket. Answers are not trusted: all of their bytes are
// checked, and an invalid record is left out.
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
// The most bytes that all records of one device may have. A broker's record has about 150.
inline constexpr size_t service_records_bytes_max = 16U << 10;

struct ServiceRecord {
  std::string name;            // of the broker, for people; not escaped
  uint16_t l2cap_psm = 0;      // 0: does not listen on L2CAP
  uint8_t rfcomm_channel = 0;  // 0: does not listen on RFCOMM
  uint16_t site = 0;           // as in Announcement

  bool operator==(const ServiceRecord&) const = default;
};

// The record as RegisterProfile of org.bluez.ProfileManager1 takes it.
std::string to_xml(const ServiceRecord& record);

// A request for every record with our UUID. `continuation` comes from the answer before; it is
// empty in the first request. The answer has the same `transaction`.
ByteVector service_question(uint16_t transaction, Bytes continuation);

struct ServiceAnswer {
  ByteVector piece;         // a part of the records
  ByteVector continuation;  // for the next request; empty: this was the last piece
};
// Errors: `invalid` (it does not answer this request, or the device refused; its number is in the
// text).
Result<ServiceAnswer> read_service_answer(Bytes message, uint16_t transaction);

// Reads `records`, all pieces together. Left out, and added to `left_out`: records of other
// services or versions, invalid records, and records with neither an L2CAP PSM nor an RFCOMM
// channel.
std::vector<ServiceRecord> read_service_records(Bytes records, size_t& left_out);

}  // namespace btb::bluez
