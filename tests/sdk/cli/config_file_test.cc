#include "sdk/cli/config_file.h"

#include <doctest/doctest.h>

#include <sstream>

using namespace btb::cli;

namespace {

// The items as "name=a,b;".
std::string read(const std::string& text) {
  CLI::App app("test", "btsub");
  std::string value;
  std::vector<std::string> values;
  bool flag = false;
  app.add_option("--broker", value);
  app.add_option("--format", value);
  app.add_option("--exclude", values);
  app.add_flag("--quiet", flag);
  const ConfigFile file("btsub", app);
  std::istringstream input(text);
  try {
    std::string out;
    for (const auto& item : file.from_config(input)) {
      out += item.name + "=";
      for (size_t i = 0; i < item.inputs.size(); ++i) out += (i == 0 ? "" : ",") + item.inputs[i];
      out += ";";
    }
    return out;
  } catch (const CLI::Error& fault) {
    return fault.what();
  }
}

}  // namespace

TEST_CASE("options for all programs, for this one and for others") {
  CHECK(read("# all\nbroker: unix:/a b  # where\n\nbtsub:\n  format: json\n  quiet: true\n"
             "btpub:\n  ack: none\n") == "broker=unix:/a b;format=json;quiet=true;");
  CHECK(read("btsub: {format: csv, quiet: yes}\nbtpub: {ack: none}") == "format=csv;quiet=yes;");
  CHECK(read("---\nack: none\nbtctl:\n  json: true\n") == "");
  CHECK(read("") == "");
}

TEST_CASE("lists in both forms, and quotes") {
  CHECK(read("btsub:\n  exclude: [\"$SYS/#\", 'it''s', plain]\n") == "exclude=$SYS/#,it's,plain;");
  CHECK(read("btsub:\n  exclude:\n    - a/#\n    - \"b # c\"  # d\n  format: raw\n") ==
        "exclude=a/#,b # c;format=raw;");
  CHECK(read("broker: \"a\\n\\\"b\\\"\"") == "broker=a\n\"b\";");
}

TEST_CASE("faults are named with their line") {
  CHECK(read("btsub:\n\tformat: json\n").find("client.yaml:2: a tab") != std::string::npos);
  CHECK(read("btsub:\n  formt: json\n").find("client.yaml:2: \"formt\" is not an option") !=
        std::string::npos);
  CHECK(read("broker\n").find("client.yaml:1: \"broker\": a \":\" must follow") !=
        std::string::npos);
  CHECK(read("broker: \"open\n").find(":1: the closing quote is missing") != std::string::npos);
  CHECK(read("  broker: x\n").find("under no program's name") != std::string::npos);
  CHECK(read("btsub: [a]\n").find("options of btsub expected") != std::string::npos);
  CHECK(read("btsub: {format: json\n").find("\",\" or \"}\"") != std::string::npos);
  CHECK(read("btsub:\n  exclude: [a b\n").find("\",\" or \"]\"") != std::string::npos);
  CHECK(read("- a\n").find("without a key") != std::string::npos);
  CHECK(read("broker: &x y\n").find("only plain and quoted") != std::string::npos);
}

TEST_CASE("what no program knows at the top, and what stands there twice, is a fault") {
  CHECK(read("brokr: x\n") == "client.yaml:1: \"brokr\" is not an option; did you mean broker?");
  CHECK(read("btsb: {format: csv}\n").find("\"btsb\" is not an option; did you mean btsub?") !=
        std::string::npos);
  CHECK(read("banana:\n  - x\n") == "client.yaml:1: \"banana\" is not an option");
  CHECK(read("btsub:\n  formt: json\n").ends_with("of btsub; did you mean format?"));
  CHECK(read("btpub:\n  formt: json\n") == "");
  CHECK(read("broker: a\n\nbroker: b\n") == "client.yaml:3: \"broker\" stands in line 1 already");
  CHECK(read("btsub:\n  quiet: yes\nbtsub: {format: csv}\n").find(":3: \"btsub\" stands") !=
        std::string::npos);
  CHECK(read("btsub: {quiet: yes, quiet: no}\n").find("\"quiet\" stands in line 1 already") !=
        std::string::npos);
  CHECK(read("ack: none\nbtpub:\n  ack: none\n") == "");
}

TEST_CASE("bytes that are no text are said to be that") {
  CHECK(read("broker: x\n\x80\t\xff\n") == "client.yaml:2: a byte that is not UTF-8");
  CHECK(read("broker: \xc3\xbc\n") == "broker=\xc3\xbc;");
}

TEST_CASE("a variable of the environment goes before the file") {
  CLI::App app("test", "btsub");
  std::string value;
  app.add_option("--format", value)->envname("BTB_TEST_FORMAT");
  const ConfigFile file("btsub", app);
  std::istringstream input("btsub: {format: csv}");
  setenv("BTB_TEST_FORMAT", "json", 1);
  CHECK(file.from_config(input).empty());
  unsetenv("BTB_TEST_FORMAT");
}
