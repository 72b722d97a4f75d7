// SDP as bytes: reading data elements; reading the attributes of a record; the record as XML for
// bluetoothd; requests and answers.
#include "sdk/bluez/service_record.h"

#include <array>
#include <cstdio>
#include <optional>

#include "sdk/bluez/announcement.h"

namespace btb::bluez {

namespace {

// Numbers of attributes. Those from 0x300 on are our own.
constexpr uint16_t service_classes = 0x0001, protocols = 0x0004, more_protocols = 0x000D,
                   service_name = 0x0100, own_version = 0x0300, own_site = 0x0301;
constexpr uint16_t protocol_l2cap = 0x0100, protocol_rfcomm = 0x0003;
constexpr uint8_t error_response = 0x01, search_request = 0x06, search_response = 0x07;
constexpr size_t head_bytes = 5;
constexpr size_t continuation_bytes_max = 16;
constexpr uint16_t piece_bytes_max = 512;  // fits into 672, the smallest usual MTU for SDP

enum class Type : uint8_t { nothing, number, signed_number, uuid, text, boolean, sequence };

struct Element {
  Type type = Type::nothing;
  Bytes value;
};

// The end of Bluetooth's own UUIDs. The four bytes before it are the short form.
constexpr std::array<uint8_t, 12> base_uuid{0x00, 0x00, 0x10, 0x00, 0x80, 0x00,
                                            0x00, 0x80, 0x5F, 0x9B, 0x34, 0xFB};

uint64_t big_endian(Bytes bytes) {
  uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

// Removes the first element from `from` and returns it; nothing if no whole element is there.
std::optional<Element> take_element(Bytes& from) {
  if (from.empty()) return std::nullopt;
  const auto head = static_cast<uint8_t>(from[0]);
  const uint8_t size_code = head & 7U;
  size_t length_bytes = 0;
  uint64_t size = uint64_t{1} << size_code;
  if (head == 0) size = 0;
  if (size_code > 4) {
    length_bytes = size_t{1} << (size_code - 5);
    if (from.size() < 1 + length_bytes) return std::nullopt;
    size = big_endian(from.subspan(1, length_bytes));
  }
  if (size > from.size() - 1 - length_bytes) return std::nullopt;
  Element element;
  const uint8_t type = head >> 3U;
  if (type <= static_cast<uint8_t>(Type::sequence)) element.type = static_cast<Type>(type);
  element.value = from.subspan(1 + length_bytes, size);
  from = from.subspan(1 + length_bytes + size);
  return element;
}

template <class Each>
void for_each_element(Bytes sequence, Each each) {
  while (const auto element = take_element(sequence)) each(*element);
}

// The short form of a UUID; nothing if it is not one of Bluetooth's own.
std::optional<uint32_t> short_uuid(const Element& element) {
  if (element.type != Type::uuid) return std::nullopt;
  if (element.value.size() <= 4) return static_cast<uint32_t>(big_endian(element.value));
  const Bytes rest = element.value.subspan(4);
  if (rest.size() != base_uuid.size() ||
      !std::equal(rest.begin(), rest.end(), base_uuid.begin(),
                  [](std::byte a, uint8_t b) { return a == std::byte{b}; })) {
    return std::nullopt;
  }
  return static_cast<uint32_t>(big_endian(element.value.first(4)));
}

std::array<std::byte, 16> own_uuid() {
  std::array<std::byte, 16> uuid{};
  size_t at = 0;
  int high = -1;
  for (const char letter : service_uuid) {
    if (letter == '-') continue;
    const int digit = letter <= '9' ? letter - '0' : letter - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      uuid.at(at++) = static_cast<std::byte>(high * 16 + digit);
      high = -1;
    }
  }
  return uuid;
}

bool is_ours(const Element& element) {
  const auto uuid = own_uuid();
  return element.type == Type::uuid &&
         std::equal(element.value.begin(), element.value.end(), uuid.begin(), uuid.end());
}

// Reads a list of protocols. Each is a sequence: a UUID, then perhaps a PSM or channel.
void read_protocols(Bytes list, ServiceRecord& record) {
  bool rfcomm = false;
  uint16_t psm = 0;
  for_each_element(list, [&](const Element& protocol) {
    Bytes rest = protocol.value;
    const auto which = take_element(rest);
    const auto number = take_element(rest);
    if (protocol.type != Type::sequence || !which) return;
    const bool numbered = number && number->type == Type::number && number->value.size() <= 2;
    const auto value = numbered ? static_cast<uint16_t>(big_endian(number->value)) : uint16_t{0};
    if (short_uuid(*which) == protocol_l2cap) psm = value;
    if (short_uuid(*which) != protocol_rfcomm) return;
    rfcomm = true;
    if (value >= 1 && value <= 30) record.rfcomm_channel = static_cast<uint8_t>(value);
  });
  const bool valid = psm >= 0x1001 && psm % 2 == 1 && (psm & 0x100U) == 0;
  if (!rfcomm && valid) record.l2cap_psm = psm;
}

std::optional<ServiceRecord> read_record(Bytes attributes) {
  ServiceRecord record;
  bool ours = false;
  bool known_version = false;
  while (const auto id = take_element(attributes)) {
    const auto value = take_element(attributes);
    if (!value || id->type != Type::number || id->value.size() != 2) return std::nullopt;
    const bool number = value->type == Type::number;
    switch (big_endian(id->value)) {
      case service_classes:
        for_each_element(value->value, [&](const Element& one) { ours = ours || is_ours(one); });
        break;
      case protocols:
        read_protocols(value->value, record);
        break;
      case more_protocols:
        for_each_element(value->value,
                         [&](const Element& list) { read_protocols(list.value, record); });
        break;
      case service_name:
        if (value->type == Type::text) record.name = as_text(value->value);
        break;
      case own_version:
        known_version = number && big_endian(value->value) == announcement_version;
        break;
      case own_site:
        if (number && value->value.size() == 2)
          record.site = static_cast<uint16_t>(big_endian(value->value));
        break;
      default:
        break;
    }
  }
  const bool leads_somewhere = record.l2cap_psm != 0 || record.rfcomm_channel != 0;
  if (!ours || !known_version || !leads_somewhere) return std::nullopt;
  return record;
}

void put(ByteVector& out, uint64_t value, int bytes) {
  for (int at = bytes - 1; at >= 0; --at) {
    out.push_back(static_cast<std::byte>(value >> (8 * at)));
  }
}

std::string hex(unsigned value, int digits) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%0*x", digits, value);
  return text.data();
}

}  // namespace

std::string to_xml(const ServiceRecord& record) {
  const std::string l2cap = "<sequence><uuid value=\"0x0100\"/>";
  const std::string by_rfcomm =
      "<sequence>" + l2cap + "</sequence><sequence><uuid value=\"0x0003\"/>" + "<uint8 value=\"" +
      hex(record.rfcomm_channel, 2) + "\"/></sequence></sequence>";
  const std::string by_l2cap = "<sequence>" + l2cap + "<uint16 value=\"" +
                               hex(record.l2cap_psm, 4) + "\"/></sequence></sequence>";
  std::string name;
  for (const char letter : record.name) {
    name += letter == '<' || letter == '>' || letter == '&' || letter == '"' ? '_' : letter;
  }
  const auto attribute = [](uint16_t id, const std::string& value) {
    return "<attribute id=\"" + hex(id, 4) + "\">" + value + "</attribute>";
  };
  const bool both = record.rfcomm_channel != 0 && record.l2cap_psm != 0;
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><record>" +
         attribute(service_classes,
                   "<sequence><uuid value=\"" + std::string(service_uuid) + "\"/></sequence>") +
         attribute(protocols, record.rfcomm_channel != 0 ? by_rfcomm : by_l2cap) +
         // the public browse group, so that `sdptool browse` shows the record
         attribute(0x0005, "<sequence><uuid value=\"0x1002\"/></sequence>") +
         (both ? attribute(more_protocols, "<sequence>" + by_l2cap + "</sequence>") : "") +
         attribute(service_name, "<text value=\"" + name + "\"/>") +
         attribute(own_version, "<uint8 value=\"" + hex(announcement_version, 2) + "\"/>") +
         attribute(own_site, "<uint16 value=\"" + hex(record.site, 4) + "\"/>") + "</record>";
}

ByteVector service_question(uint16_t transaction, Bytes continuation) {
  ByteVector body;
  put(body, 0x3511, 2);  // a sequence of 17 bytes
  put(body, 0x1C, 1);    // with a UUID of 16 bytes
  for (const std::byte byte : own_uuid()) body.push_back(byte);
  put(body, piece_bytes_max, 2);
  put(body, 0x3505, 2);       // a sequence of 5 bytes
  put(body, 0x0A, 1);         // with a number of 4 bytes: a range of attributes,
  put(body, 0x0000'FFFF, 4);  // here all of them
  put(body, continuation.size(), 1);
  body.insert(body.end(), continuation.begin(), continuation.end());
  ByteVector message;
  put(message, search_request, 1);
  put(message, transaction, 2);
  put(message, body.size(), 2);
  message.insert(message.end(), body.begin(), body.end());
  return message;
}

Result<ServiceAnswer> read_service_answer(Bytes message, uint16_t transaction) {
  const auto invalid = [](const std::string& text) {
    return Error{Errc::invalid, "its list of services: " + text};
  };
  if (message.size() < head_bytes + 2) return invalid("an answer that is too short");
  const auto kind = static_cast<uint8_t>(message[0]);
  Bytes body = message.subspan(head_bytes);
  if (big_endian(message.subspan(1, 2)) != transaction ||
      big_endian(message.subspan(3, 2)) != body.size()) {
    return invalid("an answer to something else");
  }
  if (kind == error_response) {
    return invalid("refused with " + std::to_string(big_endian(body.first(2))));
  }
  const uint64_t size = big_endian(body.first(2));
  body = body.subspan(2);
  if (kind != search_response || size + 1 > body.size()) return invalid("no answer");
  ServiceAnswer answer;
  answer.piece.assign(body.begin(), body.begin() + static_cast<ptrdiff_t>(size));
  body = body.subspan(size);
  const auto continuation = static_cast<uint8_t>(body[0]);
  if (continuation > continuation_bytes_max || body.size() != 1U + continuation) {
    return invalid("an answer that goes on in no way there is");
  }
  answer.continuation.assign(body.begin() + 1, body.end());
  return answer;
}

std::vector<ServiceRecord> read_service_records(Bytes records, size_t& left_out) {
  std::vector<ServiceRecord> all;
  const auto whole = take_element(records);
  if (!whole || whole->type != Type::sequence) return all;
  for_each_element(whole->value, [&](const Element& one) {
    const auto record = one.type == Type::sequence ? read_record(one.value) : std::nullopt;
    if (record) {
      all.push_back(*record);
    } else {
      ++left_out;
    }
  });
  return all;
}

}  // namespace btb::bluez
