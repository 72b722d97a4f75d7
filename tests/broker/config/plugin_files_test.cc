#include "broker/config/plugin_files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "broker/config/compare_config.h"
#include "broker/config/read_config.h"

using namespace btb;
namespace fs = std::filesystem;

namespace {

const std::string counter = BTB_FIXTURES "/counter.so";
const std::string latin1 = BTB_LATIN1;

// A directory of plugins, gone with the object.
class Directory {
 public:
  Directory() {
    std::string name = fs::temp_directory_path() / "btb_plugin_files_XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Directory() {
    std::error_code error;
    fs::remove_all(path, error);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return path + "/" + name; }
  // As an installer does it: a new file takes the place of the old one.
  void put(const std::string& name, const std::string& from) const {
    fs::copy_file(from, file("incoming"), fs::copy_options::overwrite_existing);
    fs::rename(file("incoming"), file(name));
  }
  // The same file with another time of change, as if it had been written over.
  void touch(const std::string& name) const {
    const timespec long_ago{1'000'000'000, 0};
    const std::array<timespec, 2> times{long_ago, long_ago};
    REQUIRE(::utimensat(AT_FDCWD, file(name).c_str(), times.data(), 0) == 0);
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(file("incoming")) << text;
    fs::rename(file("incoming"), file(name));
  }

  std::string path;
};

std::string name_of(const std::shared_ptr<const host::PluginLibrary>& library) {
  return library->plugin().name;
}

std::unique_ptr<Config> read(const Directory& directory, std::vector<ConfigFault>& faults,
                             const Config* before = nullptr) {
  return read_config(directory.file("broker.yaml"), "/opt/btbroker/bin", faults,
                     before == nullptr ? nullptr : before->plugin_files);
}

std::unique_ptr<Config> read_good(const Directory& directory, const Config* before = nullptr) {
  std::vector<ConfigFault> faults;
  auto config = read(directory, faults, before);
  for (const ConfigFault& fault : faults) FAIL(to_string(fault));
  return config;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a plugin that was replaced on disk is loaded beside the old one") {
  const Directory directory;
  directory.put("a.so", counter);
  PluginFiles files;
  const auto first = files.load(directory.file("a.so"));
  REQUIRE(first.ok());
  CHECK(name_of(first->library) == "counter");

  directory.put("a.so", latin1);
  const auto second = files.load(directory.file("a.so"));
  REQUIRE(second.ok());
  CHECK(name_of(second->library) == "latin1");
  CHECK(second->replaced == first->replaced + 1);
  CHECK(name_of(first->library) == "counter");

  const auto again = files.load(directory.file("a.so"));
  REQUIRE(again.ok());
  CHECK(&again->library->plugin() == &second->library->plugin());
  CHECK(again->replaced == second->replaced);

  directory.put("a.so", counter);
  const auto third = files.load(directory.file("a.so"));
  REQUIRE(third.ok());
  CHECK(name_of(third->library) == "counter");
  CHECK(third->replaced == second->replaced + 1);
}

TEST_CASE("a plugin that was written over keeps its code while it is in use, and that is counted") {
  const Directory directory;
  directory.put("a.so", counter);
  PluginFiles files;
  const auto first = files.load(directory.file("a.so"));
  REQUIRE(first.ok());
  directory.touch("a.so");
  const auto second = files.load(directory.file("a.so"));
  REQUIRE(second.ok());
  CHECK(second->replaced == first->replaced);
  CHECK(second->written_over == first->written_over + 1);
}

TEST_CASE("a reload starts the sources of a replaced plugin anew, with its code, and no others") {
  const Directory directory;
  directory.put("a.so", counter);
  directory.put("b.so", counter);
  directory.write("broker.yaml",
                  "listen: [unix:a.sock]\n"
                  "sources:\n"
                  "  - {name: one, plugin: ./a.so}\n"
                  "  - {name: two, plugin: ./a.so}\n"
                  "  - {name: other, plugin: ./b.so}\n");
  const auto before = read_good(directory);
  const auto same = read_good(directory, before.get());
  CHECK(compare(*before, *same).applied.empty());

  directory.put("a.so", latin1);
  const auto after = read_good(directory, before.get());
  const ConfigChanges changes = compare(*before, *after);
  CHECK(changes.sources_changed == Lines{"one", "two"});
  const std::string why = ": plugin " + after->sources[0].plugin_file + " was replaced on disk";
  CHECK(changes.applied ==
        Lines{"source one" + why + ", restarts", "source two" + why + ", restarts"});
  CHECK(changes.needs_restart.empty());
  CHECK(name_of(after->sources[0].library) == "latin1");
  CHECK(name_of(after->sources[1].library) == "latin1");
  CHECK(name_of(after->sources[2].library) == "counter");
  CHECK(compare(*after, *read_good(directory, after.get())).applied.empty());
}

TEST_CASE("a replacement that is no plugin is a fault, and the next good one is taken") {
  const Directory directory;
  directory.put("a.so", counter);
  directory.write("broker.yaml", "listen: [unix:a.sock]\nsources: [{name: one, plugin: ./a.so}]\n");
  const auto before = read_good(directory);
  directory.write("a.so", "half a download");
  std::vector<ConfigFault> faults;
  CHECK(read(directory, faults, before.get()) == nullptr);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].text.find("is not a shared object") != std::string::npos);
  CHECK(name_of(before->sources[0].library) == "counter");

  directory.put("a.so", latin1);
  const auto after = read_good(directory, before.get());
  CHECK(compare(*before, *after).sources_changed == Lines{"one"});
  CHECK(name_of(after->sources[0].library) == "latin1");
}

TEST_CASE("a reload says that a plugin that was written over needs a restart of the broker") {
  const Directory directory;
  directory.put("a.so", counter);
  directory.write("broker.yaml", "listen: [unix:a.sock]\nsources: [{name: one, plugin: ./a.so}]\n");
  const auto before = read_good(directory);
  directory.touch("a.so");
  const auto after = read_good(directory, before.get());
  const ConfigChanges changes = compare(*before, *after);
  CHECK(changes.sources_changed.empty());
  REQUIRE(changes.needs_restart.size() == 1);
  CHECK(changes.needs_restart[0].find("a.so was written over") != std::string::npos);
}
