// What next_frame says about bytes that are not what they should be. Every buffer is exactly as
// large as its bytes, so that a sanitizer sees a read past them.
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <string_view>

#include "sdk/wire/control.h"
#include "tests/sdk/wire/random.h"

namespace btb::wire {
namespace {

using Status = NextFrame::Status;

ByteVector one_message(size_t key_size, size_t payload_size) {
  Random random(3);
  ByteVector out;
  append_message(out, random.head(), random.bytes(key_size), random.bytes(payload_size));
  return out;
}

// Touches every byte a frame view claims to have.
unsigned touch(const FrameView& frame) {
  unsigned sum = 0;
  const auto add = [&sum](Bytes bytes) {
    for (const std::byte b : bytes) sum += static_cast<unsigned>(b);
  };
  add(frame.bytes);
  if (frame.kind == Kind::data) {
    CHECK(frame.key().size() + frame.payload().size() + data_head_bytes == frame.bytes.size());
    CHECK(frame.payload().size() <= limits::part_bytes_max);
    CHECK(frame.data().topic != 0);
    add(frame.key());
    add(frame.payload());
  } else {
    add(frame.body());
  }
  return sum;
}

// Reads all of `stream`; whatever it holds, each step must be a frame inside of it, a named fault,
// or a wait.
void walk(Bytes stream) {
  while (true) {
    const NextFrame next = next_frame(stream);
    if (next.status == Status::incomplete) return;
    if (next.status == Status::fault) {
      CHECK(next.fault.reason != Reason::none);
      CHECK(std::strlen(next.fault.text) > 0);
      return;
    }
    REQUIRE(next.consumed <= stream.size());
    REQUIRE(next.consumed >= head_bytes);
    touch(next.frame);
    stream = stream.subspan(next.consumed);
  }
}

TEST_CASE("a frame that was cut anywhere is waited for") {
  for (const size_t payload : {0, 1, 7, 8, 100}) {
    const ByteVector whole = one_message(5, payload);
    for (size_t size = 0; size < whole.size(); ++size) {
      const ByteVector cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      CHECK(next_frame(cut).status == Status::incomplete);
    }
    CHECK(next_frame(whole).status == Status::frame);
  }
}

TEST_CASE("a cut inside a message of parts gives the whole parts before it") {
  const ByteVector whole = one_message(5, 9000);
  for (size_t size = 0; size < whole.size(); size += 13) {
    walk(ByteVector(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)));
  }
}

TEST_CASE("any one bit or byte changed is a frame within its bytes, a named fault, or a wait") {
  for (const size_t payload : {0, 3, 64}) {
    const ByteVector whole = one_message(9, payload);
    for (size_t at = 0; at < whole.size(); ++at) {
      for (unsigned value = 0; value < 256; ++value) {
        ByteVector damaged = whole;
        damaged[at] = static_cast<std::byte>(value);
        walk(damaged);
      }
    }
  }
}

TEST_CASE("noise is a frame within its bytes, a named fault, or a wait") {
  Random random(4);
  for (int round = 0; round < 20'000; ++round) {
    ByteVector noise = random.bytes(random.below(200));
    if (noise.size() > head_bytes && random.below(2) == 0) {  // let it look like a frame more often
      const auto size = static_cast<uint32_t>(noise.size() - random.below(9));
      std::memcpy(noise.data(), &size, sizeof size);
      noise[4] = static_cast<std::byte>(random.below(2) == 0 ? 1 : 16 + random.below(22));
      noise[6] = static_cast<std::byte>(random.below(40));
      noise[7] = std::byte{0};
    }
    walk(noise);
  }
}

// The fault of a valid frame after `change` was made to its head.
FrameFault fault_after(const std::function<void(DataHead&)>& change, size_t payload_size = 20) {
  ByteVector frame = one_message(4, payload_size);
  DataHead head;
  std::memcpy(&head, frame.data(), sizeof head);
  change(head);
  std::memcpy(frame.data(), &head, sizeof head);
  frame.resize(std::max<size_t>(frame.size(), 65'536));
  const NextFrame next = next_frame(frame);
  return next.status == Status::fault ? next.fault : FrameFault{};
}

TEST_CASE("a head that contradicts itself is malformed") {
  const std::vector<std::pair<std::string_view, std::function<void(DataHead&)>>> wrongs = {
      {"a frame smaller than its head", [](DataHead& h) { h.size = 7; }},
      {"a frame smaller than its head", [](DataHead& h) { h.size = 0; }},
      {"a data frame smaller than its head", [](DataHead& h) { h.size = 31; }},
      {"a frame of an unknown kind", [](DataHead& h) { h.kind = Kind::none; }},
      {"a frame of an unknown kind", [](DataHead& h) { h.kind = static_cast<Kind>(15); }},
      {"a frame of an unknown kind", [](DataHead& h) { h.kind = static_cast<Kind>(37); }},
      {"a frame of an unknown kind", [](DataHead& h) { h.kind = static_cast<Kind>(255); }},
      {"unknown flags in a data frame", [](DataHead& h) { h.flags = 32; }},
      {"a data frame without a topic number", [](DataHead& h) { h.topic = 0; }},
      {"a data frame too short for its key", [](DataHead& h) { h.key_size = 1000; }},
      {"a part larger than its message", [](DataHead& h) { h.total = 19; }},
      {"the total of a whole message is not the size of its payload",
       [](DataHead& h) { h.total = 21; }},
      {"a message in parts that would fit into one",
       [](DataHead& h) { h.flags = flag::part_more, h.total = 30; }},
      {"a deletion with a payload", [](DataHead& h) { h.flags = flag::deletion; }},
  };
  for (const auto& wrong : wrongs) {
    CAPTURE(wrong.first);
    const FrameFault fault = fault_after(wrong.second);
    CHECK(fault.reason == Reason::frame_malformed);
    CHECK(fault.text == wrong.first);
  }
}

TEST_CASE("a part without payload is malformed, be it the last or not") {
  for (const uint8_t flags : {uint8_t{0}, flag::part_more}) {
    const FrameFault fault = fault_after(
        [flags](DataHead& h) {
          h.total = 5000;
          h.flags = flags;
        },
        0);
    CHECK(fault.reason == Reason::frame_malformed);
    CHECK(fault.text == std::string_view("an empty part"));
  }
}

TEST_CASE("a frame beyond the limits is too large") {
  CHECK(fault_after([](DataHead& h) { h.size = 0xFFFF'FFFF; }).reason == Reason::frame_too_large);
  CHECK(fault_after([](DataHead& h) { h.size = 1U << 20; }).reason == Reason::frame_too_large);
  CHECK(fault_after([](DataHead& h) { h.key_size = 1025; }).reason == Reason::frame_too_large);
  const auto part = [](DataHead& h) {
    h.size = data_head_bytes + 4 + limits::part_bytes_max + 1;
    h.total = 5000;
    h.flags = flag::part_more;
  };
  CHECK(fault_after(part).reason == Reason::frame_too_large);
  const auto control = [](DataHead& h) {
    h.kind = Kind::hello;
    h.size = limits::control_frame_bytes_max + 1;
  };
  CHECK(fault_after(control).reason == Reason::frame_too_large);
}

TEST_CASE("a size beyond the limit is refused from the head alone") {
  ByteVector head(head_bytes);
  const uint32_t size = 0x7FFF'FFFF;
  std::memcpy(head.data(), &size, sizeof size);
  head[4] = std::byte{1};
  CHECK(next_frame(head).status == Status::fault);
}

}  // namespace
}  // namespace btb::wire
