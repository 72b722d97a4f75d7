#include "sdk/client/last_broker.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sdk/transport/endpoint.h"

using namespace btb;
using namespace btb::client;
namespace fs = std::filesystem;

namespace {

struct Scratch {
  fs::path path = fs::temp_directory_path() / ("last_broker_" + std::to_string(::getpid()));
  ~Scratch() { fs::remove_all(path); }
};

void write(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
}

}  // namespace

TEST_CASE("what is written is read again, and is nobody else's to read") {
  const Scratch scratch;
  const std::string file = scratch.path / "deep" / "last_broker";
  LastBroker broker;
  broker.endpoint = *parse_endpoint("le:02:BB:00:00:00:00/128/random");
  broker.name = "ward\n3";
  broker.site = 65'535;
  broker.seen_us = 1'795'348'800'000'000;
  REQUIRE(write_last_broker(file, broker).ok());
  broker.name = "ward 3";  // one line
  CHECK(read_last_broker(file) == broker);
  CHECK((fs::status(file).permissions() & fs::perms::others_all) == fs::perms::none);
  CHECK((fs::status(file).permissions() & fs::perms::group_all) == fs::perms::none);
  CHECK(std::distance(fs::directory_iterator(fs::path(file).parent_path()), {}) == 1);
}

TEST_CASE("a file that was not written here is no memory") {
  const Scratch scratch;
  fs::create_directories(scratch.path);
  const std::string file = scratch.path / "last_broker";
  CHECK_FALSE(read_last_broker(file));
  for (const char* text : {"", "l2cap:02:BB:00:00:00:00/4097\nward\n", "nonsense\nward\n1\n2\n",
                           "l2cap:02:BB:00:00:00:00/4097\nward\n99999\n2\n",
                           "l2cap:02:BB:00:00:00:00/4097\nward\n1\nnow\n"}) {
    CAPTURE(text);
    write(file, text);
    CHECK_FALSE(read_last_broker(file));
  }
}

TEST_CASE("a memory that cannot be kept is an error, and leaves nothing behind") {
  const Scratch scratch;
  fs::create_directories(scratch.path / "last_broker");  // a folder is where the file should be
  const LastBroker broker{*parse_endpoint("l2cap:02:BB:00:00:00:00/4097"), "a", 1, 1};
  CHECK_FALSE(write_last_broker(scratch.path / "last_broker", broker).ok());
  CHECK(std::distance(fs::directory_iterator(scratch.path), {}) == 1);
}

TEST_CASE("it lies where the user's state lies") {
  ::setenv("XDG_STATE_HOME", "/state", 1);
  CHECK(last_broker_file() == "/state/btbroker/last_broker");
  ::unsetenv("XDG_STATE_HOME");
  ::setenv("HOME", "/users/a", 1);
  CHECK(last_broker_file() == "/users/a/.local/state/btbroker/last_broker");
}
