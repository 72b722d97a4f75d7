#include "tests/lab/radio/capture.h"

#include <cerrno>
#include <cstring>

namespace btb::lab {

namespace {

constexpr uint32_t hci_with_h4 = 1002;
constexpr Micros from_year_zero_to_1970 = 0x00DC'DDB3'0F2F'8000;

void big_endian(ByteVector& out, uint64_t value, size_t width) {
  for (size_t i = width; i-- > 0;) out.push_back(static_cast<std::byte>(value >> (8 * i)));
}

constexpr Micros flush_every = 500'000;  // of what a radio that is killed leaves behind

}  // namespace

Result<Capture> Capture::create(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return Error{Errc::io, path + ": " + std::strerror(errno)};
  ByteVector head;
  append(head, as_bytes(std::string_view("btsnoop\0", 8)));
  big_endian(head, 1, 4);
  big_endian(head, hci_with_h4, 4);
  std::fwrite(head.data(), 1, head.size(), file);
  std::fflush(file);
  return Capture(file);
}

void Capture::add(hci::Type type, Bytes packet, bool to_host, Micros wall) {
  const size_t size = packet.size() + 1;
  const bool control = type != hci::Type::acl;
  ByteVector record;
  big_endian(record, size, 4);
  big_endian(record, size, 4);
  big_endian(record, (to_host ? 1U : 0U) | (control ? 2U : 0U), 4);
  big_endian(record, 0, 4);  // lost
  big_endian(record, static_cast<uint64_t>(wall + from_year_zero_to_1970), 8);
  record.push_back(static_cast<std::byte>(type));
  append(record, packet);
  std::fwrite(record.data(), 1, record.size(), file_.get());
  if (wall - flushed_ < flush_every) return;
  flushed_ = wall;
  std::fflush(file_.get());
}

}  // namespace btb::lab
