#include "sdk/host/settings.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sdk/host/declarations.h"
#include "sdk/host/library.h"

using namespace btb;
using namespace btb::host;

namespace {

btb_option make_option(btb_option_type type, const char* name, const char* standard = nullptr,
                       int64_t low = 0, int64_t high = 0) {
  return {sizeof(btb_option), type, 0, name, standard, nullptr, "Help", low, high};
}

const btb_source* create_none(const btb_host*, const btb_setting*, size_t) {
  return nullptr;
}

// A plugin with the given options that lives as long as the test.
struct FakePlugin {
  explicit FakePlugin(std::vector<btb_option> declared) : options(std::move(declared)) {
    for (const btb_option& option : options) pointers.push_back(&option);
    plugin = {sizeof(btb_plugin), BTB_ABI_MAJOR,   BTB_ABI_MINOR, "fake",       "1",    "For tests",
              pointers.data(),    pointers.size(), nullptr,       &create_none, nullptr};
  }
  std::vector<btb_option> options;
  std::vector<const btb_option*> pointers;
  btb_plugin plugin{};
};

WrittenOption written(const std::string& name, const std::string& value, Place place = {}) {
  WrittenOption option{name, place, *parse_written(value)};
  option.value.place = place;
  return option;
}

const btb_setting& setting(const Settings& settings, const std::string& name) {
  const auto view = settings.view();
  const auto found = std::find_if(view.begin(), view.end(),
                                  [&](const btb_setting& each) { return each.name == name; });
  REQUIRE(found != view.end());
  return *found;
}

std::string text_of(btb_bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

std::vector<SettingFault> faults_of(const btb_plugin& plugin, std::vector<WrittenOption> options) {
  std::vector<SettingFault> faults;
  const auto settings = Settings::make(plugin, options, faults);
  CHECK((settings == nullptr) == !faults.empty());
  return faults;
}

}  // namespace

TEST_CASE("every type of option is read as the ABI wants it") {
  btb_option mode = make_option(BTB_OPTION_CHOICE, "mode");
  mode.choices = "snapshot|append";
  FakePlugin fake({make_option(BTB_OPTION_TEXT, "path"), make_option(BTB_OPTION_FLAG, "header"),
                   make_option(BTB_OPTION_INTEGER, "skip"), make_option(BTB_OPTION_NUMBER, "ratio"),
                   make_option(BTB_OPTION_DURATION, "settle"), make_option(BTB_OPTION_SIZE, "row"),
                   mode, make_option(BTB_OPTION_LIST, "key"),
                   make_option(BTB_OPTION_MAP, "types")});
  std::vector<SettingFault> faults;
  const std::vector<WrittenOption> options{
      written("path", "a b"),    written("header", "no"),  written("skip", "-3"),
      written("ratio", "0.25"),  written("settle", "2s"),  written("row", "1KiB"),
      written("mode", "append"), written("key", "[a, b]"), written("types", "{n: [x, y], m: z}")};
  const auto settings = Settings::make(fake.plugin, options, faults);
  REQUIRE(settings != nullptr);
  CHECK(text_of(setting(*settings, "path").text) == "a b");
  CHECK(setting(*settings, "header").integer == 0);
  CHECK(setting(*settings, "skip").integer == -3);
  CHECK(setting(*settings, "ratio").number == 0.25);
  CHECK(setting(*settings, "settle").integer == 2000);
  CHECK(setting(*settings, "row").integer == 1024);
  CHECK(text_of(setting(*settings, "mode").text) == "append");
  const btb_setting key = setting(*settings, "key");
  REQUIRE(key.item_count == 2);
  CHECK(text_of(key.items[1]) == "b");
  const btb_setting types = setting(*settings, "types");
  REQUIRE(types.item_count == 6);
  CHECK(text_of(types.items[2]) == "n");
  CHECK(text_of(types.items[3]) == "y");
  CHECK(text_of(types.items[5]) == "z");
}

TEST_CASE("defaults fill in what was not written, and what has none is absent") {
  FakePlugin fake({make_option(BTB_OPTION_DURATION, "interval", "30s"),
                   make_option(BTB_OPTION_LIST, "key", "[a, b]"),
                   make_option(BTB_OPTION_TEXT, "path")});
  std::vector<SettingFault> faults;
  const auto settings = Settings::make(fake.plugin, {}, faults);
  REQUIRE(settings != nullptr);
  CHECK(settings->view().size() == 2);
  CHECK(setting(*settings, "interval").integer == 30'000);
  CHECK(setting(*settings, "key").item_count == 2);
}

TEST_CASE("one value stands for a list of one") {
  FakePlugin fake({make_option(BTB_OPTION_LIST, "key")});
  std::vector<SettingFault> faults;
  const std::vector<WrittenOption> options{written("key", "id")};
  const auto settings = Settings::make(fake.plugin, options, faults);
  REQUIRE(settings != nullptr);
  CHECK(setting(*settings, "key").item_count == 1);
}

TEST_CASE("an unknown option is reported where it stands, with the nearest one") {
  FakePlugin fake(
      {make_option(BTB_OPTION_TEXT, "path"), make_option(BTB_OPTION_TEXT, "delimiter")});
  const auto faults = faults_of(fake.plugin, {written("delimeter", ";", {7, 5})});
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].text.find("did you mean `delimiter`?") != std::string::npos);
  CHECK(faults[0].place.line == 7);
  CHECK(faults[0].place.column == 5);
}

TEST_CASE("all faults are found at once: wrong, missing, unknown, twice") {
  btb_option path = make_option(BTB_OPTION_TEXT, "path");
  path.flags = BTB_OPTION_REQUIRED;
  FakePlugin fake({path, make_option(BTB_OPTION_INTEGER, "port", nullptr, 1, 65535),
                   make_option(BTB_OPTION_FLAG, "header")});
  const auto faults = faults_of(fake.plugin, {written("port", "70000"), written("header", "maybe"),
                                              written("header", "yes"), written("nonsense", "1")});
  REQUIRE(faults.size() == 5);
  CHECK(faults[0].text.find("given twice") != std::string::npos);
  CHECK(faults[1].text.find("no option `nonsense`") != std::string::npos);
  CHECK(faults[2].text.find("required") != std::string::npos);
  CHECK(faults[3].text.find("outside of 1 to 65535") != std::string::npos);
  CHECK(faults[4].text.find("true or false") != std::string::npos);
}

TEST_CASE("wrong shapes and wrong scalars say what was expected and what was found") {
  btb_option mode = make_option(BTB_OPTION_CHOICE, "mode");
  mode.choices = "snapshot|append|delta";
  FakePlugin fake({make_option(BTB_OPTION_TEXT, "path"), make_option(BTB_OPTION_MAP, "types"),
                   make_option(BTB_OPTION_LIST, "key"), mode,
                   make_option(BTB_OPTION_NUMBER, "ratio")});
  const auto text = [&](const char* name, const char* value) {
    const auto faults = faults_of(fake.plugin, {written(name, value)});
    return faults.empty() ? std::string() : faults[0].text;
  };
  CHECK(text("path", "[a]") == "expected a text, found a list");
  CHECK(text("types", "x") == "expected a map, found `x`");
  CHECK(text("types", "{a: {b: c}}") == "expected a map, found a map inside of it");
  CHECK(text("key", "{a: b}") == "expected a list, found a map");
  CHECK(text("key", "[[a]]") == "expected a list, found a list inside of it");
  CHECK(text("mode", "snapshto") ==
        "expected one of snapshot, append, delta, found `snapshto`, which is none of them; did you "
        "mean `snapshot`?");
  for (const char* number : {"nan", "inf", "1e999", "0x10", "", "1,5", "1 "}) {
    CAPTURE(number);
    WrittenOption option{"ratio", {}, {}};
    option.value.scalar = number;
    CHECK(faults_of(fake.plugin, {option}).size() == 1);
  }
}

TEST_CASE("the value of a secret option is in no fault") {
  btb_option pin = make_option(BTB_OPTION_INTEGER, "pin");
  pin.flags = BTB_OPTION_SECRET;
  FakePlugin fake({pin});
  const auto faults = faults_of(fake.plugin, {written("pin", "hunter2")});
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].text.find("hunter2") == std::string::npos);
}

TEST_CASE(
    "the plugin's own validate is asked when nothing else is wrong, and its faults get a place") {
  FakePlugin fake({make_option(BTB_OPTION_TEXT, "path"), make_option(BTB_OPTION_INTEGER, "port")});
  fake.plugin.validate = [](const btb_setting*, size_t count, btb_report report, void* context) {
    if (count > 0) report(context, "path", "is not absolute");
    report(context, nullptr, "both or none");
  };
  const auto faults = faults_of(fake.plugin, {written("path", "x", {3, 9})});
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].option == "path");
  CHECK(faults[0].place.line == 3);
  CHECK(faults[1].option.empty());
  CHECK(faults_of(fake.plugin, {written("port", "x")}).size() == 1);
}

TEST_CASE(
    "the plugin's own validate is asked beside other faults, with defaults for wrong values") {
  FakePlugin fake({make_option(BTB_OPTION_TEXT, "topic"),
                   make_option(BTB_OPTION_FLAG, "header", "true"),
                   make_option(BTB_OPTION_INTEGER, "port")});
  fake.plugin.validate = [](const btb_setting* settings, size_t count, btb_report report,
                            void* context) {
    report(context, "topic", "is no topic");
    report(context, "port", "is needed");
    report(context, nullptr, "neither this nor that");
    if (count != 2 || settings[1].integer != 1) report(context, "topic", "not the default");
  };
  const auto faults =
      faults_of(fake.plugin, {written("topic", "x"), written("header", "perhaps", {4, 2}),
                              written("port", "x"), written("nonsense", "1")});
  REQUIRE(faults.size() == 4);
  CHECK(faults[0].option == "nonsense");
  CHECK(faults[1].option == "header");
  CHECK(faults[2].option == "port");
  CHECK(faults[3].text == "is no topic");
}

TEST_CASE("the plugin's own validate is not asked without what the plugin requires") {
  btb_option path = make_option(BTB_OPTION_TEXT, "path");
  path.flags = BTB_OPTION_REQUIRED;
  FakePlugin fake({path});
  fake.plugin.validate = [](const btb_setting*, size_t, btb_report report, void* context) {
    report(context, nullptr, "was asked");
  };
  const auto faults = faults_of(fake.plugin, {});
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].text == "required, and missing (a text): Help");
  CHECK(faults_of(fake.plugin, {written("path", "[a]")}).size() == 1);
  CHECK(faults_of(fake.plugin, {written("path", "a")}).at(0).text == "was asked");
}

TEST_CASE("a plugin that throws from validate is a fault in its settings") {
  const auto library = PluginLibrary::load(std::string(BTB_FIXTURES) + "/throws_in_validate.so");
  REQUIRE(library.ok());
  const auto faults = faults_of((*library)->plugin(), {});
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].option.empty());
  CHECK(faults[0].text ==
        "plugin throws_in_validate: an exception escaped from validate: the catalogue is empty");
}

TEST_CASE("what a plugin throws from its options is a fault in its settings") {
  const auto library = PluginLibrary::load(std::string(BTB_FIXTURES) + "/throws_in_options.so");
  REQUIRE(library.ok());
  const auto faults = faults_of((*library)->plugin(), {});
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].text == "the list of options is not there");
}

TEST_CASE("a declaration that contradicts itself is found when the plugin is loaded") {
  const auto fault = [](btb_option option) { return plugin_fault(FakePlugin({option}).plugin); };
  CHECK(fault(make_option(BTB_OPTION_TEXT, "path")).empty());
  CHECK(fault(make_option(BTB_OPTION_LIST, "key", "[a, b]")).empty());
  CHECK_FALSE(fault(make_option(BTB_OPTION_LIST, "key", "[a, b")).empty());
  CHECK_FALSE(fault(make_option(BTB_OPTION_INTEGER, "port", "0", 1, 9)).empty());
  CHECK_FALSE(fault(make_option(BTB_OPTION_DURATION, "wait", "5")).empty());
  CHECK_FALSE(fault(make_option(BTB_OPTION_INTEGER, "port", nullptr, 9, 1)).empty());
  CHECK_FALSE(fault(make_option(BTB_OPTION_CHOICE, "mode")).empty());
  CHECK_FALSE(fault(make_option(77, "mode")).empty());
  CHECK_FALSE(fault(make_option(BTB_OPTION_TEXT, nullptr)).empty());
  CHECK_FALSE(fault(make_option(BTB_OPTION_TEXT, "Has Spaces")).empty());
  btb_option both = make_option(BTB_OPTION_TEXT, "path", "x");
  both.flags = BTB_OPTION_REQUIRED;
  CHECK_FALSE(fault(both).empty());
  btb_option silent = make_option(BTB_OPTION_TEXT, "path");
  silent.help = nullptr;
  CHECK_FALSE(fault(silent).empty());
  FakePlugin twice({make_option(BTB_OPTION_TEXT, "path"), make_option(BTB_OPTION_TEXT, "path")});
  CHECK(plugin_fault(twice.plugin).find("twice") != std::string::npos);
}

TEST_CASE("a value larger than any value should be is a fault, not a cost") {
  FakePlugin fake({make_option(BTB_OPTION_TEXT, "path"), make_option(BTB_OPTION_LIST, "key")});
  WrittenOption text{"path", {}, {}};
  text.value.scalar = std::string(option_text_bytes_max + 1, 'x');
  const auto faults = faults_of(fake.plugin, {text});
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].text.size() < 200);
  WrittenOption list{"key", {}, {}};
  list.value.shape = WrittenValue::Shape::list;
  list.value.items.resize(option_items_max + 1);
  CHECK(faults_of(fake.plugin, {list}).size() == 1);
}

TEST_CASE(
    "a relative path begins at the folder of the configuration, and an absolute one does not") {
  FakePlugin fake({make_option(BTB_OPTION_PATH, "file"), make_option(BTB_OPTION_PATH, "other"),
                   make_option(BTB_OPTION_PATH, "none"), make_option(BTB_OPTION_TEXT, "text")});
  const std::vector<WrittenOption> options{written("file", "in/*.csv"), written("other", "/srv/x"),
                                           written("none", "''"), written("text", "in")};
  std::vector<SettingFault> faults;
  const auto settings = Settings::make(fake.plugin, options, faults, "/etc/btbroker");
  REQUIRE(settings != nullptr);
  CHECK(text_of(setting(*settings, "file").text) == "/etc/btbroker/in/*.csv");
  CHECK(text_of(setting(*settings, "other").text) == "/srv/x");
  CHECK(text_of(setting(*settings, "none").text).empty());
  CHECK(text_of(setting(*settings, "text").text) == "in");
}

namespace {

void examine_all(const btb_setting*, size_t count, btb_report report, void* context) {
  CHECK(count == 1);
  report(context, "file", "there is no such file; it may come later");
}

const void* examining(const char* id) {
  static const btb_plugin_examine extension{sizeof(btb_plugin_examine), &examine_all};
  return std::string(id) == BTB_EXTENSION_EXAMINE ? &extension : nullptr;
}

const void* throwing(const char*) {
  throw 7;
}

}  // namespace

TEST_CASE(
    "a plugin that can look at what its settings point to is asked, and its words get a place") {
  FakePlugin fake({make_option(BTB_OPTION_PATH, "file")});
  fake.plugin.get_extension = &examining;
  const std::vector<WrittenOption> options{written("file", "x.csv", {7, 3})};
  std::vector<SettingFault> faults;
  const auto settings = Settings::make(fake.plugin, options, faults);
  REQUIRE(settings != nullptr);
  const auto warnings = examine(fake.plugin, *settings, options);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].option == "file");
  CHECK(warnings[0].place.line == 7);

  fake.plugin.size = sizeof(btb_plugin) - sizeof fake.plugin.get_extension;  // one of ABI 1.0
  CHECK(examine(fake.plugin, *settings, options).empty());
  fake.plugin.size = sizeof(btb_plugin);
  fake.plugin.get_extension = &throwing;
  CHECK(examine(fake.plugin, *settings, options).empty());
  fake.plugin.get_extension = nullptr;
  CHECK(examine(fake.plugin, *settings, options).empty());
}
