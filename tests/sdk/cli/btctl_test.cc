#include "tests/sdk/cli/process.h"

using namespace btb;
using namespace btb::cli;
using wire::Reason;

namespace {

// Runs btctl against a broker that answers with `body`; returns what it was asked.
fb::CommandT answer(Served& broker, const std::string& body, Reason reason = Reason::none,
                    const std::string& text = {}) {
  broker.greet(true);
  auto command = broker.await<fb::CommandT>();
  fb::ReplyT reply;
  reply.id = command.id;
  reply.reason = reason;
  reply.text = text;
  reply.body = body;
  broker.say(reply);
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  return command;
}

}  // namespace

TEST_CASE("btctl prints tables, and with --json what the broker said") {
  const std::string body =
      R"([{"name":"a\u001b[2J","number":1,"bytes":1500,"odd":true},{"name":"longer","number":22,"bytes":3}])";
  Served broker;
  Process table("btctl", {"-b", broker.address(), "topics"});
  CHECK(answer(broker, body).verb == "topics");
  CHECK(table.wait() == 0);
  CHECK(table.out() ==
        "NAME      NUMBER   BYTES\n"
        "a\\x1b[2J       1  1.5 kB\n"
        "longer        22     3 B\n");
  Process json("btctl", {"-b", broker.address(), "topics", "--json"});
  (void)answer(broker, body);
  CHECK(json.wait() == 0);
  CHECK(json.out() == body + "\n");
  Process some("btctl", {"-b", broker.address(), "--json", "topics", "lon+"});
  CHECK(some.wait() == 2);
}

TEST_CASE("btctl filters topics by name") {
  Served broker;
  Process btctl("btctl", {"-b", broker.address(), "--json", "topics", "a/+"});
  (void)answer(broker, R"([{"name":"a/b"},{"name":"b"},7])");
  CHECK(btctl.wait() == 0);
  CHECK(btctl.out() == "[{\"name\":\"a/b\"}]\n");
}

TEST_CASE("btctl passes arguments on and says what failed") {
  Served broker;
  Process btctl("btctl", {"-b", broker.address(), "kick", "17"});
  const auto command = answer(broker, "{}", Reason::command_failed, "no session 17");
  CHECK(command.verb == "kick");
  CHECK(command.arguments == std::vector<std::string>{"17"});
  CHECK(btctl.wait() == 1);
  CHECK(btctl.err() == "btctl: no session 17\n");
}

TEST_CASE("btctl reload tells what was applied, what needs a restart and what is wrong") {
  Served broker;
  Process btctl("btctl", {"-b", broker.address(), "reload"});
  (void)answer(
      broker, R"({"applied":["source a: added"],"needs_restart":["limits"],"faults":["f:1:2: x"]})",
      Reason::command_failed, "faults");
  CHECK(btctl.wait() == 1);
  CHECK(btctl.out() ==
        "applied        source a: added\nneeds restart  limits\nfault          f:1:2: x\n");
}

TEST_CASE("btctl is refused where commands are not taken") {
  Served broker;
  Process btctl("btctl", {"-b", broker.address(), "status"});
  broker.greet(false);
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  CHECK(btctl.wait() == 5);
  CHECK(btctl.err().find("takes no commands") != std::string::npos);
  CHECK(btctl.err().find("where its configuration says `admin`\n") != std::string::npos);
}

TEST_CASE("btctl and btpub say that it was the broker who refused them") {
  const std::vector<std::vector<std::string>> programs{{"btctl", "status"},
                                                       {"btpub", "a", "-m", "x"}};
  for (const auto& words : programs) {
    Served broker;
    std::vector<std::string> arguments{"-b", broker.address()};
    arguments.insert(arguments.end(), words.begin() + 1, words.end());
    Process program(words[0], arguments);
    wait_until([&] { return broker.accept(); });
    broker.goodbye(Reason::full, "no place");
    CHECK(program.wait() == 5);
    CHECK(program.err() == words[0] + ": the broker refused: full (no place)\n");
  }
}

TEST_CASE("btctl says that no topic matches, and prints nothing") {
  for (const bool json : {false, true}) {
    Served broker;
    Process btctl("btctl", {"-b", broker.address(), "topics", "x/#", json ? "--json" : "-v"});
    (void)answer(broker, R"([{"name":"a/b"}])");
    CHECK(btctl.wait() == 0);
    CHECK(btctl.out() == (json ? "[]\n" : ""));
    CHECK(btctl.err().ends_with("btctl: no topic matches x/#\n"));
  }
}

TEST_CASE("btctl says which word it does not know, and which is near") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"sttus"}, "btctl: there is no command sttus; did you mean status?\n"},
      {{"-v", "bogus"}, "btctl: there is no command bogus; there is status, topics, sessions, "},
      {{"plugin", "chekc", "x"},
       "btctl: there is no command plugin chekc; did you mean plugin check?\n"},
      {{"status", "more"}, "btctl: \"more\" is one word too many\n"},
      {{"topics", "--jsn"}, "btctl: there is no option --jsn; did you mean --json?\n"},
      {{"plugin", "check", "x", "nonsense"}, "`nonsense` is not NAME=VALUE\n"},
      {{"plugin", "check", "x", "a=b", "-o", "c"}, "`c` is not NAME=VALUE\n"},
      {{"plugin", "check", "x", "a=b", "--optoin", "c=d"},
       "btctl: there is no option --optoin; did you mean --option?\n"}};
  for (const auto& [arguments, said] : cases) {
    Process btctl("btctl", arguments);
    CHECK(btctl.wait() == 2);
    CAPTURE(btctl.err());
    CHECK(btctl.err().find(said) != std::string::npos);
  }
}

TEST_CASE("btctl ends with 2 without a command, with an unknown one, or one argument too few") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{}, {"frobnicate"}, {"kick"}, {"pause"}}) {
    Process btctl("btctl", arguments);
    CHECK(btctl.wait() == 2);
  }
}

TEST_CASE("btctl whose output cannot be written says so and ends with 1") {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"status"}, {"--json", "topics"}, {"reload"}}) {
    Served broker;
    std::vector<std::string> arguments{"-b", broker.address()};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    Process btctl("btctl", arguments, "", {}, full);
    ::close(full);
    (void)answer(broker, words[0] == "status" ? R"({"name":"a"})" : "[]");
    CHECK(btctl.wait() == 1);
    CHECK(btctl.err() == "btctl: standard output: No space left on device\n");
  }
}

TEST_CASE("btctl --json prints nothing that is not JSON for every reader") {
  Served broker;
  Process btctl("btctl", {"-b", broker.address(), "--json", "sources"});
  (void)answer(broker, R"([{"text":"\ud800"}])");
  CHECK(btctl.wait() == 1);
  CHECK(btctl.out().empty());
  CHECK(btctl.err() == "btctl: the broker's answer is not JSON\n");
}

TEST_CASE("btctl sources says where the records are that could not be read") {
  const std::string body =
      R"([{"name":"a","state":"live","dead_letters":3,"dead_letter_topic":"$dead/a"},)"
      R"({"name":"b","state":"live","dead_letters":0,"dead_letter_topic":"$dead/b"},7])";
  for (const bool quiet : {false, true}) {
    Served broker;
    Process btctl("btctl", {"-b", broker.address(), "sources", quiet ? "-q" : "-v"});
    (void)answer(broker, body);
    CHECK(btctl.wait() == 0);
    CHECK(btctl.err() == (quiet ? ""
                                : "btctl: a: 3 records could not be read or published; btsub "
                                  "'$dead/a' shows them\n"));
  }
}

TEST_CASE("btctl has the words that a shell completes, and none where there is no broker") {
  const auto words = [](const std::string& kind, const std::string& body) {
    Served broker;
    Process btctl("btctl", {"-b", broker.address(), "complete", kind}, "",
                  {"BTB_COMPLETION_TIMEOUT=300"});
    CHECK(answer(broker, body).verb == kind);
    CHECK(btctl.wait() == 0);
    return btctl.out();
  };
  CHECK(words("sources", R"([{"name":"a b","state":"live"},{"name":"c"},{"x":1},7])") ==
        "a b\tlive\nc\t\n");
  CHECK(words("sessions", R"([{"id":7,"name":"btsub"}])") == "7\tbtsub\n");
  CHECK(words("topics", R"([{"name":"x\u001by","kind":"state"},{"name":"y","kind":"state"}])") ==
        "y\tstate\n");
  Process nobody("btctl", {"-b", "unix:/nonexistent", "complete", "topics"});
  CHECK(nobody.wait() == 4);
  CHECK(nobody.out().empty());
  Served silent;
  Process waits("btctl", {"-b", silent.address(), "complete", "topics"});
  silent.greet(true);
  const int exit = waits.wait();
  CHECK((exit == 3 || exit == 4));  // 4 if not even the greeting came in time
  Process help("btctl", {"--help"});
  CHECK(help.wait() == 0);
  CHECK(help.out().find("complete ") == std::string::npos);
}
