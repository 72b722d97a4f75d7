#include "sdk/host/library.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace btb;
using namespace btb::host;

namespace {

std::string fixture(const std::string& name) {
  return std::string(BTB_FIXTURES) + "/" + name + ".so";
}

std::string load_error(const std::string& path) {
  const auto library = PluginLibrary::load(path);
  return library ? std::string() : library.error().text;
}

bool says(const std::string& text, const std::string& part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a plugin in plain C is loaded and describes itself") {
  const auto library = PluginLibrary::load(fixture("counter"));
  REQUIRE(library.ok());
  const btb_plugin& plugin = (*library)->plugin();
  CHECK(std::string(plugin.name) == "counter");
  CHECK(plugin.option_count == 3);
  CHECK(PluginLibrary::is_loaded(fixture("counter")));
}

TEST_CASE("what is not a plugin is refused with words a person understands") {
  CHECK(says(load_error(fixture("nowhere")), "no such file"));
  CHECK(says(load_error("/tmp"), "is not a file"));
  CHECK(says(load_error(fixture("not_a_plugin")), "does not export btb_plugin_entry"));
  CHECK(says(load_error(fixture("null_entry")), "does not speak plugin ABI 1"));
  CHECK(says(load_error(fixture("wrong_abi")), "speaks plugin ABI 2, this broker speaks 1"));
  CHECK(says(load_error(fixture("small_struct")), "has 16 bytes"));
  CHECK(says(load_error(fixture("bad_declaration")), "option `port` has a default"));
  CHECK(says(load_error(fixture("throws_in_entry")),
             "an exception escaped from btb_plugin_entry: the licence has ended"));
}

TEST_CASE("a text file and a torn library are refused, not loaded") {
  const std::string directory =
      std::filesystem::temp_directory_path() / ("btb_library_test_" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/text.so") << "hello, I am not a library";
  std::ofstream(directory + "/empty.so").flush();
  std::ofstream(directory + "/torn.so") << "\177ELF" << std::string(100, '\1');
  CHECK(says(load_error(directory + "/text.so"), "is not a shared object"));
  CHECK(says(load_error(directory + "/empty.so"), "is not a shared object"));
  CHECK(says(load_error(directory + "/torn.so"), "cannot be loaded"));
  std::filesystem::remove_all(directory);
}

TEST_CASE("a plugin is found by name along the path, and by path") {
  const std::vector<std::string> directories{"/nonexistent", BTB_FIXTURES};
  CHECK(*find_plugin("counter", directories) == fixture("counter"));
  CHECK(*find_plugin(fixture("counter"), {}) == fixture("counter"));
  CHECK_FALSE(find_plugin("./counter", directories).ok());
  CHECK_FALSE(find_plugin("", directories).ok());
}

TEST_CASE(
    "a plugin that is not found: where it was looked for, what is there, and what was meant") {
  const std::vector<std::string> directories{"/nonexistent", BTB_FIXTURES};
  const auto missing = find_plugin("conter", directories);
  REQUIRE_FALSE(missing.ok());
  CHECK(says(missing.error().text, "/nonexistent"));
  CHECK(says(missing.error().text, "floods"));
  CHECK(says(missing.error().text, "did you mean `counter`?"));
  CHECK(says(find_plugin("counter.so", directories).error().text, "did you mean `counter`?"));
  CHECK(says(find_plugin("csv", {"/nonexistent"}).error().text, "no plugins there"));
}
