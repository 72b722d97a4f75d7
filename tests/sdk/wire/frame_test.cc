#include "sdk/wire/frame.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/sdk/wire/random.h"

namespace btb::wire {
namespace {

using Status = NextFrame::Status;

struct Message {
  DataHead head;  // of its first part
  ByteVector key, payload;
  size_t parts = 0;
};

// Reads the messages of a stream back, as a receiver does; checks what holds for every frame on the
// way.
std::vector<Message> read_all(Bytes stream) {
  std::vector<Message> out;
  bool open = false;
  while (!stream.empty()) {
    const NextFrame next = next_frame(stream);
    REQUIRE(next.status == Status::frame);
    REQUIRE(next.consumed % frame_alignment == 0);
    REQUIRE(next.consumed >= next.frame.bytes.size());
    REQUIRE(next.consumed - next.frame.bytes.size() < frame_alignment);
    const DataHead& head = next.frame.data();
    if (!open) {
      out.emplace_back();
      out.back().head = head;
      append(out.back().key, next.frame.key());
    } else {
      CHECK(next.frame.key().empty());
      CHECK(head.seq == out.back().head.seq);
    }
    append(out.back().payload, next.frame.payload());
    ++out.back().parts;
    open = head.part_more();
    for (const std::byte pad : stream.subspan(head.size, next.consumed - head.size)) {
      CHECK(pad == std::byte{0});
    }
    stream = stream.subspan(next.consumed);
  }
  CHECK_FALSE(open);
  return out;
}

TEST_CASE("a message is read back as it was written") {
  DataHead head;
  head.topic = 7;
  head.seq = 9;
  head.time_us = -1;
  head.flags =
      static_cast<uint8_t>(static_cast<uint8_t>(Priority::background) << flag::priority_shift);
  ByteVector stream;
  append_message(stream, head, as_bytes("bed 3"), as_bytes("40 mg"));
  CHECK(stream.size() == 48);

  const NextFrame next = next_frame(stream);
  REQUIRE(next.status == Status::frame);
  CHECK(next.consumed == 48);
  CHECK(next.frame.kind == Kind::data);
  CHECK(as_text(next.frame.key()) == "bed 3");
  CHECK(as_text(next.frame.payload()) == "40 mg");
  CHECK(next.frame.data().topic == 7);
  CHECK(next.frame.data().seq == 9);
  CHECK(next.frame.data().time_us == -1);
  CHECK(next.frame.data().total == 5);
  CHECK(next.frame.data().priority() == Priority::background);
  CHECK_FALSE(next.frame.data().deletion());
  CHECK_FALSE(next.frame.data().batch_more());
}

TEST_CASE("a frame has the byte layout that docs/protocol.md gives") {
  DataHead head;
  head.topic = 0x01020304;
  head.seq = 0x1112131415161718;
  head.time_us = 0x2122232425262728;
  head.flags = flag::batch_more | (2 << flag::priority_shift);
  ByteVector stream;
  append_message(stream, head, as_bytes("K"), as_bytes("pay"));
  const std::vector<unsigned> expected = {
      36,   0,    0,    0,    1,    20,   1,    0,     // size, kind, flags, key_size
      4,    3,    2,    1,    3,    0,    0,    0,     // topic, total
      0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,  // seq
      0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21,  // time_us
      'K',  'p',  'a',  'y',  0,    0,    0,    0};
  REQUIRE(stream.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(static_cast<unsigned>(stream[i]) == expected[i]);
  }
}

TEST_CASE("a payload beyond the part limit travels in parts with the key in the first") {
  const std::vector<std::pair<size_t, size_t>> sizes = {
      {0, 1}, {1, 1}, {4096, 1}, {4097, 5}, {4880, 5}, {4881, 6}, {100'000, 103}};
  Random random(1);
  for (const auto& pair : sizes) {
    const size_t size = pair.first;
    const size_t parts = pair.second;
    CAPTURE(size);
    CHECK(part_count(size) == parts);
    const ByteVector payload = random.bytes(size);
    ByteVector stream;
    append_message(stream, random.head(), as_bytes("key"), payload);
    CHECK(stream.size() == message_bytes(3, size));
    const std::vector<Message> read = read_all(stream);
    REQUIRE(read.size() == 1);
    CHECK(read[0].parts == parts);
    CHECK(as_text(read[0].key) == "key");
    CHECK(equal(read[0].payload, payload));
    CHECK(read[0].head.total == size);
  }
}

TEST_CASE("a receiver does not look at the padding") {
  DataHead head;
  head.topic = 1;
  head.seq = 1;
  ByteVector stream;
  append_message(stream, head, as_bytes("k"), as_bytes("v"));
  const size_t size = data_head_bytes + 2;
  for (size_t at = size; at < stream.size(); ++at) stream[at] = std::byte{0xFF};
  append_message(stream, head, {}, as_bytes("next"));
  NextFrame next = next_frame(stream);
  REQUIRE(next.status == Status::frame);
  CHECK(as_text(next.frame.payload()) == "v");
  next = next_frame(Bytes(stream).subspan(next.consumed));
  REQUIRE(next.status == Status::frame);
  CHECK(as_text(next.frame.payload()) == "next");
}

TEST_CASE("the flags of a message are on each of its parts") {
  DataHead head;
  head.topic = 1;
  head.seq = 1;
  head.flags = flag::batch_more | (1 << flag::priority_shift);
  ByteVector stream;
  append_message(stream, head, {}, ByteVector(4100));
  Bytes rest = stream;
  for (size_t part = 1; part <= 5; ++part) {
    const NextFrame next = next_frame(rest);
    REQUIRE(next.status == Status::frame);
    CHECK(next.frame.data().batch_more());
    CHECK(next.frame.data().priority() == Priority::alert);
    CHECK(next.frame.data().part_more() == (part < 5));
    CHECK(next.frame.data().total == 4100);
    rest = rest.subspan(next.consumed);
  }
  CHECK(rest.empty());
}

TEST_CASE("random messages behind one another are read back as they were written") {
  Random random(20261122);
  for (int round = 0; round < 200; ++round) {
    std::vector<Message> written(1 + random.below(5));
    ByteVector stream;
    for (Message& message : written) {
      message.head = random.head();
      message.key =
          random.bytes(random.below(random.below(8) == 0 ? limits::key_bytes_max + 1 : 20));
      message.payload = random.bytes(random.below(random.below(8) == 0 ? 20'000 : 200));
      append_message(stream, message.head, message.key, message.payload);
    }
    const std::vector<Message> read = read_all(stream);
    REQUIRE(read.size() == written.size());
    for (size_t i = 0; i < read.size(); ++i) {
      CHECK(equal(read[i].key, written[i].key));
      CHECK(equal(read[i].payload, written[i].payload));
      CHECK(read[i].head.topic == written[i].head.topic);
      CHECK(read[i].head.seq == written[i].head.seq);
      CHECK(read[i].head.time_us == written[i].head.time_us);
      CHECK((read[i].head.flags & ~flag::part_more) == written[i].head.flags);
    }
  }
}

TEST_CASE("whole frames at the front of a run are counted in bytes, to where there is room") {
  ByteVector run;
  DataHead head;
  head.topic = 1;
  head.seq = 1;
  for (int i = 0; i < 3; ++i) append_message(run, head, {}, ByteVector(10));  // 48 bytes each
  CHECK(whole_frames(run, 1'000) == 144);
  CHECK(whole_frames(run, 144) == 144);
  CHECK(whole_frames(run, 143) == 96);
  CHECK(whole_frames(run, 47) == 0);
  CHECK(whole_frames({}, 47) == 0);
}

TEST_CASE("the largest frame with the largest key is one frame") {
  ByteVector stream;
  DataHead head;
  head.topic = 1;
  head.seq = 1;
  append_message(stream, head, ByteVector(limits::key_bytes_max),
                 ByteVector(limits::part_bytes_max));
  CHECK(stream.size() == data_frame_bytes_max);
  CHECK(next_frame(stream).status == Status::frame);
}

}  // namespace
}  // namespace btb::wire
