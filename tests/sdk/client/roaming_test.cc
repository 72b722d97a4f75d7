// Roaming against a small broker and an air that the test makes up; both share a clock of the test.
#include "sdk/client/roaming.h"

#include <algorithm>

#include "sdk/bluez/scan.h"
#include "tests/sdk/client/scripted.h"
#include "tests/sdk/client/small_broker.h"
#include "tests/support/manual_clock.h"

using namespace btb;
using namespace btb::client;
using wire::Reason;

namespace {

constexpr uint16_t site = 12;

// What is in reach, and the searches for it.
struct Air {
  std::vector<NearBroker> brokers;
  std::optional<NearBroker> late;  // heard so much later than the others, in each search
  uint64_t late_ms = 0;
  std::optional<Error> fault;  // of the next searches
  std::optional<Error> refusal;
  std::vector<bluez::ScanOptions> searches;
  int running = 0;
  uint64_t stopping_ms = 0;  // how long it takes to stop
};

class FakeSearch final : public Search {
 public:
  FakeSearch(Air& air, const bluez::ScanOptions& options, const Clock& clock)
      : air_(air),
        clock_(clock),
        late_ms_(clock.mono_ms() + air.late_ms),
        end_ms_(clock.mono_ms() + options.le_ms + options.classic_ms) {
    ++air_.running;
  }
  ~FakeSearch() override { --air_.running; }
  FakeSearch(const FakeSearch&) = delete;
  FakeSearch& operator=(const FakeSearch&) = delete;

  [[nodiscard]] int fd() const override { return -1; }
  [[nodiscard]] short events() const override { return 0; }
  [[nodiscard]] int timeout_ms() const override {
    return static_cast<int>(end_ms_ - std::min(end_ms_, clock_.mono_ms()));
  }
  bool turn() override { return !air_.fault && clock_.mono_ms() < end_ms_; }
  void stop() override { end_ms_ = clock_.mono_ms() + air_.stopping_ms; }
  [[nodiscard]] std::vector<NearBroker> brokers() const override {
    std::vector<NearBroker> heard = air_.brokers;
    if (air_.late && clock_.mono_ms() >= late_ms_ && late_ms_ < end_ms_)
      heard.push_back(*air_.late);
    return heard;
  }
  [[nodiscard]] const std::optional<Error>& fault() const override { return air_.fault; }

 private:
  Air& air_;
  const Clock& clock_;
  uint64_t late_ms_, end_ms_;
};

ClientOptions quick() {
  ClientOptions options;
  options.retry_first = true;
  options.backoff = {.first_ms = 10, .max_ms = 50, .stable_ms = 10'000};
  return options;
}

struct World {
  explicit World(RoamingOptions options = {.searches = true})
      : client(quick(), recorder, clock),
        roaming(
            client, std::move(options), clock,
            [this](const std::string& text) { told.push_back(text); },
            [this](const bluez::ScanOptions& scan,
                   const Clock& now) -> Result<std::unique_ptr<Search>> {
              air.searches.push_back(scan);
              if (air.refusal) return *air.refusal;
              return std::unique_ptr<Search>(std::make_unique<FakeSearch>(air, scan, now));
            }) {
    client.start();
  }

  // Lets time pass, in steps in which everybody has a turn.
  void pass(uint64_t ms) {
    for (uint64_t passed = 0; passed < ms; passed += 10) {
      turn();
      clock.advance_ms(10);
    }
    turn();
  }
  void turn() {
    for (int i = 0; i < 3; ++i) {
      client.run_once(0);
      roaming.turn();
    }
  }
  [[nodiscard]] bool has_told(const std::string& text) const {
    return std::find(told.begin(), told.end(), text) != told.end();
  }
  // In reach, with so many places.
  void appear(uint8_t places, uint8_t epoch = 1, uint16_t of = site) {
    HeardWay heard{{broker.endpoint, {}, true}, -60, places};
    air.brokers = {{"b", of, {epoch}, {heard}}};
  }
  void open() {
    appear(7);
    for (int i = 0; i < 100 && !broker.accept(); ++i) pass(10);
    REQUIRE(broker.accept());
    fb::WelcomeT welcome;
    welcome.epoch = 7;
    welcome.session = 1;
    welcome.site = site;
    welcome.keep_alive_ms = 60'000'000;
    broker.say(welcome);
    for (int i = 0; i < 100 && client.state() != Client::State::open; ++i) pass(10);
    REQUIRE(client.state() == Client::State::open);
  }
  void let_go(uint8_t announced_epoch) {
    fb::GoodbyeT goodbye;
    goodbye.reason = Reason::let_go;
    goodbye.announced_epoch = announced_epoch;
    broker.say(goodbye);
    broker.hang_up();
    for (int i = 0; i < 100 && client.state() == Client::State::open; ++i) pass(10);
    REQUIRE(client.state() == Client::State::waiting);
  }

  test::ManualClock clock;
  SmallBroker broker;
  Recorder recorder;
  Air air;
  std::vector<std::string> told;
  Client client;
  Roaming roaming;
};

}  // namespace

TEST_CASE("a broker with a place is taken as soon as it is heard") {
  World world;
  world.pass(500);
  CHECK(world.air.running == 1);
  CHECK(world.told == std::vector<std::string>{"looking for a broker over Bluetooth"});
  world.open();
  CHECK(world.air.running == 0);
  CHECK(world.air.searches.size() == 1);
  CHECK(world.told.back() == "found a broker at " + to_string(world.broker.endpoint));
  world.pass(60'000);
  CHECK(world.air.searches.size() == 1);  // nobody listens who is connected
}

TEST_CASE("nobody connects while somebody listens") {
  World world;
  world.air.stopping_ms = 500;
  world.pass(200);
  world.appear(7);
  world.pass(400);
  CHECK(world.air.running == 1);
  CHECK_FALSE(world.broker.accept());
  world.pass(200);
  CHECK(world.air.running == 0);
  CHECK(world.broker.accept());
}

TEST_CASE("one without a place is asked when nobody else was heard to the end") {
  World world;
  world.appear(0);
  world.pass(13'000);  // 3 s of advertisements, 11 s of inquiry
  CHECK(world.client.ways().empty());
  world.pass(2'000);
  CHECK(world.broker.accept());
}

TEST_CASE("who gives up does so after one look at an empty air, and says what became of it") {
  World world({.searches = true, .gives_up = true});
  world.pass(13'000);
  CHECK_FALSE(world.roaming.gave_up().has_value());
  world.pass(2'000);
  REQUIRE(world.roaming.gave_up().has_value());
  CHECK(world.roaming.gave_up()->code == Errc::not_found);
  CHECK(world.roaming.gave_up()->text == "over Bluetooth: no broker in reach");
  world.pass(60'000);
  CHECK(world.air.searches.size() == 1);
}

TEST_CASE("who gives up tries all that were heard, once, and looks for others to the end") {
  World world({.searches = true, .gives_up = true});
  world.broker.stop_listening();
  world.appear(7);
  world.pass(13'000);
  CHECK_FALSE(world.roaming.gave_up().has_value());
  CHECK(world.told.back() == "looking for another broker over Bluetooth");
  world.pass(2'000);
  REQUIRE(world.roaming.gave_up().has_value());
  CHECK(world.roaming.gave_up()->code == Errc::refused);
  CHECK(world.air.searches.size() == 2);
  CHECK(world.air.searches[1].classic_ms != 0);  // also for those that are found in no other way
}

TEST_CASE("who gives up does so at once if a whole look heard nobody but those who were tried") {
  World world({.searches = true, .gives_up = true});
  world.broker.stop_listening();
  world.appear(0);
  world.pass(16'000);
  REQUIRE(world.roaming.gave_up().has_value());
  CHECK(world.roaming.gave_up()->code == Errc::refused);
  CHECK(world.air.searches.size() == 1);
}

TEST_CASE("somebody who is heard first and is no broker does not hide one that is") {
  bool gives_up = false, another_each_time = false;
  uint64_t late_ms = 0;
  SUBCASE("for who would give up") {
    gives_up = true;
    late_ms = 500;
  }
  SUBCASE("for who would give up, of one that is found by an inquiry only") {
    gives_up = true;
    late_ms = 9'000;
  }
  SUBCASE("for who would give up, and somebody else is heard each time") {
    gives_up = another_each_time = true;
    late_ms = 2'500;
  }
  SUBCASE("for who goes on") {
    late_ms = 2'500;
  }
  SUBCASE("for who goes on, of one that is found by an inquiry only") {
    late_ms = 9'000;
  }
  World world({.searches = true, .gives_up = gives_up});
  world.appear(7);
  NearBroker decoy = world.air.brokers[0];
  decoy.site = site + 1;
  decoy.ways[0].way.endpoint = *parse_endpoint("unix:/nonexistent/decoy.sock");
  world.air.late = std::exchange(world.air.brokers[0], decoy);
  world.air.late_ms = late_ms;
  world.pass(100);
  CHECK(world.has_told("found a broker at unix:/nonexistent/decoy.sock"));
  CHECK_FALSE(world.broker.accept());
  for (int step = 0; step < 600 && !world.broker.accept(); ++step) {
    if (another_each_time) {
      const std::string path = "unix:/nonexistent/" + std::to_string(world.air.searches.size());
      world.air.brokers[0].ways[0].way.endpoint = *parse_endpoint(path);
    }
    world.pass(100);
  }
  CHECK(world.broker.accept());
  CHECK(world.air.searches.size() <= (late_ms < 3'000 || gives_up ? 2 : 5));
}

TEST_CASE("who is never let in anywhere stops looking, if it may give up") {
  World world({.searches = true, .gives_up = true});
  world.broker.stop_listening();
  world.appear(7);
  for (int step = 0; step < 600 && !world.roaming.gave_up(); ++step) {
    const std::string path = "unix:/nonexistent/" + std::to_string(world.air.searches.size());
    world.air.brokers[0].ways[0].way.endpoint = *parse_endpoint(path);
    world.pass(100);
  }
  REQUIRE(world.roaming.gave_up().has_value());
  CHECK(world.roaming.gave_up()->code == Errc::refused);
  CHECK(world.air.searches.size() == 4);
}

TEST_CASE("who was tried in vain is tried again when nobody else is heard") {
  World world;
  world.broker.stop_listening();
  world.appear(7);
  world.pass(1'000);
  world.broker.listen();
  world.pass(3'000);
  CHECK(world.broker.accept());
  CHECK(world.air.searches.size() == 2);
  const std::string found = "found a broker at " + to_string(world.broker.endpoint);
  CHECK(std::count(world.told.begin(), world.told.end(), found) == 2);
}

TEST_CASE("a fault of the search is why there is nobody") {
  World world({.searches = true, .gives_up = true});
  SUBCASE("from the start") {
    world.air.refusal = Error{Errc::not_found, "bluetoothd does not run"};
  }
  SUBCASE("on the way") {
    world.air.fault = Error{Errc::not_found, "bluetoothd does not run"};
  }
  world.pass(100);
  REQUIRE(world.roaming.gave_up().has_value());
  CHECK(world.roaming.gave_up()->text == "over Bluetooth: bluetoothd does not run");
}

TEST_CASE("the longer nobody is there, the longer the pauses; every fourth look inquires") {
  World world;
  world.pass(600'000);
  const auto& searches = world.air.searches;
  REQUIRE(searches.size() > 20);
  CHECK(searches.size() < 50);  // 3 s each at least, and pauses of up to 15 s
  for (size_t i = 0; i < searches.size(); ++i) {
    CHECK(searches[i].le_ms == 3'000);
    CHECK((searches[i].classic_ms != 0) == (i % 4 == 0));
  }
}

TEST_CASE("who was not asked to search never listens") {
  World world({.searches = false});
  world.pass(60'000);
  CHECK(world.air.searches.empty());
}

TEST_CASE("who let go of its place comes back when another epoch is announced, and not before") {
  World world;
  world.open();
  world.let_go(5);
  world.appear(0, 5);
  world.pass(60'000);
  CHECK(world.client.state() == Client::State::waiting);
  CHECK_FALSE(world.broker.accept());
  const size_t searches = world.air.searches.size();
  CHECK(searches > 8);  // half of the time it listens
  CHECK(searches < 12);
  world.appear(0, 9, site + 1);  // somebody else has news
  world.pass(10'000);
  CHECK_FALSE(world.broker.accept());
  world.appear(0, 6);
  world.pass(4'000);
  CHECK(world.broker.accept());
}

TEST_CASE("of a broker that comes back another way is taken before the one that just failed") {
  World world;
  world.open();
  world.broker.hang_up();
  world.broker.stop_listening();
  world.appear(7);
  NearBroker moved = world.air.brokers[0];
  moved.ways[0].way.endpoint = *parse_endpoint("unix:/nonexistent/moved.sock");
  const std::string at_old = "found a broker at " + to_string(world.broker.endpoint);
  const std::string at_new = "found a broker at unix:/nonexistent/moved.sock";
  world.told.clear();
  for (int step = 0; step < 1'000 && !world.has_told(at_old); ++step) world.pass(10);
  REQUIRE(world.has_told(at_old));  // where it was is the first to be tried, in vain
  world.told.clear();
  bool another = false;
  SUBCASE("if it is heard soon") {
    another = true;
    world.air.late = moved;
    world.air.late_ms = 500;
  }
  SUBCASE("otherwise that one is tried again") {}
  for (int step = 0; step < 1'000 && !world.has_told(at_old) && !world.has_told(at_new); ++step) {
    world.pass(10);
  }
  CHECK(world.has_told(at_new) == another);
  CHECK(world.has_told(at_old) == !another);
}

TEST_CASE("who searches only to find its broker again does not listen for one on this machine") {
  World world({.searches = false});
  world.client.set_ways({{world.broker.endpoint}});
  world.open();
  world.broker.hang_up();
  world.broker.stop_listening();
  world.pass(20'000);
  CHECK(world.air.searches.empty());
}

TEST_CASE("who let go and cannot listen asks now and then") {
  World world;
  world.open();
  world.let_go(5);
  world.air.refusal = Error{Errc::not_found, "bluetoothd does not run"};
  world.pass(25'000);
  CHECK_FALSE(world.broker.accept());
  world.pass(10'000);
  CHECK(world.broker.accept());
}
