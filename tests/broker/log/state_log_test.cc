#include <doctest/doctest.h>

#include <map>

#include "tests/broker/log/log_reader.h"

namespace btb {

namespace {

TopicOptions state(uint32_t deletions_kept = 1000) {
  TopicOptions options;
  options.kind = wire::TopicKind::state;
  options.overflow = Overflow::skip_dead;
  options.deletions_kept = deletions_kept;
  return options;
}

using Table = std::map<std::string, std::string>;

void apply_to(Table& table, const std::vector<ReadMessage>& messages) {
  for (const ReadMessage& message : messages) {
    if (message.deletion) {
      table.erase(message.key);
    } else {
      table[message.key] = message.payload;
    }
  }
}

// A session's follower, as far as the log sees it.
struct Replica {
  explicit Replica(const TopicLog& log) : reader(log, log.begin(), log.last_seq()) {}
  void start_over(const TopicLog& log) {
    reader.cursor = log.begin();
    reader.deletions_from = log.last_seq();
    table.clear();
  }
  LogReader reader;
  Table table;
};

}  // namespace

TEST_CASE("a late reader of a state log gets only the living rows, and no deletions") {
  const TopicOptions options = state();
  TopicLog log(1, options);
  log.append(put("a", "1"));
  log.append(put("b", "1"));
  log.append(put("a", "2"));
  log.append(put("c", "1"));
  CHECK(log.append(deletion("b")).seq == 5);
  CHECK(log.keys() == 2);
  Replica late(log);
  late.reader.read_all();
  CHECK(late.reader.take_messages() ==
        std::vector<ReadMessage>{{3, "a", "2", false, false}, {4, "c", "1", false, false}});
  CHECK(late.reader.skipped);
}

TEST_CASE("a reader that was away gets what changed since, deletions among it") {
  const TopicOptions options = state();
  TopicLog log(1, options);
  log.append(put("a", "1"));
  log.append(put("b", "1"));
  log.append(deletion("a"));
  log.append(put("b", "2"));
  LogReader back(log, {3, 0, 0, 0, 0});
  back.read_all();
  CHECK(back.take_messages() ==
        std::vector<ReadMessage>{{3, "a", "", true, false}, {4, "b", "2", false, false}});
}

TEST_CASE("deleting a key that is not there changes nothing") {
  const TopicOptions options = state();
  TopicLog log(1, options);
  CHECK(log.append(deletion("a")).seq == 0);
  log.append(put("a", "1"));
  CHECK(log.append(deletion("a")).seq == 2);
  CHECK(log.append(deletion("a")).seq == 0);
  CHECK(log.last_seq() == 2);
}

TEST_CASE(
    "a state log refuses a key beyond keys_max and a byte beyond state_bytes_max, and still takes "
    "deletions") {
  TopicOptions options = state();
  options.keys_max = 2;
  options.state_bytes_max = 1000;
  TopicLog log(1, options);
  log.append(put("a", "1"));
  log.append(put("b", "1"));
  CHECK(log.append(put("c", "1")).reason == wire::Reason::topic_full);
  CHECK(log.append(put("a", "2")).reason == wire::Reason::none);
  CHECK(log.append(put("a", std::string(2000, 'x'))).reason == wire::Reason::topic_full);
  CHECK(log.append(deletion("a")).reason == wire::Reason::none);
  CHECK(log.append(put("c", "1")).reason == wire::Reason::none);
}

TEST_CASE(
    "only so many deletions are remembered, and the log tells up to where they are forgotten") {
  const TopicOptions options = state(3);
  TopicLog log(1, options);
  for (int i = 0; i < 10; ++i) log.append(put(std::to_string(i), "x"));
  for (int i = 0; i < 5; ++i) log.append(deletion(std::to_string(i)));
  CHECK(log.deletions() == 3);
  CHECK(log.deletions_forgotten_seq() == 12);
  CHECK(log.keys() == 5);
}

TEST_CASE(
    "the deletion forgotten is always the oldest, while keys come back and segments are "
    "compacted") {
  std::mt19937 random(11);
  const TopicOptions options = state(20);
  TopicLog log(1, options);
  std::map<uint64_t, std::string> deletions;  // number -> key, those remembered
  uint64_t forgotten = 0;
  size_t forgets = 0;
  for (int i = 0; i < 30'000; ++i) {
    const std::string key = std::to_string(random() % 200);
    const bool deletes = random() % 2 == 0;
    const uint64_t seq =
        deletes ? log.append(deletion(key)).seq
                : log.append(put(key, std::string(random() % 100 == 0 ? 9000 : 20, 'x'))).seq;
    if (!deletes) std::erase_if(deletions, [&](const auto& entry) { return entry.second == key; });
    if (deletes && seq != 0) deletions[seq] = key;
    if (deletions.size() > options.deletions_kept) {
      forgotten = deletions.begin()->first;
      deletions.erase(deletions.begin());
      ++forgets;
    }
    REQUIRE(log.deletions_forgotten_seq() == forgotten);
    REQUIRE(log.deletions() == deletions.size());
  }
  CHECK(forgets > 1000);
  LogReader reader(log, log.begin());
  reader.read_all();
  std::map<uint64_t, std::string> read;
  for (const ReadMessage& message : reader.take_messages()) {
    if (message.deletion) read[message.seq] = message.key;
  }
  CHECK(read == deletions);
}

TEST_CASE("rows that come and go, without a memory of deletions, leave nothing behind") {
  const TopicOptions options = state(0);
  TopicLog log(1, options);
  for (int i = 0; i < 10'000; ++i) {  // three pairs fill a segment: it ends with a deletion
    log.append(put("a", ""));
    log.append(deletion("a"));
  }
  CHECK(log.keys() == 0);
  CHECK(log.memory_bytes() < 2000);
}

TEST_CASE("segment numbers go on beyond 32 bits") {
  const TopicOptions options = state(5);
  TopicLog log(1, options, (uint64_t{1} << 32) - 50);
  Table table;
  Replica replica(log);
  log.append(put("still", "x"));
  table["still"] = "x";
  for (int i = 0; i < 5000; ++i) {
    const std::string key = std::to_string(i % 5);
    if (i % 7 == 0) {
      log.append(deletion(key));
      table.erase(key);
    } else {
      log.append(put(key, std::to_string(i)));
      table[key] = std::to_string(i);
    }
    if (i % 40 == 0) replica.reader.read(200, 1);
    apply_to(replica.table, replica.reader.take_messages());
  }
  replica.start_over(log);
  replica.reader.read_all();
  apply_to(replica.table, replica.reader.take_messages());
  CHECK(log.end().segment > uint64_t{1} << 32);
  CHECK(replica.table == table);
  CHECK(log.keys() == table.size());
}

TEST_CASE("a topic with one small row costs less than a kilobyte") {
  const TopicOptions options = state();
  TopicLog log(1, options);
  log.append(put("key", "a small row"));
  CHECK(sizeof(TopicLog) + log.memory_bytes() <= 1024);
}

TEST_CASE("rows that were not renewed for keep_age are handed out to be deleted") {
  TopicOptions options = state();
  options.keep_age_us = 100;
  TopicLog log(1, options);
  log.append(put("old", "x", 1000));
  log.append(put("renewed", "x", 1001));
  log.append(put("renewed", "y", 1090));
  const auto keys = log.expire(1150);
  REQUIRE(keys.size() == 1);
  CHECK(as_text(keys[0]) == "old");
}

TEST_CASE("a state log with few rows that change for ever stays small") {
  const TopicOptions options = state();
  TopicLog log(1, options);
  for (int i = 0; i < 200'000; ++i)
    log.append(put("k" + std::to_string(i % 10), std::string(100, 'x')));
  CHECK(log.keys() == 10);
  CHECK(log.memory_bytes() < 20'000);
}

TEST_CASE(
    "half of the rows of a large table replaced: the log holds about twice what is alive, not "
    "more") {
  const TopicOptions options = state();
  TopicLog log(1, options);
  std::mt19937 random(5);
  for (int i = 0; i < 10'000; ++i) log.append(put(std::to_string(i), std::string(100, 'x')));
  const uint64_t living = log.bytes();
  for (int i = 0; i < 200'000; ++i)
    log.append(put(std::to_string(random() % 10'000), std::string(100, 'y')));
  CHECK(log.bytes() < living * 5 / 2);
  CHECK(log.bytes() - log.dead_bytes() == living);
}

TEST_CASE(
    "a reader in the middle of a large row whose segments are compacted gets each part once") {
  const TopicOptions options = state();
  TopicLog log(1, options);
  const std::string payload = parts_text(20'000);
  log.append(put("large", payload));
  LogReader reader(log, log.begin());
  reader.read(SIZE_MAX, 2);  // the first segment, and one that begins and ends within the row
  REQUIRE(reader.cursor.next_seq == 1);
  const uint64_t generation = reader.cursor.generation;
  for (int i = 0; i < 100; ++i) log.append(put("small", std::string(1000, 's')));
  reader.read_all();
  CHECK(reader.cursor.generation != generation);
  const auto messages = reader.take_messages();
  REQUIRE(messages.size() == 2);
  CHECK((messages[0].payload == payload));
  CHECK(messages[1].seq == 101);
}

TEST_CASE("what a reader gets whole is what was published, however its segments were compacted") {
  for (uint32_t seed = 1; seed <= 5; ++seed) {
    std::mt19937 random(seed);
    const TopicOptions options = state();
    TopicLog log(1, options);
    std::map<uint64_t, size_t> sizes;
    LogReader reader(log, log.begin());
    size_t large = 0;
    for (int turn = 0; turn < 1500; ++turn) {
      const size_t size = random() % 8 == 0 ? random() % 100'000 : random() % 1000;
      const std::string key =
          size > 1000 ? "l" + std::to_string(random() % 5) : "s" + std::to_string(random() % 30);
      sizes[log.append(put(key, parts_text(size))).seq] = size;
      if (random() % 5 == 0) reader.cursor.segment = 0;  // a hint may be lost at any time
      reader.read(random() % 30'000, 1 + random() % 3, random() % 30'000);
      for (const ReadMessage& message : reader.take_messages()) {
        REQUIRE((message.payload == parts_text(sizes[message.seq])));
        if (message.payload.size() > 1000) ++large;
      }
    }
    REQUIRE(large > 20);
  }
}

TEST_CASE("replicas that read by bits, cut anywhere, stop and come back, converge to the table") {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const TopicOptions options = state(20);
    TopicLog log(1, options);
    Table table;
    std::vector<Replica> replicas;
    for (int turn = 0; turn < 1500; ++turn) {
      for (uint32_t n = random() % 20; n > 0; --n) {
        const std::string key = "k" + std::to_string(random() % 60);
        if (random() % 4 == 0) {
          log.append(deletion(key));
          table.erase(key);
        } else {
          const size_t size = random() % 20 == 0 ? random() % 20'000 : random() % 200;
          const std::string payload = std::to_string(turn) + std::string(size, 'p');
          log.append(put(key, payload));
          table[key] = payload;
        }
      }
      if (replicas.size() < 5 && random() % 50 == 0) replicas.emplace_back(log);
      for (Replica& replica : replicas) {
        if (random() % 3 != 0) continue;
        const uint64_t known =
            std::max(replica.reader.cursor.next_seq - 1, replica.reader.deletions_from);
        if (log.deletions_forgotten_seq() > known) replica.start_over(log);
        replica.reader.read(random() % 30'000, 1 + random() % 8, random() % 30'000);
        apply_to(replica.table, replica.reader.take_messages());
      }
    }
    for (Replica& replica : replicas) {
      const uint64_t known =
          std::max(replica.reader.cursor.next_seq - 1, replica.reader.deletions_from);
      if (log.deletions_forgotten_seq() > known) replica.start_over(log);
      replica.reader.read_all();
      apply_to(replica.table, replica.reader.take_messages());
      REQUIRE(replica.table == table);
    }
    REQUIRE(replicas.size() == 5);
    REQUIRE(log.keys() == table.size());
  }
}

}  // namespace btb
