// Fuzz target: what a stranger answers when it is asked for its service records.
#include "sdk/base/assert.h"
#include "sdk/bluez/announcement.h"
#include "sdk/bluez/service_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace btb;
  const Bytes bytes = std::as_bytes(std::span(data, size));
  size_t left_out = 0;
  for (const bluez::ServiceRecord& record : bluez::read_service_records(bytes, left_out)) {
    BTB_ASSERT(record.l2cap_psm != 0 || record.rfcomm_channel != 0);
    BTB_ASSERT(record.rfcomm_channel <= 30 && record.name.size() <= size);
    BTB_ASSERT(!bluez::to_xml(record).empty());
  }
  const uint16_t transaction = size < 3 ? 0 : static_cast<uint16_t>(data[1] << 8 | data[2]);
  const auto answer = bluez::read_service_answer(bytes, transaction);
  if (answer) BTB_ASSERT(answer->piece.size() + answer->continuation.size() < size);
  (void)bluez::decode_announcement(bytes);
  return 0;
}
