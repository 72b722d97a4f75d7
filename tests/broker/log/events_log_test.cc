#include <doctest/doctest.h>

#include "tests/broker/log/log_reader.h"

namespace btb {

namespace {

TopicOptions events(uint64_t keep_count = 0, uint64_t keep_bytes = 64U << 20) {
  TopicOptions options;
  options.keep_count = keep_count;
  options.keep_bytes = keep_bytes;
  return options;
}

std::vector<uint64_t> seqs(const std::vector<ReadMessage>& messages) {
  std::vector<uint64_t> out;
  for (const ReadMessage& message : messages) out.push_back(message.seq);
  return out;
}

}  // namespace

TEST_CASE("what is appended to an events log is read in order, key and payload intact") {
  const TopicOptions options = events();
  TopicLog log(7, options);
  CHECK(log.first_seq() == 1);
  CHECK(log.last_seq() == 0);
  CHECK(log.append(put("a", "one")).seq == 1);
  CHECK(log.append(put("", "")).seq == 2);
  LogReader reader(log, log.begin());
  reader.read_all();
  CHECK(reader.take_messages() ==
        std::vector<ReadMessage>{{1, "a", "one", false, false}, {2, "", "", false, false}});
  CHECK(log.append(put("b", "three")).seq == 3);
  reader.read_all();
  CHECK(seqs(reader.take_messages()) == std::vector<uint64_t>{3});
}

TEST_CASE(
    "a large payload travels in parts of part_bytes and is whole again at the other "
    "end") {
  const TopicOptions options = events();
  TopicLog log(1, options);
  for (const size_t size : {4095, 4096, 4097, 4880, 4881, 1'000'000}) {
    const std::string payload = parts_text(size);
    log.append(put("key", payload));
    LogReader reader(log, {log.last_seq(), 0, 0, 0, 0});
    reader.read_all();
    const auto messages = reader.take_messages();
    REQUIRE(messages.size() == 1);
    CHECK(messages[0].key == "key");
    CHECK(messages[0].payload == payload);
  }
}

TEST_CASE("keep_count is exact, whatever the segments still hold") {
  const TopicOptions options = events(10);
  TopicLog log(1, options);
  for (int i = 0; i < 1000; ++i) log.append(put("", std::to_string(i)));
  CHECK(log.first_seq() == 991);
  CHECK(log.messages() == 10);
  LogReader reader(log, log.begin());
  reader.read_all();
  CHECK(reader.take_messages().size() == 10);
}

TEST_CASE("keep_bytes bounds the memory of an events log") {
  const TopicOptions options = events(0, 100'000);
  TopicLog log(1, options);
  for (int i = 0; i < 100'000; ++i) log.append(put("", std::string(100, 'x')));
  CHECK(log.bytes() <= 100'000 + limits::segment_bytes_max);
  CHECK(log.memory_bytes() < 300'000);
  CHECK(log.messages() > 500);
  CHECK(log.first_seq() > 1);
}

TEST_CASE("a message larger than the log may keep is refused, and what is there stays") {
  const TopicOptions options = events(0, 20'000);
  TopicLog log(1, options);
  log.append(put("", "small"));
  CHECK(log.append(put("", std::string(30'000, 'x'))).reason == wire::Reason::message_too_large);
  CHECK(log.messages() == 1);
  CHECK(log.last_seq() == 1);
}

TEST_CASE("the newest message stays whole, whatever else has to go for it") {
  const TopicOptions options = events(0, 200'000);
  for (const size_t before : {1, 50, 100, 300, 500, 700}) {
    for (const size_t size : {100'000, 150'000, 190'000, 193'000}) {
      TopicLog log(1, options);
      for (size_t i = 0; i < before; ++i) log.append(put("", std::string(100, 'x')));
      const std::string payload = parts_text(size);
      const uint64_t seq = log.append(put("", payload)).seq;
      REQUIRE(seq != 0);
      CHECK(log.first_seq() <= seq);
      LogReader reader(log, {seq, 0, 0, 0, 0});
      reader.read_all();
      const auto messages = reader.take_messages();
      REQUIRE(messages.size() == 1);
      CHECK(messages[0].payload == payload);
      log.append(put("", "next"));
      CHECK(log.bytes() <= 250'000);
    }
  }
}

TEST_CASE("messages older than keep_age are forgotten") {
  TopicOptions options = events();
  options.keep_age_us = 100;
  TopicLog log(1, options);
  for (int64_t i = 1; i <= 1000; ++i) log.append(put("", "x", i));
  CHECK(log.expire(1050).empty());
  CHECK(log.first_seq() == 950);
  CHECK(log.expire(5000).empty());
  CHECK(log.first_seq() == 1001);
  CHECK(log.messages() == 0);
  CHECK(log.append(put("", "x", 5000)).seq == 1001);
  CHECK(log.messages() == 1);
}

TEST_CASE("a place is found by time and by distance from the end") {
  const TopicOptions options = events();
  TopicLog log(1, options);
  for (int64_t i = 1; i <= 5000; ++i) log.append(put("", "x", i * 10));
  uint64_t passed = 0;
  CHECK(log.seq_at_time(0, passed) == 1);
  CHECK(log.seq_at_time(12'345, passed) == 1235);
  CHECK(log.seq_at_time(50'001, passed) == 5001);
  CHECK(log.seq_from_end(0, passed) == 5001);
  CHECK(log.seq_from_end(3, passed) == 4998);
  CHECK(log.seq_from_end(9999, passed) == 1);
}

TEST_CASE(
    "a reader that stands behind a segment in the middle of a message finds its place by number") {
  const TopicOptions options = events();
  TopicLog log(1, options);
  const std::string payload = parts_text(20'000);
  log.append(put("key", payload));
  LogReader reader(log, log.begin());
  reader.read(SIZE_MAX, 2);  // the first segment, and one that begins and ends within the message
  REQUIRE(reader.cursor.next_seq == 1);
  CHECK(reader.cursor.part_bytes == 3 * limits::part_bytes);
  reader.cursor.segment = 0;
  reader.read_all();
  CHECK(reader.take_messages() == std::vector<ReadMessage>{{1, "key", payload, false, false}});
}

TEST_CASE(
    "a reader whose writes are cut anywhere, while the log grows and forgets, gets each message "
    "once or a gap") {
  std::mt19937 random(3);
  const TopicOptions options = events(300);
  TopicLog log(1, options);
  LogReader reader(log, log.begin());
  uint64_t expected = 1;
  uint64_t missed = 0;
  uint64_t got = 0;
  for (int turn = 0; turn < 3000; ++turn) {
    for (uint32_t n = random() % 12; n > 0; --n) {
      const uint64_t next = log.last_seq() + 1;
      log.append(put("k" + std::to_string(next), std::string(random() % 9000, 'p')));
    }
    if (reader.cursor.next_seq < log.first_seq()) {
      missed += log.first_seq() - reader.cursor.next_seq;
      expected = log.first_seq();
      reader.cursor = {expected, 0, 0, 0, 0};
    }
    if (random() % 3 == 0) reader.cursor.segment = 0;  // a hint may be lost at any time
    reader.read(random() % 100'000, 1 + random() % 4, random() % 60'000);
    for (const ReadMessage& message : reader.take_messages()) {
      REQUIRE(message.seq == expected);
      REQUIRE(message.key == "k" + std::to_string(expected));
      ++expected;
      ++got;
    }
  }
  CHECK(got > 1000);
  CHECK(got + missed <= log.last_seq());
}

}  // namespace btb
