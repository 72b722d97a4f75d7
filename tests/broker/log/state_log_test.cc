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
