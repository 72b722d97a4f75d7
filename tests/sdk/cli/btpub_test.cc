#include "tests/sdk/cli/process.h"

using namespace btb;
using namespace btb::cli;
using wire::Reason;

namespace {

// Welcomes btpub and opens the topic it asks for, as number 4.
fb::OpenT open_topic(Served& broker, uint32_t message_bytes_max = 0,
                     wire::TopicKind kind = wire::TopicKind::events) {
  broker.greet(false, 7, message_bytes_max);
  auto open = broker.await<fb::OpenT>();
  fb::OpenedT answer;
  answer.id = open.id;
  answer.number = 4;
  answer.kind = kind;
  broker.say(answer);
  return open;
}

void ack(Served& broker, uint64_t published) {
  fb::AckT message;
  message.topic = 4;
  message.published = published;
  broker.say(message);
}

}  // namespace

TEST_CASE("btpub waits until the broker has the message, then ends with 0") {
  Served broker;
  Process btpub("btpub", {"-b", broker.address(), "ward/1", "-k", "bed", "-m", "free"});
  const auto open = open_topic(broker);
  CHECK(open.name == "ward/1");
  CHECK(open.ack == wire::AckLevel::memory);
  CHECK(broker.await_data() == "1 [bed] free");
  ack(broker, 1);
  CHECK(broker.await<fb::GoodbyeT>().reason == Reason::normal);
  broker.hang_up();
  CHECK(btpub.wait() == 0);
  CHECK(btpub.err().empty());
}

TEST_CASE("btpub --ack none ends when all is sent") {
  Served broker;
  Process btpub("btpub", {"-b", broker.address(), "t", "-k", "x", "--delete", "--ack", "none"});
  CHECK(open_topic(broker).ack == wire::AckLevel::none);
  CHECK(broker.await_data() == "1 [x] delete");
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  CHECK(btpub.wait() == 0);
}

TEST_CASE("btpub -l publishes each line, the last one without its end too, with keys if asked") {
  Served broker;
  Process btpub("btpub", {"-b", broker.address(), "t", "-l", "-K", "="}, "a=1\r\nb=2=3\nc=");
  (void)open_topic(broker);
  CHECK(broker.await_data() == "1 [a] 1");
  CHECK(broker.await_data() == "2 [b] 2=3");
  CHECK(broker.await_data() == "3 [c] ");
  ack(broker, 3);
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  CHECK(btpub.wait() == 0);
}

TEST_CASE("btpub -l -K leaves out lines without a key, names them, and ends with 1") {
  Served broker;
  Process btpub("btpub", {"-b", broker.address(), "t", "-l", "-K", "=", "-q"},
                "a=1\nnone\n\n=x\nb=2\nlast");
  (void)open_topic(broker);
  CHECK(broker.await_data() == "1 [a] 1");
  CHECK(broker.await_data() == "2 [b] 2");
  ack(broker, 2);
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  CHECK(btpub.wait() == 1);
  std::string said;
  for (const char* line : {"2", "3", "4", "6"}) {
    said += "btpub: line " + std::string(line) + " is left out: no key before a \"=\"\n";
  }
  CHECK(btpub.err() == said);
}

TEST_CASE("btpub says what a refused deletion means, and what was never connected is not lost") {
  Served broker;
  Process btpub("btpub", {"-b", broker.address(), "t", "-k", "x", "--delete"});
  (void)open_topic(broker);
  (void)broker.await_data();
  fb::RejectT reject;
  reject.topic = 4;
  reject.published = 1;
  reject.reason = Reason::delete_unsupported;
  broker.say(reject);
  CHECK(btpub.wait() == 5);
  CHECK(btpub.err() ==
        "btpub: message 1 was rejected: delete_unsupported; an events topic has no rows to "
        "delete\n");
  broker.hang_up();
  broker.stop_listening();
  Process retries("btpub", {"-b", broker.address(), "--retry", "t", "-m", "x"});
  wait_until([&] { return retries.err().find("; connecting again\n") != std::string::npos; });
  CHECK(retries.err().starts_with("btpub: cannot connect: "));
}

TEST_CASE("btpub says once that rows need keys, and nothing where there is one") {
  for (const bool with_key : {false, true}) {
    Served broker;
    std::vector<std::string> words{"-b", broker.address(), "t", "-l"};
    if (with_key) words.insert(words.end(), {"-k", "x"});
    Process btpub("btpub", words, "one\ntwo\n");
    (void)open_topic(broker, 0, wire::TopicKind::state);
    (void)broker.await_data();
    (void)broker.await_data();
    ack(broker, 2);
    (void)broker.await<fb::GoodbyeT>();
    broker.hang_up();
    CHECK(btpub.wait() == 0);
    const char* note =
        "btpub: this topic holds rows; without a key (-k) each message replaces the last one\n";
    CHECK(btpub.err() == (with_key ? "" : note));
  }
}

TEST_CASE("btpub says which word it does not know and what is missing") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"foo", "--msg", "hi"}, "btpub: there is no option --msg; did you mean --message?\n"},
      {{"foo", "hello"}, "btpub: \"hello\" is one word too many; the text is given with -m\n"},
      {{"", "-m", "hi"}, "btpub: the topic is empty\n"},
      {{"a/+", "-m", "hi"}, "btpub: topic \"a/+\": "},
      {{"-m", "hi"}, "--topic is required"}};
  for (const auto& [arguments, said] : cases) {
    Process btpub("btpub", arguments);
    CHECK(btpub.wait() == 2);
    CAPTURE(btpub.err());
    CHECK(btpub.err().find(said) != std::string::npos);
  }
}

TEST_CASE("btpub ends with 5 if the topic or a message is refused, and says why") {
  Served broker;
  Process rejected("btpub", {"-b", broker.address(), "t", "-m", "x"});
  (void)open_topic(broker);
  (void)broker.await_data();
  fb::RejectT reject;
  reject.topic = 4;
  reject.published = 1;
  reject.reason = Reason::topic_full;
  broker.say(reject);
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  CHECK(rejected.wait() == 5);
  CHECK(rejected.err() == "btpub: message 1 was rejected: topic_full\n");
  Process refused("btpub", {"-b", broker.address(), "$SYS/x", "-m", "x"});
  broker.greet();
  fb::OpenedT answer;
  answer.id = broker.await<fb::OpenT>().id;
  answer.reason = Reason::reserved_name;
  broker.say(answer);
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  CHECK(refused.wait() == 5);
  CHECK(refused.err() == "btpub: the broker refused the topic: reserved_name\n");
}

TEST_CASE("btpub ends with 1 if the connection is lost before the answer") {
  Served broker;
  Process btpub("btpub", {"-b", broker.address(), "t", "-m", "x"});
  (void)open_topic(broker);
  (void)broker.await_data();
  broker.hang_up();
  CHECK(btpub.wait() == 1);
  CHECK(btpub.err() ==
        "btpub: the connection was lost: 0 messages were confirmed, 1 was not: it may have been "
        "taken or not\n");
}

TEST_CASE("btpub -f publishes the bytes of a file; a file that is not there is an error") {
  Served broker;
  const std::string path = broker.endpoint.address + ".txt";
  std::ofstream(path) << "two\nlines\n";
  Process btpub("btpub", {"-b", broker.address(), "t", "-f", path});
  (void)open_topic(broker);
  CHECK(broker.await_data() == "1 [] two\nlines\n");
  Process missing("btpub", {"-b", broker.address(), "t", "-f", "/nonexistent"});
  CHECK(missing.wait() == 1);
}

TEST_CASE("btpub ends with 2 if it is not told what to publish, or too much") {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"t"},
                                                    {"t", "-m", "x", "-l"},
                                                    {"a/+", "-m", "x"},
                                                    {"-m", "x"},
                                                    {"t", "-m", "x", "-K", "="},
                                                    {"t", "-m", "x", "--ack", "disk"}}) {
    Process btpub("btpub", arguments);
    CHECK(btpub.wait() == 2);
  }
}

namespace {

// A pipe whose reading end is a program's input. Closed on exec, so that the program sees its end.
struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close(size_t end) {
    if (ends[end] >= 0) ::close(std::exchange(ends[end], -1));
  }
  void write(std::string_view text) const {
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  std::array<int, 2> ends{-1, -1};
};

}  // namespace

TEST_CASE("btpub -l leaves out a line that is too long, names it, and publishes those behind it") {
  Served broker;
  const std::string input = "one\n" + std::string(3'000'000, 'x') + "\nthree\n" +
                            std::string(1'025, 'k') + "=v\n" + std::string(101, 'y');
  Process btpub("btpub", {"-b", broker.address(), "t", "-l"}, input);
  (void)open_topic(broker, 100);
  CHECK(broker.await_data() == "1 [] one");
  CHECK(broker.await_data() == "2 [] three");
  ack(broker, 2);
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  CHECK(btpub.wait() == 1);
  CHECK(
      btpub.err() ==
      "btpub: line 2 is left out: it has 3000000 bytes, and a message at most 100 at this broker\n"
      "btpub: line 4 is left out: it has 1027 bytes, more than 100, the most that this broker "
      "takes\n"
      "btpub: line 5 is left out: it has 101 bytes, more than 100, the most that this broker "
      "takes\n");
  Process keys("btpub", {"-b", broker.address(), "t", "-l", "-K", "="},
               std::string(1'025, 'k') + "=v\nb=2\n");
  (void)open_topic(broker);
  CHECK(broker.await_data() == "1 [b] 2");
  ack(broker, 1);
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  CHECK(keys.wait() == 1);
  CHECK(keys.err() == "btpub: line 1 is left out: its key has 1025 bytes, more than 1024\n");
}

TEST_CASE("btpub -l names the line that the broker rejects") {
  Served broker;
  Process btpub("btpub", {"-b", broker.address(), "t", "-l", "-K", "="}, "none\na=1\nb=2\n");
  (void)open_topic(broker);
  CHECK(broker.await_data() == "1 [a] 1");
  CHECK(broker.await_data() == "2 [b] 2");
  fb::RejectT reject;
  reject.topic = 4;
  reject.published = 2;
  reject.reason = Reason::topic_full;
  broker.say(reject);
  (void)broker.await<fb::GoodbyeT>();
  broker.hang_up();
  CHECK(btpub.wait() == 5);
  CHECK(btpub.err() ==
        "btpub: line 1 is left out: no key before a \"=\"\n"
        "btpub: line 3 was rejected: topic_full\n");
}

TEST_CASE("btpub -l whose input ends while the broker is away ends with 0 if all was confirmed") {
  Served broker;
  Pipe input;
  Process btpub("btpub", {"-b", broker.address(), "t", "-l"}, "", {}, -1, input.ends[0]);
  (void)open_topic(broker);
  input.write("one\n");
  CHECK(broker.await_data() == "1 [] one");
  ack(broker, 1);
  broker.stop_listening();
  broker.hang_up();
  wait_until([&] { return btpub.err().find("; connecting again") != std::string::npos; });
  input.close(1);
  CHECK(btpub.wait() == 0);
}

TEST_CASE("btpub -W ends with 3 and says what was confirmed and what was not") {
  Served broker;
  Process silent("btpub", {"-b", broker.address(), "-W", "0.2", "t", "-m", "x"});
  CHECK(silent.wait() == 3);
  CHECK(silent.err() ==
        "btpub: the time was over before the broker answered; nothing was published\n");
  Served other;
  Pipe input;
  Process btpub("btpub", {"-b", other.address(), "-W", long_wait, "t", "-l"}, "", {}, -1,
                input.ends[0]);
  (void)open_topic(other);
  input.write("one\ntwo\nthree\n");
  CHECK(other.await_data() == "1 [] one");
  ack(other, 1);
  CHECK(btpub.wait() == 3);
  CHECK(
      btpub.err() ==
      "btpub: the time was over: 1 message was confirmed, 2 were not: they may have been taken or "
      "not\n");
  Process wrong("btpub", {"-b", other.address(), "-W", "soon", "t", "-m", "x"});
  CHECK(wrong.wait() == 2);
}

TEST_CASE("btpub -W ends an endless input with 0 if all of it was confirmed") {
  Served broker;
  Pipe input;
  Process btpub("btpub", {"-b", broker.address(), "-W", long_wait, "t", "-l"}, "", {}, -1,
                input.ends[0]);
  (void)open_topic(broker);
  input.write("one\n");
  CHECK(broker.await_data() == "1 [] one");
  ack(broker, 1);
  CHECK(btpub.wait() == 0);
  CHECK(btpub.err().empty());
}

TEST_CASE("btpub that is interrupted says so, and not that the connection was lost") {
  for (const int signal : {SIGINT, SIGTERM}) {
    Served broker;
    Pipe input;
    Process btpub("btpub", {"-b", broker.address(), "t", "-l"}, "", {}, -1, input.ends[0]);
    (void)open_topic(broker);
    input.write("one\ntwo\n");
    CHECK(broker.await_data() == "1 [] one");
    CHECK(broker.await_data() == "2 [] two");
    btpub.signal(signal);
    (void)broker.await<fb::GoodbyeT>();
    broker.hang_up();
    CHECK(btpub.wait() == 128 + signal);
    CHECK(btpub.err() == std::string("btpub: ") +
                             (signal == SIGINT ? "interrupted" : "terminated") +
                             ": 0 messages were confirmed, 2 were not: they may have been taken or "
                             "not\n");
  }
  Served away;
  Process btpub("btpub", {"-b", away.address(), "t", "-l"}, "one\n");
  wait_until([&] { return away.accept(); });
  btpub.signal(SIGINT);
  CHECK(btpub.wait() == 130);
  CHECK(btpub.err() ==
        "btpub: interrupted before the broker answered; nothing was published\n"
        "btpub: from line 1 on nothing was published\n");
}

TEST_CASE("btpub -l that cannot read its input says why and ends with 1") {
  Served broker;
  const int directory = ::open("/", O_RDONLY | O_CLOEXEC);
  Process btpub("btpub", {"-b", broker.address(), "t", "-l"}, "", {}, -1, directory);
  ::close(directory);
  CHECK(btpub.wait() == 1);
  CHECK(btpub.err() == "btpub: standard input: Is a directory\n");
}
