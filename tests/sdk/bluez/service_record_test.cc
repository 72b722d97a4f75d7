#include "sdk/bluez/service_record.h"

#include <doctest/doctest.h>

#include "sdk/bluez/announcement.h"

using namespace btb;
using namespace btb::bluez;

namespace {

ByteVector bytes_of(std::initializer_list<unsigned> values) {
  ByteVector out;
  for (const unsigned value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

ByteVector operator+(ByteVector a, const ByteVector& b) {
  append(a, b);
  return a;
}

// Data elements, as bluetoothd writes them.
ByteVector sequence(const ByteVector& content) {
  if (content.size() < 256)
    return bytes_of({0x35, static_cast<unsigned>(content.size())}) + content;
  return bytes_of({0x36, static_cast<unsigned>(content.size() >> 8),
                   static_cast<unsigned>(content.size() & 255)}) +
         content;
}
ByteVector u8(unsigned value) {
  return bytes_of({0x08, value});
}
ByteVector u16(unsigned value) {
  return bytes_of({0x09, value >> 8, value & 255});
}
ByteVector uuid16(unsigned value) {
  return bytes_of({0x19, value >> 8, value & 255});
}
ByteVector text(std::string_view words) {
  ByteVector out = bytes_of({0x25, static_cast<unsigned>(words.size())});
  append(out, as_bytes(words));
  return out;
}
ByteVector own_uuid() {
  return bytes_of({0x1C, 0x9f, 0x1c, 0x7b, 0x0e, 0x5d, 0x3a, 0x4e, 0x0b, 0x8a, 0x6c, 0x62, 0x74,
                   0x62, 0x72, 0x6f, 0x6b});
}
const ByteVector l2cap_4101 = sequence(sequence(uuid16(0x0100) + u16(4101)));
const ByteVector rfcomm_5 = sequence(sequence(uuid16(0x0100)) + sequence(uuid16(0x0003) + u8(5)));

ByteVector record(const ByteVector& uuid, const ByteVector& protocols, unsigned version = 1) {
  return sequence(u16(0x0001) + sequence(uuid) + u16(0x0004) + protocols + u16(0x0100) +
                  text("ward 3") + u16(0x0300) + u8(version) + u16(0x0301) + u16(0xBEEF));
}

std::vector<ServiceRecord> read(const ByteVector& records, size_t* left_out = nullptr) {
  size_t count = 0;
  auto all = read_service_records(records, count);
  if (left_out != nullptr) *left_out = count;
  return all;
}

// An answer as it comes over the air.
ByteVector answer(unsigned kind, unsigned transaction, const ByteVector& body) {
  return bytes_of({kind, transaction >> 8, transaction & 255,
                   static_cast<unsigned>(body.size() >> 8),
                   static_cast<unsigned>(body.size() & 255)}) +
         body;
}

}  // namespace

TEST_CASE("a record says name, site, and where the broker listens") {
  const auto both = record(own_uuid(), rfcomm_5);
  CHECK(read(sequence(both)) == std::vector{ServiceRecord{"ward 3", 0, 5, 0xBEEF}});
  CHECK(read(sequence(record(own_uuid(), l2cap_4101))) ==
        std::vector{ServiceRecord{"ward 3", 4101, 0, 0xBEEF}});
  const auto additional = sequence(u16(0x0001) + sequence(own_uuid()) + u16(0x0004) + rfcomm_5 +
                                   u16(0x000D) + sequence(l2cap_4101) + u16(0x0300) + u8(1));
  CHECK(read(sequence(additional)) == std::vector{ServiceRecord{"", 4101, 5, 0}});
}

TEST_CASE("records of other services and versions, and those that lead nowhere, are left out") {
  size_t left_out = 0;
  CHECK(read(sequence(record(uuid16(0x1101), rfcomm_5)), &left_out).empty());
  CHECK(left_out == 1);
  CHECK(read(sequence(record(own_uuid(), rfcomm_5, 2)), &left_out).empty());
  CHECK(read(sequence(record(own_uuid(), sequence({}))), &left_out).empty());
  // A PSM that is none of ours, a channel there is not.
  CHECK(read(sequence(record(own_uuid(), sequence(sequence(uuid16(0x0100) + u16(1))))), &left_out)
            .empty());
  CHECK(read(sequence(record(own_uuid(), sequence(sequence(uuid16(0x0003) + u8(31))))), &left_out)
            .empty());
  CHECK(left_out == 1);
  const auto two = sequence(record(uuid16(0x1101), rfcomm_5) + record(own_uuid(), rfcomm_5));
  CHECK(read(two, &left_out).size() == 1);
}

TEST_CASE("a record that is cut anywhere is none") {
  const auto whole = sequence(record(own_uuid(), rfcomm_5));
  for (size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(read(ByteVector(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size))).empty());
  }
}

TEST_CASE("the question is the one of the book, and goes on where the answer before ended") {
  const auto expected = bytes_of({0x06, 0x00, 0x07, 0x00, 0x1D, 0x35, 0x11}) + own_uuid() +
                        bytes_of({0x02, 0x00, 0x35, 0x05, 0x0A, 0x00, 0x00, 0xFF, 0xFF, 0x00});
  CHECK(service_question(7, {}) == expected);
  const auto more = service_question(8, bytes_of({1, 2}));
  CHECK(ByteVector(more.end() - 3, more.end()) == bytes_of({2, 1, 2}));
}

TEST_CASE("an answer is a piece and what to ask with next") {
  const auto last = read_service_answer(answer(7, 3, bytes_of({0, 2, 0x35, 0, 0})), 3);
  REQUIRE(last.ok());
  CHECK(last->piece == bytes_of({0x35, 0}));
  CHECK(last->continuation.empty());
  const auto more = read_service_answer(answer(7, 3, bytes_of({0, 1, 0x35, 2, 9, 8})), 3);
  REQUIRE(more.ok());
  CHECK(more->continuation == bytes_of({9, 8}));
}

TEST_CASE("what is no answer to the question is refused, in words") {
  const auto refused = [](const ByteVector& message) {
    const auto read = read_service_answer(message, 3);
    return read.ok() ? std::string() : read.error().text;
  };
  CHECK(refused({}) == "its list of services: an answer that is too short");
  CHECK(refused(answer(7, 4, bytes_of({0, 0, 0}))) ==
        "its list of services: an answer to something else");
  CHECK(refused(answer(1, 3, bytes_of({0, 5}))) == "its list of services: refused with 5");
  CHECK(refused(answer(7, 3, bytes_of({0, 9, 1, 0}))) == "its list of services: no answer");
  CHECK(refused(answer(3, 3, bytes_of({0, 0, 0}))) == "its list of services: no answer");
  CHECK(refused(answer(7, 3, bytes_of({0, 0, 17}))) ==
        "its list of services: an answer that goes on in no way there is");
}

TEST_CASE("a name cannot break the record it stands in") {
  const std::string xml = to_xml({"a<b>&\"c", 0x1001, 3, 0xBEEF});
  CHECK(xml.find("<text value=\"a_b___c\"/>") != std::string::npos);
  CHECK(xml.find("<uint16 value=\"0xbeef\"/>") != std::string::npos);
  CHECK(xml.find("<uint8 value=\"0x03\"/>") != std::string::npos);
  CHECK(to_xml({"a", 0x1001, 0, 1}).find("0x000d") == std::string::npos);
}
