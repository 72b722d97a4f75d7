// The channel alone: what a source's thread and the loop say to each other.
#include "broker/source/channel.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <functional>

#include "tests/support/patience.h"

namespace btb::test {
namespace {

btb_bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

struct World {
  explicit World(size_t mailbox_bytes = 1'000)
      : wakeup(loop, [this] { ++woken; }),
        channel("c", {mailbox_bytes, 500, 10}, wakeup),
        host(channel.host()) {}
  ~World() { channel.detach(); }

  btb_status publish(std::string_view payload, std::string_view topic = "t",
                     btb_fault* fault = nullptr, std::string_view token = {}) {
    const btb_message message{sizeof(btb_message), BTB_PUT,           bytes_of(topic),
                              bytes_of("k"),       bytes_of(payload), 5};
    const btb_batch batch{sizeof(btb_batch), 0, &message, 1, bytes_of(token)};
    return host.publish(&host, &batch, fault);
  }
  [[nodiscard]] bool rings() const {
    pollfd bell{host.wake_fd(&host), POLLIN, 0};
    return ::poll(&bell, 1, 0) == 1;
  }

  Loop loop;
  int woken = 0;
  Wakeup wakeup;
  Channel channel;
  const btb_host& host;
};

TEST_CASE("a batch comes out as it went in") {
  World world;
  world.channel.enter_thread();
  CHECK(world.publish("payload", "topic/x", nullptr, "token") == BTB_OK);
  StagedBatch batch;
  REQUIRE(world.channel.take(batch));
  REQUIRE(batch.entries.size() == 1);
  CHECK(batch.topic(batch.entries[0]) == "topic/x");
  CHECK(batch.key(batch.entries[0]) == "k");
  CHECK(batch.payload(batch.entries[0]) == "payload");
  CHECK(batch.entries[0].time_us == 5);
  CHECK(batch.resume_token == "token");
  CHECK_FALSE(world.channel.take(batch));
  world.loop.run_once(false);
  CHECK(world.woken == 1);
}

TEST_CASE("a message that breaks a rule is named, and nothing of its batch is taken") {
  World world;
  world.channel.enter_thread();
  btb_fault fault{sizeof(btb_fault), 0, nullptr};
  CHECK(world.publish("x", "a//b", &fault) == BTB_INVALID);
  CHECK(std::string(fault.text) == "an empty level");
  CHECK(world.publish("x", "$SYS/a", &fault) == BTB_INVALID);
  CHECK(world.publish("x", "a/+", &fault) == BTB_INVALID);
  CHECK(world.publish(std::string(501, 'x'), "a", &fault) == BTB_INVALID);
  CHECK(world.publish("x", "a", &fault, std::string(4'097, 't')) == BTB_INVALID);
  CHECK(world.publish("x", "a//b", nullptr) == BTB_INVALID);
  CHECK(world.channel.waiting_bytes() == 0);
}

TEST_CASE(
    "messages lie one behind the other in the size of the first, also in one that is larger") {
  struct Larger {
    btb_message message;
    uint64_t appended;
  };
  const auto larger = [](const char* topic) {
    return Larger{{sizeof(Larger), BTB_PUT, bytes_of(topic), {}, bytes_of("x"), 0}, 7};
  };
  World world;
  world.channel.enter_thread();
  std::array<Larger, 3> messages{larger("a"), larger("b"), larger("c")};
  const btb_batch batch{sizeof(btb_batch), 0, &messages[0].message, messages.size(), {}};
  CHECK(world.host.publish(&world.host, &batch, nullptr) == BTB_OK);
  StagedBatch staged;
  REQUIRE(world.channel.take(staged));
  REQUIRE(staged.entries.size() == 3);
  CHECK(staged.topic(staged.entries[2]) == "c");

  struct NextFault {  // of a later ABI 1.x; what the broker does not know it leaves alone
    btb_fault fault;
    uint64_t appended;
  };
  NextFault next{{sizeof(NextFault), 0, nullptr}, 7};
  const auto refused = [&](size_t index, const char* text) {
    const btb_status status = world.host.publish(&world.host, &batch, &next.fault);
    return status == BTB_INVALID && next.fault.message_index == index &&
           std::string(next.fault.text) == text && next.fault.size == sizeof(NextFault);
  };
  messages[1].message.size = sizeof(btb_message);
  CHECK(refused(1, "a message with a wrong size"));
  for (const uint32_t size :
       {0U, 8U, uint32_t{sizeof(btb_message)} - 8, 1'000'000U, uint32_t{sizeof(btb_message)} + 1}) {
    messages[0].message.size = size;
    CHECK(refused(0, "a message with a wrong size"));
  }
}

TEST_CASE("half a batch is refused") {
  World world;
  world.channel.enter_thread();
  btb_fault fault{sizeof(btb_fault), 0, nullptr};
  btb_batch batch{sizeof(btb_batch), 0, nullptr, 1, {}};
  CHECK(world.host.publish(&world.host, &batch, &fault) == BTB_INVALID);
  CHECK(std::string(fault.text) == "a batch without its messages");
  batch = {8, 0, nullptr, 0, {}};
  CHECK(world.host.publish(&world.host, &batch, &fault) == BTB_INVALID);
  CHECK(std::string(fault.text) == "a batch with a wrong size");
}

#ifndef NDEBUG
// True if `body` stops its process.
bool stops(const std::function<void(World&)>& body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    ::close(STDERR_FILENO);
    World world;
    body(world);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST_CASE("debug builds stop at a call from a thread that is not the source's") {
  CHECK(stops([](World& world) { world.publish("x"); }));
  CHECK(stops([](World& world) { world.host.wait(&world.host, 0); }));
  CHECK(stops([](World& world) { world.host.wake_fd(&world.host); }));
  CHECK(stops([](World& world) { world.host.set_state(&world.host, BTB_STATE_LIVE, nullptr); }));
  CHECK(stops([](World& world) { world.host.fail(&world.host, nullptr, "x"); }));
  CHECK_FALSE(stops([](World& world) { world.host.status(&world.host); }));
  CHECK_FALSE(stops([](World& world) { world.host.log(&world.host, BTB_LOG_INFO, "x"); }));
}
#endif

TEST_CASE("a full channel says again, and rings when there is room") {
  World world(400);
  world.channel.enter_thread();
  CHECK(world.publish(std::string(400, 'x')) == BTB_OK);  // the first one may be larger than it
  CHECK(world.publish("y") == BTB_AGAIN);
  CHECK_FALSE(world.rings());
  StagedBatch batch;
  REQUIRE(world.channel.take(batch));
  CHECK(world.publish("y") == BTB_AGAIN);  // until it is published, it counts
  world.channel.taken(batch.cost_bytes);
  CHECK(world.rings());
  CHECK(world.host.wait(&world.host, -1) == BTB_OK);
  CHECK(world.publish("y") == BTB_OK);
  CHECK(world.channel.waiting_bytes() < 400);
  REQUIRE(world.channel.take(batch));
  world.channel.taken(batch.cost_bytes);
  CHECK(world.channel.waiting_bytes() == 0);
  CHECK_FALSE(world.rings());
}

TEST_CASE("one that polls the bell instead of waiting is not rung for room it does not want") {
  World world(400);
  world.channel.enter_thread();
  CHECK(world.publish(std::string(400, 'x')) == BTB_OK);
  CHECK(world.publish("y") == BTB_AGAIN);
  StagedBatch batch;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(world.channel.take(batch));
    world.channel.taken(batch.cost_bytes);
    CHECK(world.rings() == (i == 0));
    CHECK(world.host.status(&world.host) == BTB_OK);
    CHECK(world.publish("y") == BTB_OK);
  }
}

TEST_CASE("a paused channel takes nothing, and status tells it once the bell rang") {
  World world;
  world.channel.enter_thread();
  world.channel.set_paused(true);
  CHECK(world.rings());
  CHECK(world.publish("x") == BTB_AGAIN);
  CHECK(world.host.status(&world.host) == BTB_AGAIN);
  CHECK_FALSE(world.rings());
  CHECK(world.host.wait(&world.host, 1) == BTB_OK);
  world.channel.set_paused(false);
  CHECK(world.rings());
  CHECK(world.host.status(&world.host) == BTB_OK);
  CHECK(world.publish("x") == BTB_OK);
}

TEST_CASE("a stopped channel says so wherever it is asked") {
  World world;
  world.channel.enter_thread();
  world.channel.request_stop();
  CHECK(world.publish("x") == BTB_STOPPED);
  CHECK(world.host.wait(&world.host, -1) == BTB_STOPPED);
  CHECK(world.host.status(&world.host) == BTB_STOPPED);
  CHECK(world.rings());
}

TEST_CASE("what a source says of itself is kept up to a limit") {
  World world;
  world.channel.enter_thread();
  for (int i = 0; i < 5'000; ++i) world.host.log(&world.host, BTB_LOG_INFO, "again and again");
  const btb_dead_letter letter{sizeof(btb_dead_letter), nullptr, nullptr, 0, 0, 0, {nullptr, 0}};
  for (int i = 0; i < 50; ++i) world.host.dead_letter(&world.host, &letter);
  world.host.set_state(&world.host, BTB_STATE_GUARD, nullptr);
  world.host.fail(&world.host, "option", nullptr);
  ChannelReport report;
  world.channel.take_report(report);
  CHECK(report.log.size() == 1'000);
  CHECK(report.log_lines_dropped == 4'000);
  CHECK(report.dead_letters.size() >= 10);
  CHECK(report.dead_letters.size() + report.dead_letters_dropped == 50);
  CHECK(report.state == BTB_STATE_GUARD);
  CHECK(report.failure == "option option: ");
  world.channel.take_report(report);
  CHECK(report.log.empty());
  CHECK(report.log_lines_dropped == 0);
  CHECK(report.dead_letters.empty());
}

TEST_CASE("a source's thread and the loop pass a million bytes, and every batch arrives in order") {
  World world(2'000);
  constexpr uint64_t count = 10'000;
  std::thread source([&] {
    world.channel.enter_thread();
    for (uint64_t i = 0; i < count;) {
      const btb_status status = world.publish(std::to_string(i));
      if (status == BTB_OK) ++i;
      if (status == BTB_AGAIN && world.host.wait(&world.host, -1) == BTB_STOPPED) break;
    }
    world.channel.finish(BTB_OK);
  });
  uint64_t next = 0;
  StagedBatch batch;
  const auto deadline = std::chrono::steady_clock::now() + btb::test::patience;
  while (next < count && std::chrono::steady_clock::now() < deadline) {
    if (!world.channel.take(batch)) {
      std::this_thread::yield();
      continue;
    }
    REQUIRE(batch.payload(batch.entries[0]) == std::to_string(next));
    ++next;
    CHECK(world.channel.waiting_bytes() <= 2'000);
    world.channel.taken(batch.cost_bytes);
    if (next % 100 == 0) {
      world.channel.set_paused(true);
      world.channel.set_paused(false);
    }
  }
  world.channel.request_stop();
  source.join();
  CHECK(next == count);
  ChannelReport report;
  world.channel.take_report(report);
  CHECK(report.finished);
}

}  // namespace
}  // namespace btb::test
