#include "sdk/client/local_brokers.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "sdk/transport/socket.h"

using namespace btb;
using namespace btb::client;
namespace fs = std::filesystem;

namespace {

struct Scratch {
  Scratch() {
    std::string pattern = fs::temp_directory_path() / "btb_local_XXXXXX";
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
    unsetenv("BTB_BROKER");
  }
  ~Scratch() {
    fs::remove_all(path);
    unsetenv("BTB_BROKER");
  }
  [[nodiscard]] Endpoint at(const std::string& name) const {
    return {Endpoint::Scheme::unix_socket, (path / name).string(), 0};
  }
  fs::path path;
};

}  // namespace

TEST_CASE("the first living socket of the first directory is the broker") {
  const Scratch scratch;
  { (void)listen_on(scratch.at("a-dead.sock"), {}).ok(); }
  const auto b = listen_on(scratch.at("b.sock"), {});
  const auto c = listen_on(scratch.at("c.sock"), {});
  std::ofstream(scratch.path / "0.sock") << "a file";
  const auto found = find_broker({"/nowhere", scratch.path.string()});
  REQUIRE(found.ok());
  CHECK(*found == scratch.at("b.sock"));
}

TEST_CASE("BTB_BROKER goes before everything, and a wrong one is said to be wrong") {
  const Scratch scratch;
  setenv("BTB_BROKER", "tcp:localhost:99", 1);
  CHECK(to_string(*find_broker({scratch.path.string()})) == "tcp:localhost:99");
  setenv("BTB_BROKER", "nonsense", 1);
  CHECK(find_broker({}).error().text.starts_with("$BTB_BROKER: endpoint \"nonsense\""));
}

TEST_CASE("no broker is an error that says where was looked") {
  const Scratch scratch;
  const auto found = find_broker({scratch.path.string()});
  REQUIRE(!found.ok());
  CHECK(found.error().code == Errc::not_found);
  CHECK(found.error().text.find(scratch.path.string() + "/*.sock") != std::string::npos);
}

TEST_CASE("the places are those of the user, then those of the system") {
  setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
  CHECK(local_broker_directories() ==
        std::vector<std::string>{"/run/user/7/btbroker", "/run/btbroker"});
  unsetenv("XDG_RUNTIME_DIR");
  CHECK(local_broker_directories() == std::vector<std::string>{"/run/btbroker"});
}
