// btsub as a person runs it: the real program, its output, its exit codes.
#include <map>
#include <set>

#include "tests/sdk/cli/process.h"

using namespace btb;
using namespace btb::cli;
using wire::Reason;
using wire::TopicKind;

TEST_CASE("btsub --once prints the rows of a state topic as JSON and ends with 0") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "--once", "-f", "json", "ward/#"});
  broker.greet();
  CHECK(broker.subscribed(1).filter == "ward/#");
  broker.topic(1, "ward/3", TopicKind::state, 2);
  broker.snapshot_begin(1);
  broker.data(1, 1, "bed 1", "{ \"free\": true }");
  broker.data(1, 2, "bed 2", "text\n");
  broker.snapshot_end(1, 2);
  CHECK(btsub.wait() == 0);
  CHECK(
      btsub.out() ==
      R"({"ts":"1970-01-01T00:00:01.000000Z","topic":"ward/3","seq":1,"op":"put","key":"bed 1","payload":{"free":true},"snapshot":true})"
      "\n"
      R"({"ts":"1970-01-01T00:00:01.000000Z","topic":"ward/3","seq":2,"op":"put","key":"bed 2","payload":"text\n","snapshot":true})"
      "\n");
  CHECK(btsub.err().empty());
}

TEST_CASE("btsub --once ends at once if nothing matches") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "--once", "none"});
  broker.greet();
  broker.subscribed(0);
  CHECK(btsub.wait() == 0);
  CHECK(btsub.out().empty());
}

TEST_CASE("btsub --once of an events topic prints what is kept") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "--once", "log"});
  broker.greet();
  CHECK(broker.subscribed(1).from == wire::From::beginning);
  broker.topic(1, "log", TopicKind::events, 2);
  broker.data(1, 1, "", "one");
  broker.data(1, 2, "", "two");
  CHECK(btsub.wait() == 0);
  CHECK(btsub.out() == "log one\nlog two\n");
}

TEST_CASE("btsub -v says when all it asked for is subscribed") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "-v", "log", "ward"});
  broker.greet();
  broker.subscribed(1);
  broker.topic(1, "log", TopicKind::events);
  broker.data(1, 1, "", "one");
  wait_until([&] { return btsub.out().ends_with("one\n"); });
  CHECK(btsub.err().find("subscribed;") == std::string::npos);
  broker.subscribed(0);
  wait_until([&] { return btsub.err().find("subscribed;") != std::string::npos; });
}

TEST_CASE("btsub prints each message as soon as it comes, also into a pipe or file") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "log"});
  broker.greet();
  broker.subscribed(1);
  broker.topic(1, "log", TopicKind::events);
  broker.data(1, 1, "", "one");
  wait_until([&] { return btsub.out() == "log one\n"; });
  btsub.signal(SIGINT);
  CHECK(broker.await<fb::GoodbyeT>().reason == Reason::normal);
  CHECK(btsub.wait() == 130);
  CHECK(btsub.err().empty());
}

TEST_CASE("btsub -n ends after exactly so many messages, -T leaves topics out") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "-n", "2", "-T", "a/secret", "a/#"});
  broker.greet();
  broker.subscribed(2);
  broker.topic(1, "a/secret", TopicKind::events);
  broker.topic(2, "a/b", TopicKind::events);
  broker.data(1, 1, "", "hidden");
  for (uint64_t seq = 1; seq <= 3; ++seq) broker.data(2, seq, "", std::to_string(seq));
  CHECK(btsub.wait() == 0);
  CHECK(btsub.out() == "a/b 1\na/b 2\n");
}

TEST_CASE("btsub -W ends with 3 if messages were missing and with 0 if some came without -n") {
  // The time begins with the program, and what is served has to be there by then.
  Served nothing, some;
  Process without("btsub", {"-b", nothing.address(), "-W", long_wait, "e"});
  Process with("btsub", {"-b", some.address(), "-W", long_wait, "e"});
  for (Served* broker : {&nothing, &some}) {
    broker->greet();
    broker->subscribed(1);
    broker->topic(1, "e", TopicKind::events);
  }
  some.data(1, 1, "", "x");
  CHECK(without.wait() == 3);
  CHECK(with.wait() == 0);
}

TEST_CASE("btsub -W says that the broker did not answer, if it did not") {
  for (const std::string time : {"0", "0.2"}) {
    Served broker;
    Process btsub("btsub", {"-b", broker.address(), "-W", time, "x"});
    CHECK(btsub.wait() == 3);
    CHECK(btsub.err() == "btsub: the time was over before the broker answered\n");
  }
}

TEST_CASE("btsub ends with 4 if there is no broker, or nobody answers") {
  Served broker;
  Process silent("btsub", {"-b", broker.address(), "--connect-timeout", "0.1", "x"});
  CHECK(silent.wait() == 4);
  CHECK(silent.err().find("no answer within 100 ms; is it a btbroker?") != std::string::npos);
  broker.stop_listening();
  Process nobody("btsub", {"-b", broker.address(), "x"});
  CHECK(nobody.wait() == 4);
  CHECK(nobody.err().find("cannot connect: " + broker.address()) != std::string::npos);
  Process nowhere("btsub", {"x"}, "", {"XDG_RUNTIME_DIR=/nonexistent"});
  const int exit = nowhere.wait();
  CHECK((exit == 4 || nowhere.err().find("no broker found") == std::string::npos));
  if (nowhere.err().find("no broker found") != std::string::npos) {
    CHECK(nowhere.err().find("; name one with -b ENDPOINT, or see whether `btctl doctor`") !=
          std::string::npos);
  }
}

TEST_CASE("btsub ends with 5 if the broker refuses the session or the subscription") {
  Served broker;
  Process full("btsub", {"-b", broker.address(), "x"});
  wait_until([&] { return broker.accept(); });
  broker.goodbye(Reason::not_allowed, "not \x1b[31myou");
  CHECK(full.wait() == 5);
  CHECK(full.err() == "btsub: the broker refused: not_allowed (not \\x1b[31myou)\n");
  broker.hang_up();
  Process refused("btsub", {"-b", broker.address(), "x"});
  broker.greet();
  fb::SubscribedT answer;
  answer.id = broker.await<fb::SubscribeT>().id;
  answer.reason = Reason::not_allowed;
  broker.say(answer);
  CHECK(refused.wait() == 5);
  CHECK(refused.err() == "btsub: the broker refused the subscription: not_allowed\n");
}

TEST_CASE("btsub ends with 2 and says what is wrong with the command line") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{}, "A FILTER is missing"},
      {{"a/#/b"}, "# is not the last level"},
      {{"x", "-T", "#/x"}, "--exclude"},
      {{"x", "-f", "xml"}, "xml"},
      {{"x", "-F", "{nope}"}, "{nope} is not known"},
      {{"x", "--from", "yesterday"}, "expected latest"},
      {{"x", "-n", "0"}, "--count: a number from 1 on is expected, not \"0\""},
      {{"x", "-n", "-1"}, "--count: a number from 1 on is expected, not \"-1\""},
      {{"x", "-n", ""}, "--count: a number from 1 on"},
      {{"x", "-n", "+1"}, "--count: a number from 1 on"},
      {{"x", "-n", "1e3"}, "--count: a number from 1 on"},
      {{"x", "--count=18446744073709551616"}, "up to 18446744073709551615, not"},
      {{"x", "--from=seq:-1"}, "expected latest"},
      {{"x", "--from=-9223372036854775808"}, "expected latest"},
      {{"x", "-W", "-1"}, "--timeout"},
      {{"x", "--connect-timeout", "-1"}, "--connect-timeout"},
      {{"x", "-b", "/tmp/x.sock"}, "; did you mean unix:/tmp/x.sock?"},
      {{"x", "--jsn"}, "btsub: there is no option --jsn; did you mean --format json?\n"},
      {{"x", "--ecxlude=y"}, "there is no option --ecxlude; did you mean --exclude?\n"},
      {{"x", "--banana"}, "there is no option --banana\n"},
      {{"x", "-W", "soon"}, "--timeout"},
      {{"x", "-b", "nowhere"}, "endpoint \"nowhere\""},
      {{"x", "--once", "--new"}, "exclude each other"},
      {{"x", "--frobnicate"}, "--frobnicate"}};
  for (const auto& [arguments, said] : cases) {
    Process btsub("btsub", arguments);
    CHECK(btsub.wait() == 2);
    CAPTURE(btsub.err());
    CHECK(btsub.err().find(said) != std::string::npos);
    CHECK(btsub.err().find("btsub --help") != std::string::npos);
  }
}

TEST_CASE("a reader that goes away ends btsub with 0, also while nothing comes") {
  Served broker;
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  Process btsub("btsub", {"-b", broker.address(), "e"}, "", {}, ends[1]);
  ::close(ends[1]);
  broker.greet();
  broker.subscribed(1);
  ::close(ends[0]);
  CHECK(btsub.wait() == 0);
  CHECK(btsub.err().empty());
}

TEST_CASE("btsub comes back after a lost connection, goes on where it was and tells of gaps") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "-n", "3", "e"});
  broker.greet();
  broker.subscribed(1);
  broker.topic(1, "e", TopicKind::events);
  broker.data(1, 1, "", "one");
  wait_until([&] { return btsub.out() == "e one\n"; });
  broker.hang_up();
  broker.greet();
  const auto resume = broker.subscribed(1);
  CHECK(resume.from == wire::From::resume);
  REQUIRE(resume.positions.size() == 1);
  CHECK(resume.positions[0].seq() == 1);
  broker.topic(1, "e", TopicKind::events, 5, 1);
  fb::GapT gap;
  gap.topic = 1;
  gap.first = 2;
  gap.last = 4;
  gap.reason = Reason::retention;
  broker.say(gap);
  broker.data(1, 5, "", "five");
  fb::MustRefetchT refetch;
  refetch.topic = 1;
  refetch.reason = Reason::overflow;
  broker.say(refetch);
  broker.data(1, 6, "", "six");
  CHECK(btsub.wait() == 0);
  CHECK(btsub.out() == "e one\ne five\ne six\n");
  CHECK(btsub.err().find("connection lost") != std::string::npos);
  CHECK(btsub.err().find("connected again to test") != std::string::npos);
  CHECK(btsub.err().find("e: missed 2..4: retention") != std::string::npos);
  CHECK(btsub.err().find("e: starts over: overflow") != std::string::npos);
}

TEST_CASE("json and csv have a line that says what is void after a restart, -n does not count it") {
  for (const std::string form : {"json", "csv", "text"}) {
    CAPTURE(form);
    Served broker;
    Process btsub("btsub",
                  {"-b", broker.address(), "-n", "3", "-f", form, "-T", "a/secret", "a/#"});
    broker.greet();
    broker.subscribed(3);
    broker.topic(1, "a/gone", TopicKind::state, 1);
    broker.topic(2, "a/secret", TopicKind::state, 1);
    broker.topic(3, "a/stays", TopicKind::events);
    broker.data(1, 1, "k", "old");
    broker.data(3, 1, "", "old");
    wait_until([&] { return btsub.out().find("a/stays") != std::string::npos; });
    broker.hang_up();
    broker.greet(false, 8);
    broker.subscribed(1);
    broker.topic(1, "a/stays", TopicKind::events, 1);
    fb::MustRefetchT refetch;
    refetch.topic = 1;
    refetch.reason = Reason::epoch_changed;
    broker.say(refetch);
    broker.data(1, 1, "", "new");
    CHECK(btsub.wait() == 0);
    CHECK(btsub.err().find("a/gone: starts over: epoch_changed\n") != std::string::npos);
    CHECK(btsub.err().find("a/secret") == std::string::npos);
    const std::string gone = form == "json" ? R"(Z","topic":"a/gone","seq":0,"op":"refetch",)"
                                              R"("key":"","payload":null,"snapshot":false})"
                                              "\n"
                                            : "Z,a/gone,0,refetch,,,false\r\n";
    CHECK((btsub.out().find(gone) != std::string::npos) == (form != "text"));
    size_t count = 0;
    for (size_t at = 0; (at = btsub.out().find("refetch", at)) != std::string::npos; ++at) ++count;
    CHECK(count == (form == "text" ? 0 : 2));
    CHECK(btsub.out().find("new") != std::string::npos);
  }
}

TEST_CASE("btsub asks for what --from, --new and several filters say") {
  Served broker;
  Process btsub("btsub",
                {"-b", broker.address(), "--from", "-7", "--new", "a", "b/+", "--name", "me"});
  wait_until([&] { return broker.accept(); });
  const auto hello = broker.await<fb::HelloT>();
  CHECK(hello.name == "me");
  CHECK(hello.agent == "btsub/" BTB_VERSION);
  broker.welcome();
  const auto first = broker.await<fb::SubscribeT>();
  CHECK(first.filter == "a");
  CHECK(first.from == wire::From::last);
  CHECK(first.value == 7);
  CHECK(first.no_snapshot);
  CHECK(broker.await<fb::SubscribeT>().filter == "b/+");
}

TEST_CASE("options come from the command line, then from variables, then from client.yaml") {
  Served broker;
  const std::string config = broker.endpoint.address + ".yaml";
  std::ofstream(config) << "broker: " << broker.address()
                        << "\nbtsub:\n  format: hex\n  count: 1\nbtpub: {ack: none}\n";
  const std::string named = "BTB_CONFIG=" + config;
  struct Case {
    std::vector<std::string> arguments, variables;
    std::string out;
  };
  for (const Case& c :
       {Case{{"e"}, {named}, "e 6869\n"}, Case{{"e"}, {named, "BTB_FORMAT=raw"}, "hi"},
        Case{{"e", "-f", "text"}, {named, "BTB_FORMAT=raw"}, "e hi\n"}}) {
    Process btsub("btsub", c.arguments, "", c.variables);
    broker.greet();
    broker.subscribed(1);
    broker.topic(1, "e", TopicKind::events);
    broker.data(1, 1, "", "hi");
    CHECK(btsub.wait() == 0);
    CHECK(btsub.out() == c.out);
    broker.hang_up();
  }
  std::ofstream(config) << "btsub:\n  formt: hex\n";
  Process wrong("btsub", {"e"}, "", {named});
  CHECK(wrong.wait() == 2);
  CHECK(wrong.err() == "btsub: " + config +
                           ":2: \"formt\" is not an option of btsub; did you mean format?\n"
                           "See \"btsub --help\".\n");
}

TEST_CASE("what is an option of any program may stand at the top of client.yaml") {
  const std::string fish = " -l ";
  std::map<std::string, std::set<std::string>> options;
  for (const std::string program : {"btsub", "btpub", "btctl"}) {
    Process completion(program, {"--completion", "fish"});
    REQUIRE(completion.wait() == 0);
    const std::string text = completion.out();
    for (size_t at = 0; (at = text.find(fish, at)) != std::string::npos;) {
      at += fish.size();
      options[program].insert(text.substr(at, text.find_first_of(" \n", at) - at));
    }
    for (const char* own : {"help", "version", "config", "completion", "man", "option"}) {
      options[program].erase(own);
    }
    REQUIRE(options[program].size() > 5);
  }
  Served broker;
  broker.stop_listening();
  const std::string config = broker.endpoint.address + ".yaml";
  for (const auto& [program, own] : options) {
    std::ofstream file(config);
    std::set<std::string> all;
    for (const auto& [other, names] : options) all.insert(names.begin(), names.end());
    for (const std::string& name : all) {
      if (!own.contains(name)) file << name << ": x\n";
    }
    file.close();
    std::vector<std::string> arguments{"-b", broker.address()};
    if (program == "btsub") arguments.push_back("x");
    if (program == "btpub") arguments.insert(arguments.end(), {"x", "-m", "y"});
    if (program == "btctl") arguments.push_back("status");
    Process reads(program, arguments, "", {"BTB_CONFIG=" + config});
    CHECK(reads.wait() == 4);
    CAPTURE(reads.err());
    CHECK(reads.err().find("is not an option") == std::string::npos);
  }
}

TEST_CASE("--rate and --latency print figures instead of messages") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "--rate", "--latency", "-n", "2", "e"});
  broker.greet();
  broker.subscribed(1);
  broker.topic(1, "e", TopicKind::events);
  broker.data(1, 1, "", "x");
  broker.data(1, 2, "", "y");
  CHECK(btsub.wait() == 0);
  CHECK(btsub.out().starts_with("total 2 messages"));
  CHECK(btsub.out().find("latency us: p50 ") != std::string::npos);
}

TEST_CASE("btsub says which message was too large, and prints those after it") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "-n", "2", "e"});
  broker.greet();
  broker.subscribed(1);
  broker.topic(1, "e", TopicKind::events);
  broker.data(1, 1, "", "one");
  wire::DataHead head;
  head.topic = 1;
  head.seq = 2;
  ByteVector bytes;
  wire::append_message(bytes, head, {}, as_bytes(std::string(limits::message_bytes_max + 1, 'x')));
  bytes.resize(wire::next_frame(bytes).consumed);  // its size stands in the first part
  broker.send(bytes);
  broker.data(1, 3, "", "three");
  CHECK(btsub.wait() == 0);
  CHECK(btsub.out() == "e one\ne three\n");
  CHECK(btsub.err() ==
        "btsub: e: left out 2: 16777217 bytes are more than the limit of 16777216\n");
}

TEST_CASE("btsub --once with filters that overlap ends, wherever it begins") {
  for (const std::string from : {"latest", "beginning", "-3"}) {
    CAPTURE(from);
    Served broker;
    Process btsub("btsub",
                  {"-b", broker.address(), "--once", "--from=" + from, "ward/#", "ward/4/+"});
    broker.greet();
    broker.subscribed(2);
    broker.subscribed(1);
    const bool rows = from != "-3";
    broker.topic(1, "ward/4/beds", TopicKind::state, 5, rows ? 0 : 2);
    if (rows) broker.snapshot_begin(1);
    broker.data(1, 5, "k", "v");
    if (rows) broker.snapshot_end(1, 5);
    broker.topic(2, "ward/5", TopicKind::events, 1, from == "latest" ? 1 : 0);
    if (from != "latest") broker.data(2, 1, "", "x");
    CHECK(btsub.wait() == 0);
    CHECK(btsub.out().starts_with("ward/4/beds k v"));
  }
}

TEST_CASE("btsub says that no topic matches, with the broker's hint, once, and not with -q") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "wrad/#", "later"});
  broker.greet();
  broker.subscribed(0, "did you mean ward/#?");
  broker.subscribed(0);
  wait_until([&] { return btsub.err().find("later") != std::string::npos; });
  CHECK(btsub.err() ==
        "btsub: no topic matches wrad/# yet; did you mean ward/#?\n"
        "btsub: no topic matches later yet\n");
  broker.hang_up();
  broker.greet();
  broker.subscribed(0, "did you mean ward/#?");
  broker.subscribed(0);
  broker.topic(1, "later", TopicKind::events);
  broker.data(1, 1, "", "x");
  wait_until([&] { return btsub.out() == "later x\n"; });
  CHECK(btsub.err().find("no topic", 90) == std::string::npos);
  for (const bool quiet : {false, true}) {
    Served other;
    Process once("btsub", {"-b", other.address(), "--once", quiet ? "-q" : "-v", "none"});
    other.greet();
    other.subscribed(0);
    CHECK(once.wait() == 0);
    CHECK((once.err().find("btsub: no topic matches none\n") == std::string::npos) == quiet);
  }
}

TEST_CASE("btsub says how many messages of events topics there are to ask for, unless it is told") {
  for (const std::string option : {"", "--from=latest", "-q"}) {
    CAPTURE(option);
    Served broker;
    std::vector<std::string> arguments{"-b", broker.address(), "log/#", "-n", "1"};
    if (!option.empty()) arguments.push_back(option);
    Process btsub("btsub", arguments);
    broker.greet();
    broker.subscribed(3);
    broker.topic(1, "log/door", TopicKind::events, 120, 120);
    broker.topic(2, "log/empty", TopicKind::events, 0, 0);
    broker.topic(3, "log/window", TopicKind::events, 7, 7);
    broker.data(1, 121, "", "x");
    CHECK(btsub.wait() == 0);
    const std::string told =
        "btsub: 2 topics keep 127 messages from before; --from beginning prints them\n";
    CHECK(btsub.err() == (option.empty() ? told : ""));
  }
}

TEST_CASE("btsub asks for all that is kept of dead letters, unless it is told where to begin") {
  Served broker;
  Process btsub("btsub", {"-b", broker.address(), "$dead/#", "log", "$dead/medication"});
  broker.greet();
  CHECK(broker.subscribed(0).from == wire::From::beginning);
  CHECK(broker.subscribed(0).from == wire::From::latest);
  CHECK(broker.subscribed(0).from == wire::From::beginning);
  Served other;
  Process latest("btsub", {"-b", other.address(), "--from", "latest", "$dead/#"});
  other.greet();
  CHECK(other.subscribed(0).from == wire::From::latest);
}
