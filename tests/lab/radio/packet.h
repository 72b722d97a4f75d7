// Packets between a Bluetooth host and its controller, as the Core specification (volume 4, part E)
// lays them out: little-endian numbers one behind the other. PacketWriter builds one, PacketReader
// takes one apart. Value types.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "sdk/base/bytes.h"

namespace btb::lab {

// A device address as it travels: the last byte of the written form comes first.
struct Address {
  std::array<uint8_t, 6> bytes{};

  auto operator<=>(const Address&) const = default;
};

std::string to_string(const Address& address);

class PacketWriter {
 public:
  PacketWriter& u8(unsigned value) { return number(value, 1); }
  PacketWriter& u16(unsigned value) { return number(value, 2); }
  PacketWriter& u24(unsigned value) { return number(value, 3); }
  PacketWriter& u64(uint64_t value) { return number(value, 8); }
  PacketWriter& raw(Bytes bytes) {
    append(bytes_, bytes);
    return *this;
  }
  PacketWriter& address(const Address& value) { return raw(std::as_bytes(std::span(value.bytes))); }
  PacketWriter& zeros(size_t count) {
    bytes_.resize(bytes_.size() + count);
    return *this;
  }
  [[nodiscard]] const ByteVector& bytes() const { return bytes_; }

 private:
  PacketWriter& number(uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
    return *this;
  }

  ByteVector bytes_;
};

// Reads behind the end give zeros: ok() says afterwards whether all that was asked for was there.
class PacketReader {
 public:
  explicit PacketReader(Bytes bytes) : rest_(bytes) {}

  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u24() { return static_cast<uint32_t>(number(3)); }
  uint64_t u64() { return number(8); }
  Address address() {
    Address value;
    for (uint8_t& byte : value.bytes) byte = u8();
    return value;
  }
  Bytes raw(size_t count) {
    if (count > rest_.size()) ok_ = false;
    const Bytes taken = rest_.first(std::min(count, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  [[nodiscard]] Bytes rest() const { return rest_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  uint64_t number(size_t width) {
    uint64_t value = 0;
    const Bytes from = raw(width);
    for (size_t i = 0; i < from.size(); ++i) {
      value |= std::to_integer<uint64_t>(from[i]) << (8 * i);
    }
    return value;
  }

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace btb::lab
