// What a configuration says when something is wrong with it: where, what was expected, what was
// perhaps meant.
#include "tests/broker/config/config_support.h"

using namespace btb;
using namespace btb::test;

namespace {

// The text has exactly these faults, as "LINE:COLUMN: TEXT"; of the text, the beginning is enough.
void check_faults(const std::string& text, const std::vector<std::string>& expected) {
  const ReadConfig read = read_text(text);
  std::vector<std::string> found;
  for (const ConfigFault& fault : read.faults) found.push_back(to_string(fault));
  CAPTURE(text);
  CAPTURE(found);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string want =
        expected[i].starts_with(":") ? "test.yaml" + expected[i] : "test.yaml:" + expected[i];
    CHECK(found[i].substr(0, want.size()) == want);
  }
}

// The same, for a text behind a good `listen` in line 1.
void check_rest(const std::string& text, const std::vector<std::string>& expected) {
  check_faults("listen: [unix:a.sock]\n" + text, expected);
}

}  // namespace

TEST_CASE("a fault is printed with file, line and column, so that editors jump to it") {
  CHECK(to_string(ConfigFault{"a.yaml", 3, 7, "wrong"}) == "a.yaml:3:7: wrong");
  CHECK(to_string(ConfigFault{"a.yaml", 0, 0, "wrong"}) == "a.yaml: wrong");
}

TEST_CASE("all faults are found at once, in the order of the file") {
  check_faults(
      R"(broker:
  log_level: verbose
listen:
  - endpoint: unix:a.sock
    mode: "0999"
limits:
  sessions: many
  keep_alive: 60
topic: []
)",
      {"2:14: expected one of debug, info, warning, error, found `verbose`",
       "5:11: expected permissions in octal, like 0660, found `0999`",
       "7:13: expected a number from 1 to 1000000, found `many`",
       "8:15: expected a duration from 1s to 1d, found `60`, which has no unit: 60s, or 60ms?",
       "9:1: unknown key `topic` in the file; did you mean `topics`?"});
}

TEST_CASE("an unknown key comes with the one that was perhaps meant, or with all there are") {
  check_rest("limits: {sesions: 5}\n",
             {"2:10: unknown key `sesions` in `limits`; did you mean `sessions`?"});
  check_rest("broker: {colour: red}\n",
             {"2:10: unknown key `colour` in `broker`; there are name, log_level, log_format, "
              "plugin_path, sys_interval"});
}

TEST_CASE("an option that stands beside `options:` is told where it belongs") {
  check_rest("sources:\n  - name: a\n    plugin: counter\n    topic: x\n",
             {"5:5: `topic` is an option of plugin counter: write it below `options:`"});
}

TEST_CASE("permissions that became a decimal number are told as what they were") {
  for (const char* mode : {"432", "438", "384", "511"}) {
    CAPTURE(mode);
    const ReadConfig read =
        read_text("listen: [{endpoint: 'unix:a.sock', mode: " + std::string(mode) + "}]\n");
    REQUIRE(read.faults.size() == 1);
    CHECK(read.faults[0].text.find("as a decimal number: write \"0") != std::string::npos);
  }
  CHECK(good("listen: [{endpoint: 'unix:a.sock', mode: 660}]\n")->listen[0].mode == 0660);
  CHECK(good("listen: [{endpoint: 'unix:a.sock', mode: 0440}]\n")->listen[0].mode == 0440);
}

TEST_CASE("an endpoint in the form of other programs is told as one of ours") {
  check_faults("listen: ['tcp://0.0.0.0:4712']\n",
               {"1:10: endpoint \"tcp://0.0.0.0:4712\": expected unix:/path, unix:@name, "
                "tcp:HOST:PORT, l2cap:ADDR/PSM, le:ADDR/PSM or rfcomm:ADDR/CHANNEL; did you mean "
                "tcp:0.0.0.0:4712?"});
}

TEST_CASE("commands that anybody may send are a warning with its place, and no fault") {
  const auto warnings = [](const std::string& listener) {
    return good("listen: [" + listener + "]\n")->warnings;
  };
  for (const char* endpoint : {"tcp:127.0.0.1:4712", "le:*/128", "unix:@name"}) {
    CAPTURE(endpoint);
    const auto told = warnings("{endpoint: '" + std::string(endpoint) + "', admin: anyone}");
    REQUIRE(told.size() == 1);
    CHECK(to_string(told[0]).starts_with("test.yaml:1:10: `admin: anyone` at "));
  }
  CHECK(warnings("{endpoint: 'unix:a.sock', admin: anyone, mode: '0666'}").size() == 1);
  CHECK(warnings("{endpoint: 'unix:a.sock', admin: anyone}").empty());
  CHECK(warnings("'tcp:127.0.0.1:4712'").empty());
}

TEST_CASE("a key that is there twice is a fault, in every section and in options") {
  check_rest("limits:\n  sessions: 5\n  sessions: 6\n",
             {"4:3: `sessions` is here twice, first in line 3"});
  check_rest("listen: [unix:b.sock]\n", {"2:1: `listen` is here twice, first in line 1"});
  check_rest("sources: [{name: a, plugin: counter, options: {topic: x, topic: y}}]\n",
             {"2:58: `topic` is here twice, first in line 2"});
}

TEST_CASE("a tab in the indentation is called a tab") {
  check_faults("listen:\n\t- unix:a.sock\n", {"2:1: a tab in the indentation"});
  check_faults("broker:\n\tname: x\n", {"2:1: a tab in the indentation"});
  check_faults("broker:\n  name: x\n\tfoo: y\n", {"3:1: a tab in the indentation"});
}

TEST_CASE("what is not YAML is said where it ends to be") {
  check_faults("listen: [unix:a.sock\n", {"2:1: not YAML: "});
  check_faults("a: b: c\n", {"1:5: not YAML: a `:` where none can stand"});
  check_faults("listen: *nobody\n", {"1:9: not YAML: "});
  check_faults("listen: \"a\\q\"\n", {"1:1"});
  check_faults("listen:\n  - unix:a.sock\n- b\n", {"3:1"});
}

TEST_CASE("bytes that are no text are refused before YAML sees them") {
  check_faults("listen: x\n# \xff\n", {"2:1: this line is not UTF-8"});
  check_faults(std::string("a: b\nc: \0d\n", 11), {"2:4: a zero byte"});
  check_faults(std::string((1U << 20) + 1, ' '), {": larger than 1MiB"});
}

TEST_CASE("a file with nothing in it misses listen, and says how it looks") {
  check_faults("", {": `listen` is missing: at least one endpoint, like unix:btbroker.sock"});
  check_faults("# nothing\n", {": `listen` is missing"});
  check_faults("listen: []\n", {"1:9: `listen` is empty"});
  check_faults("just text\n",
               {"1:1: expected a map of keys under the file itself, found `just text`"});
  check_faults("listen: [unix:a.sock]\n---\nlisten: []\n", {"3:1: a second document"});
}

TEST_CASE("wrong shapes are named") {
  check_faults("listen: unix:a.sock\n", {"1:9: expected a list"});
  check_rest("broker: []\n", {"2:9: expected a map of keys under `broker`, found a list"});
  check_rest("limits: {sessions: [1]}\n",
             {"2:20: expected a number from 1 to 1000000, found a list"});
  check_rest("limits:\n  sessions:\n", {"3:3: expected a number from 1 to 1000000, found nothing"});
  check_rest("topics: {a: b}\n", {"2:9: expected a list"});
  check_rest("topics: [a]\n", {"2:10: expected a rule with its keys, found `a`"});
  check_rest("sources: [a]\n", {"2:11: expected a source with its keys, found `a`"});
  check_rest("? [a, b]\n: c\n", {"2:3: a key must be a single word"});
  check_rest("limits: !mine {}\n", {"2:9: the tag !mine means nothing here"});
}

TEST_CASE("values out of their range say the range") {
  check_rest("limits: {sessions: 0}\n", {"2:20: expected a number from 1 to 1000000, found `0`"});
  check_rest("limits: {sessions: -1}\n", {"2:20: expected a number from 1 to 1000000, found `-1`"});
  check_rest("limits: {sessions: 99999999999999999999}\n", {"2:20: expected a number"});
  check_rest("limits: {message_bytes: 2GiB}\n",
             {"2:25: expected a size from 1KiB to 1GiB, found `2GiB`"});
  check_rest("limits: {message_bytes: 1M}\n",
             {"2:25: expected a size from 1KiB to 1GiB, found `1M`, which is not of the form"});
  check_rest("broker: {name: " + std::string(65, 'x') + "}\n",
             {"2:16: a text of 65 bytes; at most 64"});
}

TEST_CASE("listeners: what is no endpoint, comes twice, or has no permissions") {
  check_faults("listen: [nonsense]\n", {"1:10: endpoint \"nonsense\""});
  check_faults("listen: [unix:a.sock, unix:./a.sock]\n",
               {"1:23: the endpoint unix:/etc/btbroker/a.sock is here twice, first in line 1"});
  check_faults("listen: [tcp:localhost, tcp:localhost:4712]\n", {"1:25: the endpoint"});
  check_faults("listen: [{mode: '0600'}]\n", {"1:10: this item of `listen` has no `endpoint`"});
  check_faults("listen: [{endpoint: tcp:*, mode: '0600'}]\n", {"1:34: `mode` is for sockets"});
  check_faults(
      "listen: [{endpoint: unix:a, admin: owners}]\n",
      {"1:36: expected one of owner, anyone, nobody, found `owners`; did you mean `owner`?"});
  check_faults("listen: [unix:" + std::string(200, 'x') + "]\n", {"1:10: endpoint"});
}

TEST_CASE("sources: names, plugins and options are checked, with the place of each fault") {
  check_rest("sources: [{plugin: counter}]\n", {"2:11: this source has no `name`"});
  check_rest("sources: [{name: a}]\n", {"2:11: this source has no `plugin`"});
  check_rest("sources: [{name: a/b, plugin: counter}]\n", {"2:18: expected a name of 1 to 64"});
  check_rest("sources: [{name: a, plugin: counter}, {name: a, plugin: counter}]\n",
             {"2:46: the source a is here twice, first in line 2"});
  check_rest("sources: [{name: a, plugin: conter}]\n", {"2:29: there is no plugin `conter` in"});
  check_rest("sources: [{name: a, plugin: wrong_abi}]\n",
             {"2:29: " + std::string(BTB_FIXTURES) + "/wrong_abi.so: speaks plugin ABI 2"});
  check_rest(
      "sources:\n  - name: a\n    plugin: counter\n    options:\n      interval: soon\n      "
      "tpoic: x\n",
      {"6:17: `interval`: expected a duration, found `soon`",
       "7:7: plugin counter has no option `tpoic`; did you mean `topic`?"});
  check_rest("sources:\n  - name: a\n    plugin: space\n",
             {"3:5: `directories`: required, and missing (a list): The directories to look at"});
}

TEST_CASE("topics: filters, kinds and what belongs to which kind") {
  check_rest("topics: [{kind: state}]\n", {"2:10: this rule has no `filter`"});
  check_rest("topics: [{filter: a/#/b}]\n", {"2:19: `a/#/b` is no filter: "});
  check_rest("topics: [{filter: a, overflow: skip_dead}]\n",
             {"2:32: `overflow: skip_dead` is for state"});
  check_rest("topics: [{filter: a, overflow: disconnect, kind: state}]\n",
             {"2:32: `overflow: disconnect` is for events"});
  check_rest("topics: [{filter: a, keep: {keys: 5}}]\n",
             {"2:35: `keep: keys` is for state topics"});
  check_rest("topics: [{filter: a, kind: state, keep: {count: 5}}]\n",
             {"2:49: `keep: count` is for events topics"});
  check_rest("topics: [{filter: a, keep: {bytes: 0}}]\n",
             {"2:36: expected a size from 1 to 64GiB"});
  check_rest("topics: [{filter: a, kind: stat}]\n",
             {"2:28: expected one of events, state, found `stat`; did you mean `state`?"});
}

TEST_CASE("a rule that an earlier one hides is a fault; one that it does not is none") {
  check_rest("topics: [{filter: a/+}, {filter: a/+}]\n",
             {"2:34: this rule is never used: `a/+` in line 2 comes first"});
  check_rest("topics: [{filter: a/#}, {filter: a}]\n", {"2:34: this rule is never used"});
  check_rest("topics: [{filter: '#'}, {filter: a/+/b}]\n", {"2:34: this rule is never used"});
  check_rest("topics: [{filter: +/b}, {filter: a/b}]\n", {"2:34: this rule is never used"});
  check_rest(
      "topics: [{filter: a/b}, {filter: +/b}, {filter: a/+}, {filter: a/#}, {filter: '#'}]\n", {});
  check_rest("topics: [{filter: '#'}, {filter: $SYS/#}, {filter: $dead/+}]\n", {});
  check_rest("topics: [{filter: +/+}, {filter: +/#}, {filter: a/b/c}]\n",
             {"2:49: this rule is never used"});
}

TEST_CASE("what is expanded must be there") {
  check_rest("broker: {name: '${env:NOWHERE}'}\n",
             {"2:16: the environment variable NOWHERE is not set"});
  check_rest("broker: {name: '${confg_dir}'}\n", {"2:16: ${confg_dir} is unknown; there are"});
  check_rest("broker: {name: '${env:X'}\n", {"2:16: `${` without a `}`"});
}

TEST_CASE("aliases that multiply, and depth, end at a bound") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  const ReadConfig read = read_text(bomb);
  REQUIRE(read.faults.size() == 1);
  CHECK(read.faults[0].text.find("more than 100000 values") != std::string::npos);
  CHECK(read_text("a: " + std::string(5'000, '[')).faults.back().text.find("nested deeper") !=
        std::string::npos);
  check_faults("a: " + std::string(20, '[') + std::string(20, ']'),
               {"1:19: nested deeper than 16 levels"});
  check_faults("a: &x [*x]\n", {"1:8: "});
  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 30; ++i) {
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
             "]\n";
  }
  CHECK(read_text(chain).faults.back().text.find("nested deeper") != std::string::npos);
}

TEST_CASE("after a hundred faults the rest are only counted") {
  std::string text = "limits:\n";
  for (int i = 0; i < 150; ++i) text += "  x" + std::to_string(i) + ": 1\n";
  const ReadConfig read = read_text("listen: [unix:a.sock]\n" + text);
  CHECK(read.faults.size() == 101);
  CHECK(read.faults.back().text == "and 50 more faults");
}

TEST_CASE("what stands for nothing in YAML is no option of a plugin") {
  check_rest(
      "sources:\n  - {name: a, plugin: x, options: {null_values: [\"\", NULL], path: ~, m: {k: "
      "}}}\n",
      {"3:23: ", "3:54: no value here", "3:61: no value here", "3:74: no value here"});
}

TEST_CASE("an endpoint that cannot be one is a fault, not a surprise at the start") {
  check_faults("listen: [\"rfcomm:hci0/31\"]\n",
               {"1:10: endpoint \"rfcomm:hci0/31\": a channel is a number from 1 to 30"});
}

TEST_CASE("brackets that are not closed, and variables without quotes, are told as such") {
  check_faults("listen: [\"unix:x.sock]\n", {"2:1: not YAML: a [ or { that is not closed"});
  check_rest("broker: {name: ${env:X}}\n", {"2:17: not YAML: ${...} has to be quoted"});
}
