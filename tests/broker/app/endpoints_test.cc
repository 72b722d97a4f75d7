#include "broker/app/endpoints.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sdk/transport/socket.h"
#include "tests/support/manual_clock.h"
#include "tests/support/patience.h"

namespace btb {
namespace {

namespace fs = std::filesystem;

constexpr const char* not_ours = "tcp:192.0.2.1:4712";  // RFC 5737: an address that nobody has

struct World final : Endpoints::Events {
  World() {
    std::string pattern = fs::temp_directory_path() / "btb_endpoints_XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
  }
  ~World() {
    endpoints.close_all();
    fs::remove_all(folder);
  }
  void connected(const ListenerConfig& config, std::unique_ptr<Stream>) override {
    came_in.push_back(config);
  }
  void endpoint_event(bool, std::string_view event, const std::string& endpoint,
                      const std::string&) override {
    events.push_back(std::string(event) + " " + endpoint);
  }
  [[nodiscard]] std::string socket(const std::string& name) const {
    return "unix:" + folder + "/" + name;
  }
  [[nodiscard]] static ListenerConfig at(const std::string& endpoint) {
    ListenerConfig config;
    config.endpoint = endpoint;
    return config;
  }
  [[nodiscard]] size_t told(const std::string& line) const {
    return static_cast<size_t>(std::count(events.begin(), events.end(), line));
  }
  // Whether somebody can connect there.
  bool answers(const std::string& endpoint) {
    const auto fd = begin_connect(*parse_endpoint(endpoint));
    if (!fd) return false;
    const size_t before = came_in.size();
    for (int i = 0; i < 100 && came_in.size() == before; ++i) loop.run_once(false);
    return came_in.size() > before;
  }
  bool pass_ms(uint64_t ms) {
    clock.advance_ms(ms);
    return endpoints.tick();
  }

  test::ManualClock clock;
  Loop loop;
  std::string folder;
  std::vector<std::string> events;
  std::vector<ListenerConfig> came_in;
  Endpoints endpoints{loop, clock, *this};
};

TEST_CASE("one that cannot be opened yet does not keep the others from being opened") {
  World world;
  const std::string late = world.socket("late/b.sock");
  REQUIRE(world.endpoints.start(
      {world.at(late), world.at(world.socket("a.sock")), world.at(not_ours)}));
  CHECK(world.answers(world.socket("a.sock")));
  REQUIRE(world.endpoints.waiting().size() == 2);
  CHECK(world.endpoints.waiting()[0].config.endpoint == late);
  CHECK(world.endpoints.waiting()[0].why.find("there is no directory") != std::string::npos);
  CHECK(world.told("not_listening " + late) == 1);
}

TEST_CASE("one that waits is opened when what it waits for has come") {
  World world;
  const std::string late = world.socket("late/b.sock");
  REQUIRE(world.endpoints.start({world.at(world.socket("a.sock")), world.at(late)}));
  CHECK_FALSE(world.pass_ms(60'000));
  CHECK(world.told("not_listening " + late) == 1);  // once, though it was tried again
  fs::create_directory(world.folder + "/late");
  CHECK(world.pass_ms(60'000));
  CHECK(world.endpoints.waiting().empty());
  CHECK(world.answers(late));
}

TEST_CASE(
    "where none can be opened, and not only Bluetooth is missing, the start fails and says why") {
  World world;
  const auto started = world.endpoints.start({world.at(world.socket("late/b.sock"))});
  REQUIRE_FALSE(started);
  CHECK(started.error().text.find("there is no directory") != std::string::npos);
}

// Bluetooth as it is on this machine at one moment; once it is there, a socket in the folder.
struct Air {
  std::optional<Errc> lacks;
  std::string socket;
  [[nodiscard]] Endpoints::Opener opener() const {
    return [this](Loop& loop, const Endpoint& endpoint, const ListenOptions& options,
                  Listener::Accepted accepted) -> Result<std::unique_ptr<Listener>> {
      if (!is_bluetooth(endpoint)) {
        return Listener::open(loop, endpoint, options, std::move(accepted));
      }
      if (lacks) return Error{*lacks, to_string(endpoint) + ": no Bluetooth"};
      return Listener::open(loop, *parse_endpoint(socket), options, std::move(accepted));
    };
  }
};

TEST_CASE("Bluetooth that is not there is waited for, also alone, and taken up when it appears") {
  for (const Errc lack : {Errc::unsupported, Errc::not_found, Errc::unavailable}) {
    World world;
    Air air{lack, world.socket("air.sock")};
    Endpoints endpoints(world.loop, world.clock, world, air.opener());
    REQUIRE(endpoints.start({World::at("le:*/128")}));
    REQUIRE(endpoints.waiting().size() == 1);
    CHECK(endpoints.waiting()[0].why == "le:*/128: no Bluetooth");
    world.clock.advance_ms(60'000);
    CHECK_FALSE(endpoints.tick());
    air.lacks.reset();  // a module was loaded, an adapter plugged in
    world.clock.advance_ms(60'000);
    CHECK(endpoints.tick());
    CHECK(endpoints.waiting().empty());
    CHECK(world.answers(air.socket));
    CHECK(world.came_in.back().endpoint == "le:*/128");
  }
}

TEST_CASE("Bluetooth that somebody else has or that is forbidden is an error") {
  for (const Errc fault : {Errc::exists, Errc::refused}) {
    World world;
    const Air air{fault, ""};
    Endpoints endpoints(world.loop, world.clock, world, air.opener());
    CHECK_FALSE(endpoints.start({World::at(world.socket("a.sock")), World::at("le:*/128")}));
  }
}

// A resolver that answers when the test says so.
struct Resolver {
  std::mutex mutex;
  std::condition_variable moved;
  int asked = 0;
  bool answers = false;
  bool gave_up = false;  // it held the test up

  Endpoints::Addresses look_up() {
    std::unique_lock lock(mutex);
    ++asked;
    moved.notify_all();
    gave_up = !moved.wait_for(lock, test::patience, [this] { return answers; });
    return std::vector<std::string>{"127.0.0.1"};
  }
  bool is_asked() {
    std::unique_lock lock(mutex);
    return moved.wait_for(lock, test::patience, [this] { return asked != 0; });
  }
  void answer() {
    const std::lock_guard lock(mutex);
    answers = true;
    moved.notify_all();
  }
};

TEST_CASE("while the name of a host is looked up, the loop goes on; then it is listened on there") {
  World world;
  const auto resolver = std::make_shared<Resolver>();
  std::vector<std::vector<std::string>> opened_at;
  const auto opener = [&](Loop& loop, const Endpoint& endpoint, const ListenOptions& options,
                          Listener::Accepted accepted) -> Result<std::unique_ptr<Listener>> {
    if (endpoint.scheme == Endpoint::Scheme::unix_socket) {
      return Listener::open(loop, endpoint, options, std::move(accepted));
    }
    opened_at.push_back(options.addresses);
    if (options.addresses.empty()) return Error{Errc::unavailable, "no name service"};
    return Listener::open(loop, *parse_endpoint(world.socket("b.sock")), {}, std::move(accepted));
  };
  Endpoints endpoints(world.loop, world.clock, world, opener,
                      [resolver](const Endpoint&) { return resolver->look_up(); });
  const auto a = World::at(world.socket("a.sock")), named = World::at("tcp:broker.example:4712");

  SUBCASE("after a start without it") {
    REQUIRE(endpoints.start({a, named}));
  }
  SUBCASE("after a reload that brought it") {
    REQUIRE(endpoints.start({a}));
    std::vector<std::string> faults;
    Endpoints::Fresh fresh = endpoints.prepare({named}, faults);
    CHECK(faults.empty());
    CHECK(opened_at.empty());
    endpoints.take(std::move(fresh), {a, named});
  }
  opened_at.clear();
  REQUIRE(endpoints.waiting().size() == 1);
  for (int i = 0; i < 5; ++i) {
    world.clock.advance_ms(60'000);
    CHECK_FALSE(endpoints.tick());
  }
  REQUIRE(resolver->is_asked());
  CHECK(resolver->asked == 1);
  CHECK(world.answers(a.endpoint));
  CHECK(opened_at.empty());
  resolver->answer();
  const auto deadline = std::chrono::steady_clock::now() + test::patience;
  while (!endpoints.tick() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  CHECK_FALSE(resolver->gave_up);
  CHECK(endpoints.waiting().empty());
  REQUIRE(opened_at.size() == 1);
  CHECK(opened_at[0] == std::vector<std::string>{"127.0.0.1"});
  CHECK(world.answers(world.socket("b.sock")));
  endpoints.close_all();
}

TEST_CASE("an attempt that took long is not made again at once") {
  World world;
  int attempts = 0;
  Endpoints endpoints(world.loop, world.clock, world,
                      [&](Loop&, const Endpoint& endpoint, const ListenOptions&,
                          const Listener::Accepted&) -> Result<std::unique_ptr<Listener>> {
                        ++attempts;
                        world.clock.advance_ms(10'000);
                        return Error{Errc::unavailable, to_string(endpoint) + ": not now"};
                      });
  REQUIRE(endpoints.start({World::at("le:*/128")}));
  world.clock.advance_ms(60'000);
  (void)endpoints.tick();
  REQUIRE(attempts == 2);
  (void)endpoints.tick();
  CHECK(attempts == 2);
  world.clock.advance_ms(3'000);
  (void)endpoints.tick();
  CHECK(attempts == 3);
}

TEST_CASE("what is in use or forbidden does not wait: it is an error") {
  World world;
  World other;
  REQUIRE(other.endpoints.start({world.at(world.socket("a.sock"))}));
  const auto taken =
      world.endpoints.start({world.at(world.socket("b.sock")), world.at(world.socket("a.sock"))});
  REQUIRE_FALSE(taken);
  CHECK(taken.error().text.find("somebody listens here already") != std::string::npos);
}

TEST_CASE("a socket whose file is removed is made again, and said") {
  World world;
  const std::string here = world.socket("a.sock");
  REQUIRE(world.endpoints.start({world.at(here)}));
  CHECK_FALSE(world.pass_ms(1'000));
  fs::remove(world.folder + "/a.sock");
  CHECK_FALSE(world.answers(here));
  CHECK(world.pass_ms(1'000));
  CHECK(world.told("socket_file_gone " + here) == 1);
  CHECK(world.answers(here));
  CHECK_FALSE(world.pass_ms(1'000));
}

TEST_CASE("a socket whose place was taken waits until it is free, and takes nothing from anybody") {
  World world;
  World other;
  const std::string here = world.socket("a.sock");
  REQUIRE(world.endpoints.start({world.at(here)}));
  fs::remove(world.folder + "/a.sock");
  REQUIRE(other.endpoints.start({world.at(here)}));
  CHECK(world.pass_ms(1'000));
  CHECK(world.endpoints.waiting().size() == 1);
  CHECK(other.answers(here));
  other.endpoints.close_all();
  CHECK(world.pass_ms(60'000));
  CHECK(world.answers(here));
}

TEST_CASE("a reload opens what is new, closes what is gone, and gives the others their new rules") {
  World world;
  const std::string a = world.socket("a.sock"), b = world.socket("b.sock"),
                    late = world.socket("late/c.sock");
  REQUIRE(world.endpoints.start({world.at(a), world.at(late)}));
  ListenerConfig fresh = world.at(b);
  std::vector<std::string> faults;
  Endpoints::Fresh prepared = world.endpoints.prepare({fresh, world.at(a)}, faults);
  CHECK(faults.empty());
  CHECK(world.answers(a));
  fresh.client_publish = false;
  world.endpoints.take(std::move(prepared), {fresh});
  CHECK(world.endpoints.waiting().empty());
  CHECK_FALSE(world.answers(a));
  CHECK(world.answers(b));
  CHECK_FALSE(world.came_in.back().client_publish);
}

TEST_CASE("a reload that would open what can never be opened says so, and changes nothing") {
  World world;
  const std::string a = world.socket("a.sock");
  REQUIRE(world.endpoints.start({world.at(a)}));
  std::vector<std::string> faults;
  fs::create_directory(world.folder + "/folder.sock");
  (void)world.endpoints.prepare({world.at(world.socket("folder.sock"))}, faults);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].find("a file that is not a socket") != std::string::npos);
  CHECK(world.answers(a));
}

}  // namespace
}  // namespace btb
